/** What a deployment would change of what there is. Pure. */

import type { Config, Network, Secret, Service } from '../model/objects.ts';
import { sameSpec } from '../model/same-spec.ts';
import type { ServiceSpec } from '../model/spec.ts';
import type { Deployment } from './deployment.ts';
import { withUnsaid } from './unsaid.ts';

export interface Change {
  /** `TaskTemplate.ContainerSpec.Image` */
  field: string;
  before?: unknown;
  after?: unknown;
}

export interface PlanItem {
  kind: 'network' | 'secret' | 'config' | 'service';
  name: string;
  action: 'create' | 'update' | 'keep' | 'remove';
  changes: Change[];
  /** How many tasks are started anew. */
  restarts: number;
}

export interface Live {
  networks: readonly Network[];
  secrets: readonly Secret[];
  configs: readonly Config[];
  services: readonly Service[];
  /** How many tasks of a service run. */
  running(service: Service): number;
  /** A spec as the swarm keeps it: with what it puts in where nothing is said. */
  kept(spec: ServiceSpec): ServiceSpec;
  /** The ids of the swarm's objects by name; undefined: there is none. */
  networkId(name: string): string | undefined;
}

/** In the order in which it would be done. Services of the stack that are not in the file go if `prune` is set. */
export function planOf(deployment: Deployment, live: Live, prune: boolean): PlanItem[] {
  const items: PlanItem[] = [];
  for (const { Name } of deployment.networks) {
    const known = live.networks.some(({ Spec }) => Spec.Name === Name);
    // Networks cannot be changed: one that is there is used as it is.
    items.push({ kind: 'network', name: Name!, action: known ? 'keep' : 'create', changes: [], restarts: 0 });
  }
  for (const kind of ['secret', 'config'] as const) {
    const objects: ReadonlyArray<Secret | Config> = kind === 'secret' ? live.secrets : live.configs;
    for (const { Name, Data } of kind === 'secret' ? deployment.secrets : deployment.configs) {
      const found = objects.find(({ Spec }) => Spec.Name === Name);
      const isSame = found?.Spec.Data === Data;
      const action = !found ? 'create' : isSame ? 'keep' : 'update';
      const changes = action === 'update' ? [{ field: 'content' }] : [];
      items.push({ kind, name: Name!, action, changes, restarts: 0 });
    }
  }
  const changed = new Set(items.filter(({ action }) => action === 'update').map(({ name }) => name));
  for (const { spec, secrets, configs } of deployment.services) {
    const service = live.services.find(({ Spec }) => Spec.Name === spec.Name);
    if (!service) {
      items.push({ kind: 'service', name: spec.Name!, action: 'create', changes: [], restarts: 0 });
      continue;
    }
    const wanted = withLive(spec, service, { secrets, configs }, live);
    const changes = differences(live.kept(service.Spec), live.kept(wanted));
    for (const { name } of [...secrets, ...configs])
      if (changed.has(name)) changes.push({ field: `content of ${name}` });
    const isRestart = changes.some(
      ({ field }) => field.startsWith('TaskTemplate') || field.startsWith('content of'),
    );
    items.push({
      ...{ kind: 'service', name: spec.Name!, changes },
      action: changes.length > 0 ? 'update' : 'keep',
      restarts: isRestart ? live.running(service) : 0,
    });
  }
  if (prune) {
    const kept = new Set(deployment.services.map(({ spec }) => spec.Name));
    for (const { Spec } of live.services)
      if (!kept.has(Spec.Name))
        items.push({ kind: 'service', name: Spec.Name!, action: 'remove', changes: [], restarts: 0 });
  }
  return items;
}

/**
 * The spec as it would be written over that service: with the ids of what it names, and with what the swarm or the CLI has
 * put in that a file cannot say.
 */
export function withLive(
  spec: ServiceSpec,
  service: Service | undefined,
  { secrets, configs }: Pick<Deployment['services'][number], 'secrets' | 'configs'>,
  live: Pick<Live, 'networkId'> & Pick<Live, 'secrets' | 'configs'>,
): ServiceSpec {
  const idOf = (objects: ReadonlyArray<Secret | Config>, name: string): string =>
    objects.find(({ Spec }) => Spec.Name === name)?.ID ?? '';
  const Secrets = secrets.map(({ name, file }) => ({
    ...{ File: file, SecretID: idOf(live.secrets, name), SecretName: name },
  }));
  const Configs = configs.map(({ name, file }) => ({
    ...{ File: file, ConfigID: idOf(live.configs, name), ConfigName: name },
  }));
  const named: ServiceSpec = {
    ...spec,
    TaskTemplate: {
      ...spec.TaskTemplate,
      Networks: spec.TaskTemplate?.Networks?.map((each) => ({
        ...each,
        Target: live.networkId(each.Target ?? '') ?? each.Target,
      })),
      ContainerSpec: {
        ...spec.TaskTemplate?.ContainerSpec,
        ...(Secrets.length > 0 && { Secrets }),
        ...(Configs.length > 0 && { Configs }),
      },
    },
  };
  return withUnsaid(named, service?.Spec);
}

/** Each field in which two specs differ in what they mean; what is not said, is empty or is null is the same. */
export function differences(before: unknown, after: unknown, field = ''): Change[] {
  if (isEmpty(before) && isEmpty(after)) return [];
  if (isPlain(before) && isPlain(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      differences(before[key], after[key], field === '' ? key : `${field}.${key}`),
    );
  }
  if (sameSpec(before, after, field.split('.').at(-1))) return [];
  return [{ field, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}
