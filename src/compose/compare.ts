/** Two deployments of one stack beside each other: what makes the second of the first. Pure. */
import type { Service } from '../model/objects.ts';
import type { ServiceSpec } from '../model/spec.ts';
import type { Deployment } from './deployment.ts';
import { type PlanItem, planOf } from './plan.ts';

/** As a plan against a swarm in which there is the first one and nothing else. `kept`: a spec as the swarm keeps it. */
export function compared(
  before: Deployment,
  after: Deployment,
  kept: (spec: ServiceSpec) => ServiceSpec,
): PlanItem[] {
  const named = <T extends { Name?: string | null }>(Spec: T) => ({
    ...meta(Spec.Name ?? ''),
    Spec,
    internal: {},
  });
  const contents = (objects: typeof before.secrets) => objects.map((spec) => named(spec));
  const plan = planOf(
    after,
    {
      networks: before.networks.map((spec) => named(spec)),
      secrets: contents(before.secrets),
      configs: contents(before.configs),
      services: before.services.map(({ spec, secrets, configs }): Service => {
        const files = (kind: 'Secret' | 'Config', list: typeof secrets) => {
          const own = new Set(before[kind === 'Secret' ? 'secrets' : 'configs'].map(({ Name }) => Name));
          return list.map(({ name, file }) => ({
            ...{ File: file, [`${kind}Name`]: name },
            [`${kind}ID`]: own.has(name) ? name : '',
          }));
        };
        const container = {
          ...spec.TaskTemplate?.ContainerSpec,
          Secrets: files('Secret', secrets),
          Configs: files('Config', configs),
        };
        return {
          ...meta(spec.Name ?? ''),
          Spec: { ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: container } },
          Endpoint: { Spec: {} },
          internal: { specVersion: 0 },
        } as Service;
      }),
      running: () => 0,
      kept,
      networkId: () => undefined,
    },
    true,
  );
  return [...plan, ...gone(before, after)].filter(({ action }) => action !== 'keep');
}

function gone(before: Deployment, after: Deployment): PlanItem[] {
  return (['network', 'secret', 'config'] as const).flatMap((kind) => {
    const left = new Set(after[`${kind}s`].map(({ Name }) => Name));
    return before[`${kind}s`]
      .filter(({ Name }) => !left.has(Name))
      .map(({ Name }) => ({ kind, name: Name ?? '', action: 'remove' as const, changes: [], restarts: 0 }));
  });
}

const meta = (ID: string) => ({ ID, Version: { Index: 0 }, CreatedAt: '', UpdatedAt: '' });
