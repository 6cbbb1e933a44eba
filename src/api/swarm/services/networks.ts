/** The networks that services are attached to. */
import type { EngineClient } from '../../../engine/client.ts';
import { taskTemplate } from '../../../model/defaults.ts';
import { ApiError, rpcError } from '../../../model/errors.ts';
import type { NetworkAttachmentConfig, ServiceSpec } from '../../../model/spec.ts';
import type { View } from '../../../store/contract.ts';
import { findNetwork } from '../lookup.ts';

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
