/** Which networks and ports a spec asks for, and what a service's endpoint is before and after the allocator. */
import { taskTemplate } from './defaults.ts';
import type { Network, Service, ServiceEndpoint, Task } from './objects.ts';
import type { EndpointSpec, NetworkSpec, PortConfig, ServiceSpec, TaskSpec } from './spec.ts';

/** Whether what goes between hosts in the network is to be secret. The option has no value that says no, as in Docker. */
export function isEncrypted({ Options }: NetworkSpec): boolean {
  return Object.hasOwn(Options ?? {}, 'encrypted');
}

/** Ports of the routing mesh. */
export function isIngressPort(port: PortConfig): boolean {
  return (port.PublishMode || 'ingress') === 'ingress';
}

export function publishesToIngress(endpoint: EndpointSpec | null | undefined): boolean {
  return endpoint?.Ports?.some(isIngressPort) ?? false;
}

/** Object ids as the cluster makes them: a network's, where a name means one of the node's own networks. */
export function isNetworkId(target: string): boolean {
  return /^[a-z0-9]{25}$/.test(target);
}

/** The ids of the cluster's networks that the spec names, each once, in its order. */
export function namedNetworks(
  spec: TaskSpec | null | undefined,
  isOurs: (target: string) => boolean,
): string[] {
  const targets = (spec?.Networks ?? []).map(({ Target }) => Target ?? '');
  return [...new Set(targets.filter(isOurs))];
}

/** The networks of a task, in the order in which it is attached to them: that of its published ports comes first. */
export function networksOfTask(task: Task, ingress: Network | undefined, isOurs: (id: string) => boolean) {
  const named = namedNetworks(task.Spec, isOurs);
  return publishesToIngress(task.internal.endpoint) ? [ingress?.ID ?? '', ...named] : named;
}

/** The networks in which a service has a virtual address. */
export function networksOfService(
  { Spec }: Service,
  ingress: Network | undefined,
  isOurs: (id: string) => boolean,
): string[] {
  if (Spec.EndpointSpec?.Mode === 'dnsrr') return [];
  const named = namedNetworks(taskTemplate(Spec), isOurs);
  return publishesToIngress(Spec.EndpointSpec) ? [ingress?.ID ?? '', ...named] : named;
}

/**
 * The endpoint of a service whose spec is this, with what it had before as far as it still asks for it: ports without a
 * number keep the one that they were given. Without ports and virtual addresses it is empty until it has had some, as in
 * Docker.
 */
export function endpointOf(spec: ServiceSpec, before?: ServiceEndpoint): ServiceEndpoint {
  const { EndpointSpec } = spec;
  const ports = EndpointSpec?.Ports ?? [];
  const virtual = EndpointSpec?.Mode !== 'dnsrr' && (taskTemplate(spec).Networks?.length ?? 0) > 0;
  const used = ports.length > 0 || virtual || Object.keys(before?.Spec ?? {}).length > 0;
  const left = [...(before?.Ports ?? [])];
  const numbered = ports.map((port) => {
    if (port.PublishedPort || !isIngressPort(port)) return port;
    const at = left.findIndex((known) => known.PublishedPort && sameButNumber(known, port));
    const [known] = at < 0 ? [] : left.splice(at, 1);
    return known ?? port;
  });
  const vips = before?.VirtualIPs;
  return {
    Spec: used ? (EndpointSpec ?? {}) : {},
    ...(numbered.length > 0 ? { Ports: numbered } : {}),
    ...(vips?.length ? { VirtualIPs: vips } : {}),
  };
}

/** As above, but with only those of its published ports that it has had before: a new one is the allocator's to give. */
export function keptEndpoint(spec: ServiceSpec, before?: ServiceEndpoint): ServiceEndpoint {
  const { Ports, ...rest } = endpointOf(spec, before);
  const had = (port: PortConfig): boolean =>
    before?.Ports?.some(
      (known) => known.PublishedPort === port.PublishedPort && sameButNumber(known, port),
    ) ?? false;
  const kept = Ports?.filter((port) => !isIngressPort(port) || had(port)) ?? [];
  return { ...rest, ...(kept.length > 0 ? { Ports: kept } : {}) };
}

function sameButNumber(a: PortConfig, b: PortConfig): boolean {
  return (
    (a.Name ?? '') === (b.Name ?? '') &&
    (a.Protocol || 'tcp') === (b.Protocol || 'tcp') &&
    a.TargetPort === b.TargetPort &&
    isIngressPort(a) === isIngressPort(b)
  );
}
