/** Which subnets a network gets. */
import {
  contains,
  formatAddress,
  formatSubnet,
  lastOf,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
  sizeOf,
} from '../../model/cidr.ts';
import type { Cluster, Network } from '../../model/objects.ts';
import type { IPAMConfig } from '../../model/spec.ts';
import type { View } from '../../store/contract.ts';

type Allocated = NonNullable<Network['internal']['allocated']>;
export type AllocatedSubnet = Allocated['subnets'][number];

const DEFAULT_POOL = '10.0.0.0/8';
const DEFAULT_SIZE = 24;

export interface Surroundings {
  cluster: Cluster | undefined;
  /** Subnets of the other networks. */
  taken: readonly Subnet[];
  /** What hosts have routes to; only automatic choices keep out of them, a user's own choice was checked before. */
  routes: readonly Subnet[];
  vni: number;
  /** Automatic choices go on after this one before they begin anew, so that a subnet is not used again at once. */
  after?: Subnet;
}

/** The subnets for a network, or the reason why there are none, in Docker's words. */
export function chooseSubnets(network: Network, around: Surroundings): AllocatedSubnet[] | string {
  const { Spec } = network;
  const subnets: AllocatedSubnet[] = [];
  for (const config of Spec.IPAM?.Config ?? []) {
    const subnet = parseSubnet(config.Subnet ?? '');
    if (!subnet) return `Invalid subnet ${config.Subnet ?? ''}`;
    const clash = around.taken.find((other) => overlaps(subnet, other));
    if (clash) return `Pool overlaps with other one on this address space: ${formatSubnet(clash)}`;
    subnets.push(asGiven(subnet, config));
  }
  if (!subnets.some(({ subnet }) => !subnet.includes(':'))) {
    const found = freeSubnet(around);
    if (!found) {
      return 'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network';
    }
    subnets.unshift(withGateway(found));
  }
  if (Spec.EnableIPv6 && !subnets.some(({ subnet }) => subnet.includes(':'))) {
    subnets.push(withGateway(uniqueLocal(around)));
  }
  return subnets.sort((a, b) => Number(a.subnet.includes(':')) - Number(b.subnet.includes(':')));
}

function asGiven(subnet: Subnet, { Gateway, IPRange, AuxiliaryAddresses }: IPAMConfig): AllocatedSubnet {
  const range = parseSubnet(IPRange ?? '');
  const { gateway } = withGateway(range ?? subnet);
  const reserved = Object.values(AuxiliaryAddresses ?? {});
  return {
    subnet: formatSubnet(subnet),
    gateway: Gateway ? hostPart(Gateway) : gateway,
    ...(range ? { range: formatSubnet(range) } : {}),
    ...(reserved.length > 0 ? { reserved } : {}),
  };
}

function hostPart(gateway: string): string {
  const address = parseAddress(gateway.split('/')[0]!);
  return address ? formatAddress(address) : gateway;
}

function withGateway(subnet: Subnet): AllocatedSubnet {
  const { version, first } = subnet;
  return { subnet: formatSubnet(subnet), gateway: formatAddress({ version, value: first + 1n }) };
}

function freeSubnet({ cluster, taken, routes, after }: Surroundings): Subnet | undefined {
  const pools = (cluster?.DefaultAddrPool.length ? cluster.DefaultAddrPool : [DEFAULT_POOL]).flatMap(
    (text) => parseSubnet(text) ?? [],
  );
  const prefix = cluster?.SubnetSize || DEFAULT_SIZE;
  const busy = [...taken, ...routes].filter(({ version }) => version === 4);
  if (after) {
    const at = pools.findIndex((pool) => contains(pool, { version: 4, value: after.first }));
    for (const [index, pool] of pools.entries()) {
      if (at < 0 || index < at) continue;
      const found = freeIn(pool, prefix, busy, index === at ? lastOf(after) + 1n : pool.first);
      if (found) return found;
    }
  }
  for (const pool of pools) {
    const found = freeIn(pool, prefix, busy, pool.first);
    if (found) return found;
  }
  return undefined;
}

/** The first free subnet of the pool that begins at `from` or later. */
function freeIn(pool: Subnet, prefix: number, busy: readonly Subnet[], from: bigint): Subnet | undefined {
  const { version } = pool;
  const step = sizeOf({ version, first: 0n, prefix });
  const aligned = (value: bigint): bigint => ((value + step - 1n) / step) * step;
  let first = aligned(from);
  while (first + step - 1n <= lastOf(pool)) {
    const candidate: Subnet = { version, first, prefix };
    const clash = busy.find((other) => overlaps(candidate, other));
    if (!clash) return candidate;
    first = aligned(lastOf(clash) + 1n);
  }
  return undefined;
}

/** A /64 out of the cluster's own unique local prefix (RFC 4193), which its id stands for. */
function uniqueLocal({ cluster, taken, routes, vni }: Surroundings): Subnet {
  let hash = 0xcbf29ce484222325n;
  for (const character of cluster?.ID ?? '') {
    hash = ((hash ^ BigInt(character.charCodeAt(0))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  const site = (0xfdn << 40n) | (hash & 0xffffffffffn);
  for (let number = BigInt(vni & 0xffff); ; number = (number + 1n) & 0xffffn) {
    const subnet: Subnet = { version: 6, first: ((site << 16n) | number) << 64n, prefix: 64 };
    if (![...taken, ...routes].some((other) => overlaps(subnet, other))) return subnet;
  }
}

/** Subnets of all networks but one. */
export function subnetsOfOthers(view: View, ownId: string): Subnet[] {
  const found: Subnet[] = [];
  for (const { ID, internal } of view.all('network')) {
    if (ID === ownId) continue;
    for (const { subnet } of internal.allocated?.subnets ?? []) found.push(parseSubnet(subnet)!);
  }
  return found;
}

/** What the hosts have routes to, but for what stands for our own networks there. */
export function routesOfHosts(view: View): Subnet[] {
  const texts = new Set<string>();
  for (const node of view.all('node')) for (const route of node.Description?.Routes ?? []) texts.add(route);
  return [...texts].flatMap((text) => parseSubnet(text) ?? []);
}
