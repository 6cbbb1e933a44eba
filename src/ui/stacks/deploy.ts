/** Deploys a stack as the docker CLI does: by the API's own routes, one after the other. */
import type { Actor } from '../../access/actor.ts';
import { judged } from '../../access/judge.ts';
import type { Deployment } from '../../compose/deployment.ts';
import { type PlanItem, planOf, withLive } from '../../compose/plan.ts';
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import type { View } from '../../store/contract.ts';
import { liveStack } from './live.ts';

export interface Deploying {
  deployment: Deployment;
  prune: boolean;
  view: View;
  /** The daemon's own API. */
  api: EngineClient;
  /** Somebody who may only deploy: every spec is judged. */
  deployer?: Actor;
}

/** What was done. What fails is said with what was being done; what was done before that stays. @throws ApiError */
export async function deploy({ deployment, prune, view, api, deployer }: Deploying): Promise<PlanItem[]> {
  const plan = planOf(deployment, liveStack(deployment.stack, view), prune);
  for (const name of deployment.externalNetworks)
    if (!['host', 'bridge', 'none'].includes(name) && view.byName('network', name).length === 0)
      throw new ApiError(
        400,
        `network "${name}" is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed`,
      );
  if (deployer) judgeAll(deployment, view, deployer);
  const planned = (kind: PlanItem['kind'], name: string) =>
    plan.find((item) => item.kind === kind && item.name === name)!.action;

  for (const spec of deployment.networks) {
    if (planned('network', spec.Name!) !== 'create') continue;
    await doing(`creating network ${spec.Name}`, api.json('POST', '/networks/create', { body: spec }));
  }
  for (const kind of ['secret', 'config'] as const) {
    for (const spec of kind === 'secret' ? deployment.secrets : deployment.configs) {
      const action = planned(kind, spec.Name!);
      if (action === 'create')
        await doing(`creating ${kind} ${spec.Name}`, api.json('POST', `/${kind}s/create`, { body: spec }));
      if (action !== 'update') continue;
      const found = view.byName(kind, spec.Name!)[0]!;
      const query = { version: String(found.Version.Index) };
      const path = `/${kind}s/${found.ID}/update`;
      await doing(`updating ${kind} ${spec.Name}`, api.json('POST', path, { query, body: spec }));
    }
  }
  for (const service of deployment.services) {
    const name = service.spec.Name!;
    if (planned('service', name) === 'keep') continue;
    const live = liveStack(deployment.stack, view);
    const found = live.services.find(({ Spec }) => Spec.Name === name);
    const spec: ServiceSpec = withLive(service.spec, found, service, live);
    if (!found) {
      await doing(`creating service ${name}`, api.json('POST', '/services/create', { body: spec }));
      continue;
    }
    const query = { version: String(found.Version.Index) };
    await doing(
      `updating service ${name}`,
      api.json('POST', `/services/${found.ID}/update`, { query, body: spec }),
    );
  }
  for (const { kind, name, action } of plan) {
    if (kind !== 'service' || action !== 'remove') continue;
    await doing(`removing service ${name}`, api.json('DELETE', `/services/${encodeURIComponent(name)}`));
  }
  return plan;
}

/** @throws ApiError 403 */
function judgeAll(
  { networks, secrets, configs, services, stack }: Deployment,
  view: View,
  actor: Actor,
): void {
  for (const spec of networks) judged('network', JSON.stringify(spec), actor, view);
  for (const spec of secrets) judged('secret', JSON.stringify(spec), actor, view);
  for (const spec of configs) judged('config', JSON.stringify(spec), actor, view);
  const live = liveStack(stack, view);
  const own = new Set([...networks, ...secrets, ...configs].map(({ Name }) => Name));
  for (const service of services) {
    const found = live.services.find(({ Spec }) => Spec.Name === service.spec.Name);
    const spec = withLive(service.spec, found, service, live);
    const task = spec.TaskTemplate;
    const container = task?.ContainerSpec;
    // What this deployment makes itself was judged above, and is not there yet.
    const known: ServiceSpec = {
      ...spec,
      TaskTemplate: {
        ...task,
        Networks: task?.Networks?.filter(
          ({ Target }) => view.get('network', Target ?? '') || !own.has(Target ?? ''),
        ),
        ContainerSpec: {
          ...container,
          Secrets: container?.Secrets?.filter(
            ({ SecretID, SecretName }) => SecretID || !own.has(SecretName ?? ''),
          ),
          Configs: container?.Configs?.filter(
            ({ ConfigID, ConfigName }) => ConfigID || !own.has(ConfigName ?? ''),
          ),
        },
      },
    };
    judged('service', JSON.stringify(known), actor, view);
  }
}

async function doing(what: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ApiError) throw new ApiError(error.status, `${what}: ${error.message}`);
    throw error;
  }
}
