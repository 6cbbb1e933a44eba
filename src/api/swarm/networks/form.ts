/** Networks of the cluster as Docker's API shows them. */
import { createHash } from 'node:crypto';
import { hostOf } from '../../../model/cidr.ts';
import { isIngressPort } from '../../../model/endpoint.ts';
import { macOf } from '../../../model/network-state.ts';
import { isNodeLocal, isPredefined } from '../../../model/node-local.ts';
import type { Network, Task } from '../../../model/objects.ts';
import type { IPAMConfig, NetworkSpec } from '../../../model/spec.ts';
import { taskName } from '../../../model/task-context.ts';
import type { View } from '../../../store/contract.ts';
import { compareVersions } from '../../query.ts';
import { labels, list, map, present } from '../go-form.ts';

const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
const SERIAL_OPTION = 'com.docker.network.ipam.serial';

/** What of this host is on the network, as an engine shows it. */
export type Containers = Record<string, object> | null;

/** @param engineVersion what this host's engine speaks: from 1.48 on it tells whether a network has IPv4 */
export function networkForm(
  network: Network,
  engineVersion: string,
  containers: Containers = null,
  isHere = false,
): object {
  const { ID, CreatedAt, Spec } = network;
  const modern = compareVersions(engineVersion, '1.48') >= 0;
  return {
    Name: Spec.Name ?? '',
    Id: ID,
    Created: CreatedAt,
    Scope: 'swarm',
    Driver: Spec.Driver || 'overlay',
    ...(modern ? { EnableIPv4: true } : {}),
    EnableIPv6: Spec.EnableIPv6 ?? false,
    IPAM: isNodeLocal(Spec) ? localIpam(Spec) : overlayIpam(network),
    Internal: Spec.Internal ?? false,
    Attachable: Spec.Attachable ?? false,
    Ingress: Spec.Ingress ?? false,
    ConfigFrom: { Network: Spec.ConfigFrom?.Network ?? '' },
    ConfigOnly: false,
    Containers: containers,
    Options: isNodeLocal(Spec) ? (map(Spec.Options) ?? null) : driverOptions(network),
    // No labels are said in one way by the cluster, and in the other by an engine.
    Labels: isHere ? labels(Spec.Labels) : (map(Spec.Labels) ?? null),
  };
}

function overlayIpam(network: Network): object {
  return { Driver: 'default', Options: ipamOptions(network) ?? null, Config: ipamConfigs(network) };
}

/** Where no node has said yet what it has made of it. */
function localIpam({ IPAM }: NetworkSpec): object {
  const Config = askedConfigs(IPAM?.Config ?? []);
  return { Driver: Config.length > 0 ? 'default' : '', Options: map(IPAM?.Options) ?? null, Config };
}

function askedConfigs(configs: readonly IPAMConfig[]): IPAMConfig[] {
  return configs.map(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) =>
    present({
      ...{ Subnet: Subnet ?? undefined, IPRange: IPRange || undefined, Gateway: Gateway || undefined },
      AuxiliaryAddresses: map(AuxiliaryAddresses),
    }),
  );
}

/** Docker notes how it gives addresses where there are options already. */
function ipamOptions({ Spec, internal }: Network): Record<string, string> | undefined {
  const given = map(Spec.IPAM?.Options);
  return given && internal.allocated ? labels({ [SERIAL_OPTION]: 'true', ...given }) : given;
}

function ipamConfigs({ Spec, internal }: Network) {
  const { allocated } = internal;
  // What was asked for is known at once: who has created a network looks at it right away.
  if (!allocated) {
    const asked = Spec.IPAM?.Config ?? [];
    return asked.length === 0 ? null : askedConfigs(asked);
  }
  return allocated.subnets.map(({ subnet, gateway, range }) => {
    const given = Spec.IPAM?.Config?.find(
      ({ Subnet }) => (Subnet ?? '').includes(':') === subnet.includes(':'),
    );
    return present({
      Subnet: subnet,
      IPRange: range,
      Gateway: gateway,
      AuxiliaryAddresses: map(given?.AuxiliaryAddresses),
    });
  });
}

function driverOptions({ Spec, internal }: Network): Record<string, string> {
  const vni: Record<string, string> = internal.allocated
    ? { [VNI_OPTION]: String(internal.allocated.vni) }
    : {};
  return labels({ ...Spec.Options, ...vni });
}

/** The network within a task's `NetworksAttachments`: the cluster's own view of it. */
export function attachedNetworkForm(network: Network): object {
  return isNodeLocal(network.Spec) ? attachedLocalForm(network) : attachedOverlayForm(network);
}

function attachedLocalForm({ ID, Version, CreatedAt, UpdatedAt, Spec }: Network): object {
  const asked = Spec.IPAM?.Config ?? [];
  const Configs = asked.map(({ Subnet, IPRange, Gateway }) => present({ Subnet, Range: IPRange, Gateway }));
  const IPAMOptions = present({ Driver: { Name: 'default' }, Configs: list(Configs) });
  return {
    ...{ ID, Version, CreatedAt, UpdatedAt },
    Spec: present({
      Name: Spec.Name ?? '',
      Labels: labels(Spec.Labels),
      DriverConfiguration: present({ Name: Spec.Driver, Options: map(Spec.Options) }),
      IPv6Enabled: Spec.EnableIPv6 || undefined,
      Internal: Spec.Internal || undefined,
      Attachable: Spec.Attachable || undefined,
      IPAMOptions: isPredefined(Spec) ? undefined : IPAMOptions,
      ConfigFrom: Spec.ConfigFrom?.Network ? { Network: Spec.ConfigFrom.Network } : undefined,
      Scope: 'swarm',
    }),
    DriverState: { Name: Spec.Driver },
    IPAMOptions: { Driver: {} },
  };
}

function attachedOverlayForm(network: Network): object {
  const { ID, Version, CreatedAt, UpdatedAt, Spec } = network;
  const Configs = ipamConfigs(network)?.map(({ Subnet, IPRange, Gateway }) =>
    present({ Subnet, Range: IPRange, Gateway }),
  );
  const given = (Spec.IPAM?.Config ?? []).length > 0;
  const Driver = present({ Name: 'default', Options: ipamOptions(network) });
  return {
    ...{ ID, Version, CreatedAt, UpdatedAt },
    Spec: present({
      Name: Spec.Name ?? '',
      Labels: labels(Spec.Labels),
      DriverConfiguration: present({ Name: 'overlay', Options: map(Spec.Options) }),
      IPv6Enabled: Spec.EnableIPv6 || undefined,
      Internal: Spec.Internal || undefined,
      Attachable: Spec.Attachable || undefined,
      Ingress: Spec.Ingress || undefined,
      IPAMOptions: present({ Driver, Configs: given ? Configs : undefined }),
      Scope: 'swarm',
    }),
    DriverState: { Name: 'overlay', Options: driverOptions(network) },
    IPAMOptions: present({ Driver, Configs }),
  };
}

/**
 * The host's own endpoint on the network, which its balancer answers from, called as Docker calls that of its own. None
 * without addresses: they are CIDR.
 */
export function hostEndpoint({ ID, Spec }: Network, addresses: readonly string[] = []): Containers {
  const v4 = addresses.find((address) => !address.includes(':'));
  if (v4 === undefined) return null;
  const name = Spec.Name ?? '';
  return {
    [Spec.Ingress ? `${name}-sbox` : `lb-${name}`]: {
      Name: `${name}-endpoint`,
      EndpointID: createHash('sha256').update(`${ID} ${v4}`).digest('hex'),
      MacAddress: macOf(hostOf(v4)),
      IPv4Address: v4,
      IPv6Address: addresses.find((address) => address.includes(':')) ?? '',
    },
  };
}

/** Which hosts have a part in the network; that of the routing mesh is everybody's. */
export function peersForm(view: View, id: string): Array<{ Name: string; IP: string }> | undefined {
  const everybody = view.get('network', id)?.Spec.Ingress;
  const peers = [...view.all('node')]
    .filter(({ internal }) => everybody || internal.networks?.[id])
    .map(({ ID, Status, internal }) => ({
      Name: ID.slice(0, 12),
      IP: internal.dataPathAddr || Status.Addr,
    }));
  return peers.length > 0 ? peers : undefined;
}

/** What `network inspect --verbose` says of the services on it, by name. */
export function servicesForm(view: View, id: string): Record<string, object> | undefined {
  const services: Record<string, object> = {};
  const ingress = view.get('network', id)?.Spec.Ingress;
  for (const { ID, Spec, Endpoint } of view.all('service')) {
    const tasks = [...view.tasksOfService(ID)].flatMap((task) => taskForm(view, task, id) ?? []);
    const vip = Endpoint.VirtualIPs?.find(({ NetworkID }) => NetworkID === id);
    if (!vip && tasks.length === 0) continue;
    const ports = ingress ? (Endpoint.Ports ?? []).filter(isIngressPort) : [];
    services[Spec.Name ?? ''] = {
      VIP: vip ? hostOf(vip.Addr) : '<nil>',
      Ports: ports.map(({ TargetPort, PublishedPort }) => `Target: ${TargetPort}, Publish: ${PublishedPort}`),
      LocalLBIndex: 0,
      Tasks: tasks,
    };
  }
  return Object.keys(services).length > 0 ? services : undefined;
}

function taskForm(view: View, task: Task, id: string): object | undefined {
  if (task.Status.State !== 'running') return undefined;
  const attachment = task.NetworksAttachments?.find(({ Network }) => Network.ID === id);
  if (!attachment) return undefined;
  const addr = task.NodeID === undefined ? '' : view.get('node', task.NodeID)?.Status.Addr;
  return {
    Name: taskName(task),
    EndpointID: task.ID,
    EndpointIP: hostOf(attachment.Addresses[0] ?? ''),
    Info: { 'Host IP': addr ?? '' },
  };
}
