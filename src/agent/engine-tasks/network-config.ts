/** The networks and published ports of a task's container. */
import type { NetworkAttachment, Task } from '../../model/objects.ts';
import type { NetworkAttachmentConfig, PortConfig } from '../../model/spec.ts';
import { HOST_PORTS_OPTION } from '../../network/plugin/protocol.ts';

export interface EndpointConfig {
  /** The engine keeps endpoints by their network's name, which several of its networks may have. */
  NetworkID?: string;
  Aliases?: string[];
  DriverOpts?: Record<string, string>;
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string };
}

/** Networks that every engine has; they know neither aliases nor fixed addresses. */
const PREDEFINED = new Set(['bridge', 'host', 'none', 'null']);

/** The networks of the cluster as this host's engine knows them, by their id in the cluster, with their name server. */
export interface JoinedNetwork {
  /** What the engine calls it: an id, or the name of one that every engine has. */
  name: string;
  dns: string | undefined;
  /** The host has it for itself: its engine answers for all that is on it. */
  isNodeLocal?: true;
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
  const hostPorts = Object.keys(publishedPorts(task).bindings).length > 0;
  const DriverOpts = hostPorts ? { [HOST_PORTS_OPTION]: 'true' } : undefined;
  const attachments = task.NetworksAttachments ?? [];
  const isFor = (config: NetworkAttachmentConfig, { Network }: NetworkAttachment): boolean =>
    config.Target === Network.ID || config.Target === Network.Spec.Name;
  const allocated = attachments.map((attachment) => {
    const ours = joined.get(attachment.Network.ID);
    const config = configs.find((candidate) => isFor(candidate, attachment));
    if (ours) {
      // Of an overlay the engine would answer for an alias with the containers that are on this host alone.
      const settings = ours.isNodeLocal ? config : { DriverOpts };
      const { network, endpoint: plain } = endpoint(ours.name, settings, attachment.Addresses);
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
  const hosts = addresses.map((cidr) => cidr.split('/')[0]!);
  const v4 = hosts.find((host) => !host.includes(':'));
  const v6 = hosts.find((host) => host.includes(':'));
  return {
    network,
    endpoint: {
      ...(config?.Aliases?.length ? { Aliases: config.Aliases } : {}),
      ...(config?.DriverOpts ? { DriverOpts: config.DriverOpts } : {}),
      ...(hosts.length > 0 ? { IPAMConfig: { IPv4Address: v4, IPv6Address: v6 } } : {}),
    },
  };
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
