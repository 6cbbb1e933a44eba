/** The ports that services publish, against each other. */
import { publishesToIngress } from '../../../model/endpoint.ts';
import { type ApiError, rpcError } from '../../../model/errors.ts';
import type { Service } from '../../../model/objects.ts';
import type { PortConfig, ServiceSpec } from '../../../model/spec.ts';
import type { View } from '../../../store/contract.ts';

const keyOf = ({ PublishedPort, Protocol }: PortConfig): string => `${PublishedPort}/${Protocol || 'tcp'}`;

function published(ports: PortConfig[] | null | undefined, mode: 'host' | 'ingress'): PortConfig[] {
  return (ports ?? []).filter((port) => port.PublishedPort && (port.PublishMode || 'ingress') === mode);
}

/**
 * Throws ApiError 400 if another service than `ownId` has one of the ports in ingress mode, or has one in host mode
 * that is wanted in ingress mode. Two in host mode get along, on different nodes.
 */
export function checkPortConflicts(view: View, spec: ServiceSpec, ownId: string | undefined): void {
  const ports = spec.EndpointSpec?.Ports;
  const ingress = new Set(published(ports, 'ingress').map(keyOf));
  const any = new Set([...ingress, ...published(ports, 'host').map(keyOf)]);
  if (any.size === 0) return;
  for (const service of view.all('service')) {
    if (service.ID === ownId) continue;
    for (const list of [service.Spec.EndpointSpec?.Ports, service.Endpoint.Ports]) {
      for (const port of published(list, 'host')) {
        if (ingress.has(keyOf(port))) throw conflict(service, port, 'a host-published port');
      }
      for (const port of published(list, 'ingress')) {
        if (any.has(keyOf(port))) throw conflict(service, port, 'an ingress port');
      }
    }
  }
}

function conflict(service: Service, port: PortConfig, as: string): ApiError {
  return rpcError(
    'InvalidArgument',
    `port '${port.PublishedPort}' is already in use by service '${service.Spec.Name}' (${service.ID}) as ${as}`,
  );
}

/** Throws ApiError 400 if the spec publishes ports on all nodes and there is no network for that. */
export function requireIngress(view: View, spec: ServiceSpec): void {
  if (!publishesToIngress(spec.EndpointSpec)) return;
  for (const { Spec } of view.all('network')) if (Spec.Ingress) return;
  throw rpcError('FailedPrecondition', 'service needs ingress network, but no ingress network is present');
}
