/** The networks that services are attached to. */
import type { EngineClient } from '../../engine/client.ts';
import { ApiError, rpcError } from '../../model/errors.ts';
import type { Network } from '../../model/objects.ts';
import type { NetworkAttachmentConfig, ServiceSpec } from '../../model/spec.ts';
import type { View } from '../../store/contract.ts';
import type { RouteModule } from '../router.ts';

/**
 * Clients look for the networks of a service among those of the swarm before they name them in its spec. Networks that
 * are on the nodes can be used as well, so on a manager they are found there too.
 */
export const serviceNetworkRoutes: RouteModule = (router, { membership }) => {
  router.get('/networks/{id}', ({ query }) => {
    if (query.get('scope') !== 'swarm' || !membership.manager()) return { forward: {} };
    const anyScope = new URLSearchParams(query);
    anyScope.delete('scope');
    return { forward: { query: anyScope } };
  });
};

/** Networks that every engine has by itself. */
const PREDEFINED = new Set(['bridge', 'host', 'none']);

/**
 * The spec with its networks named as they are stored: those of the cluster by id, those of the nodes by name. Each
 * node has its own network of that name; whether this one's engine has it tells whether the name means anything.
 * Throws ApiError 404 for a network that does not exist.
 */
export async function resolveNetworks(
  view: View,
  engine: EngineClient,
  spec: ServiceSpec,
  signal: AbortSignal,
): Promise<ServiceSpec> {
  const networks = spec.TaskTemplate?.Networks;
  if (!networks?.length) return spec;
  const resolved: NetworkAttachmentConfig[] = [];
  for (const attachment of networks) {
    resolved.push({ ...attachment, Target: await resolve(view, engine, attachment.Target ?? '', signal) });
  }
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks: resolved } };
}

async function resolve(
  view: View,
  engine: EngineClient,
  target: string,
  signal: AbortSignal,
): Promise<string> {
  const network = clusterNetwork(view, target);
  if (network) {
    if (!network.Spec.Ingress) return network.ID;
    throw rpcError(
      'InvalidArgument',
      `Service cannot be explicitly attached to the ingress network ${JSON.stringify(network.Spec.Name)}`,
    );
  }
  if (PREDEFINED.has(target)) return target;
  const notFound = new ApiError(404, `network ${target} not found`);
  if (target === '') throw notFound;
  try {
    const path = `/networks/${encodeURIComponent(target)}`;
    const { Name } = await engine.json<{ Name: string }>('GET', path, { signal });
    return Name;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) throw notFound;
    throw error;
  }
}

function clusterNetwork(view: View, target: string): Network | undefined {
  if (target === '') return undefined;
  const exact = view.get('network', target) ?? view.byName('network', target)[0];
  if (exact) return exact;
  const matches = [...view.all('network')].filter(({ ID }) => ID.startsWith(target));
  if (matches.length > 1) {
    throw new ApiError(400, `network ${target} is ambiguous (${matches.length} matches found)`);
  }
  return matches[0];
}
