/** The networks that services are attached to. */
import type { EngineClient } from '../../../engine/client.ts';
import { taskTemplate } from '../../../model/defaults.ts';
import { namedNetworks } from '../../../model/endpoint.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import { isNodeLocal, isPredefined } from '../../../model/node-local.ts';
import type { Service } from '../../../model/objects.ts';
import type { NetworkAttachmentConfig, ServiceSpec } from '../../../model/spec.ts';
import type { View } from '../../../store/contract.ts';
import { findNetwork } from '../lookup.ts';

/**
 * The spec with its networks named by their ids in the cluster, as they are stored. Throws ApiError, with Docker's
 * statuses, for networks that do not exist and those that only this host has.
 */
export async function resolveNetworks(
  view: View,
  engine: EngineClient,
  spec: ServiceSpec,
  signal: AbortSignal,
): Promise<ServiceSpec> {
  const networks = taskTemplate(spec).Networks;
  if (!networks?.length) return spec;
  const resolved: NetworkAttachmentConfig[] = [];
  for (const attachment of networks) {
    resolved.push({ ...attachment, Target: await resolve(view, engine, attachment.Target ?? '', signal) });
  }
  if (!spec.TaskTemplate?.Networks?.length) return { ...spec, Networks: resolved };
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks: resolved } };
}

async function resolve(
  view: View,
  engine: EngineClient,
  target: string,
  signal: AbortSignal,
): Promise<string> {
  const network = findNetwork(view, target);
  if (network) {
    if (!network.Spec.Ingress) return network.ID;
    throw rpcError(
      'InvalidArgument',
      `Service cannot be explicitly attached to the ingress network ${JSON.stringify(network.Spec.Name)}`,
    );
  }
  // No name is the beginning of every id.
  if (target === '') {
    throw new ApiError(400, `network  is ambiguous (${view.count('network')} matches found)`);
  }
  const name = await nameHere(engine, target, signal);
  if (name === undefined) throw new ApiError(500, `network ${target} not found`);
  // One that every engine has may be named by the id that this one gave it.
  const own = findNetwork(view, name);
  if (own && isPredefined(own.Spec)) return own.ID;
  if (name === 'none') {
    throw new ApiError(
      404,
      'could not find the corresponding predefined swarm network: network none not found',
    );
  }
  throw new ApiError(
    403,
    `The network ${name} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.`,
  );
}

/** The name of a network that this host has for itself; undefined: it has none that is called so. */
async function nameHere(
  engine: EngineClient,
  called: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const path = `/networks/${encodeURIComponent(called)}`;
    return (await engine.json<{ Name: string }>('GET', path, { signal })).Name;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * The virtual addresses of a service as Docker shows them: networks that each node has for itself are among them,
 * without an address.
 */
export function virtualIPs(view: View, { Spec, Endpoint }: Service): object[] {
  const given = Endpoint.VirtualIPs ?? [];
  if (Spec.EndpointSpec?.Mode === 'dnsrr') return given;
  const local = namedNetworks(taskTemplate(Spec), (id) => {
    const network = view.get('network', id);
    return network !== undefined && isNodeLocal(network.Spec);
  });
  return [...given, ...local.map((NetworkID) => ({ NetworkID }))];
}
