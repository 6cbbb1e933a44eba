/** The networks and published ports of a task's container. */
import { hostOf } from '../../model/cidr.ts';
import type { NetworkAttachment, Task } from '../../model/objects.ts';
import type { NetworkAttachmentConfig, PortConfig } from '../../model/spec.ts';
import { isV4, isV6 } from '../../network/address.ts';
import { HOST_PORTS_OPTION, IPV6_OPTION } from '../../network/plugin/protocol.ts';

export interface EndpointConfig {
  /** The engine keeps endpoints by their network's name, which several of its networks may have. */
  NetworkID?: string;
  Aliases?: string[];
  DriverOpts?: Record<string, string>;
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string };
}

const IPV6_OFF = 'net.ipv6.conf.all.disable_ipv6';

/** Networks that every engine has; they know neither aliases nor fixed addresses. */
const PREDEFINED = new Set(['bridge', 'host', 'none', 'null']);

/** The networks of the cluster as this host's engine knows them, by their id in the cluster, with their name server. */
export interface JoinedNetwork {
  /** What the engine calls it: an id, or the name of one that every engine has. */
  name: string;
  dns: string | undefined;
  /** The host has it for itself: its engine answers for all that is on it. */
  isNodeLocal?: true;
  /** The engine knows nothing of IPv6 there: the container gets its address from the data plane. */
  laysIPv6?: boolean;
}
export type JoinedNetworks = ReadonlyMap<string, JoinedNetwork>;

export function nameServers(joined: JoinedNetworks): string[] {
  return [...new Set([...joined.values()].flatMap(({ dns }) => dns ?? []))];
}

/** The networks of a task in order: those allocated to it, then those that only its spec names. */
export function endpoints(
  task: Task,
  joined: JoinedNetworks,
): Array<{ network: string; endpoint: EndpointConfig }> {
  const configs = task.Spec.Networks ?? [];
  const hostPorts = hasHostPorts(task) && { [HOST_PORTS_OPTION]: 'true' };
  const attachments = task.NetworksAttachments ?? [];
  const isFor = (config: NetworkAttachmentConfig, { Network }: NetworkAttachment): boolean =>
    config.Target === Network.ID || config.Target === Network.Spec.Name;
  const allocated = attachments.map((attachment) => {
    const ours = joined.get(attachment.Network.ID);
    const config = configs.find((candidate) => isFor(candidate, attachment));
    if (ours) {
      const told = attachment.Addresses.filter((address) => !ours.laysIPv6 || isV4(address));
      const laid = ours.laysIPv6 && attachment.Addresses.find(isV6);
      const ipv6 = laid && { [IPV6_OPTION]: hostOf(laid) };
      // Of an overlay the engine would answer for an alias with the containers that are on this host alone.
      const settings = ours.isNodeLocal ? config : { DriverOpts: { ...hostPorts, ...ipv6 } };
      const { network, endpoint: plain } = endpoint(ours.name, settings, told);
      return { network, endpoint: PREDEFINED.has(network) ? plain : { NetworkID: network, ...plain } };
    }
    return endpoint(attachment.Network.Spec.Name, config, attachment.Addresses);
  });
  const others = configs.filter((config) => !attachments.some((attachment) => isFor(config, attachment)));
  return [...allocated, ...others.map((config) => endpoint(config.Target ?? '', config, []))];
}

function endpoint(
  network: string,
  config: NetworkAttachmentConfig | undefined,
  addresses: readonly string[],
): { network: string; endpoint: EndpointConfig } {
  if (PREDEFINED.has(network)) return { network, endpoint: {} };
  const hosts = addresses.map(hostOf);
  const v4 = hosts.find(isV4);
  const v6 = hosts.find(isV6);
  return {
    network,
    endpoint: {
      ...(config?.Aliases?.length ? { Aliases: config.Aliases } : {}),
      ...(config?.DriverOpts && Object.keys(config.DriverOpts).length > 0
        ? { DriverOpts: config.DriverOpts }
        : {}),
      ...(hosts.length > 0 ? { IPAMConfig: { IPv4Address: v4, IPv6Address: v6 } } : {}),
    },
  };
}

/**
 * Kernel parameters of a container on networks whose IPv6 the engine knows nothing of: it is there from the first moment, so
 * that programs that look for it find it, though without its address.
 */
export function ipv6Sysctls(joined: JoinedNetworks): Record<string, string> {
  const lays = [...joined.values()].some(({ laysIPv6 }) => laysIPv6);
  return lays ? { [IPV6_OFF]: '0' } : {};
}

/** Of these addresses of a task's container those that it wants: none of IPv6 if its service has that switched off. */
export function wantedAddresses({ Spec }: Task, addresses: readonly string[]): string[] {
  const off = Spec.ContainerSpec?.Sysctls?.[IPV6_OFF] === '1';
  return addresses.filter((address) => !off || isV4(address));
}

/** Whether its container is on the engine's bridge for ports of the host. */
export function hasHostPorts(task: Task): boolean {
  return Object.keys(publishedPorts(task).bindings).length > 0;
}

/** Ports published on the host itself; the others are the cluster's, not the container's. */
export function publishedPorts(task: Task): {
  exposed: Record<string, object> | undefined;
  bindings: Record<string, Array<{ HostIp: string; HostPort: string }>>;
} {
  const bindings: Record<string, Array<{ HostIp: string; HostPort: string }>> = {};
  for (const port of task.internal.endpoint?.Ports ?? []) {
    if (port.PublishMode !== 'host') continue;
    const key = `${port.TargetPort}/${port.Protocol || 'tcp'}`;
    bindings[key] ??= [];
    // The engine chooses where no port is given.
    bindings[key].push({ HostIp: '', HostPort: port.PublishedPort ? String(port.PublishedPort) : '' });
  }
  const keys = Object.keys(bindings);
  return {
    exposed: keys.length > 0 ? Object.fromEntries(keys.map((key) => [key, {}])) : undefined,
    bindings,
  };
}

/** The host ports that the engine has really bound, as a task's status tells them. */
export function boundPorts(
  ports: Record<string, Array<{ HostIp: string; HostPort: string }> | null> | null | undefined,
): { Ports?: PortConfig[] } {
  const list = Object.entries(ports ?? {}).flatMap(([key, bindings]) => {
    const [target, protocol] = key.split('/');
    return (bindings ?? []).map((binding) => ({
      Protocol: protocol ?? 'tcp',
      TargetPort: Number(target),
      PublishedPort: Number(binding.HostPort),
      PublishMode: 'host',
    }));
  });
  return list.length > 0 ? { Ports: list } : {};
}
