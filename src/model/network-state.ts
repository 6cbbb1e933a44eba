/**
 * What the data plane of one host has to be: computed by the manager from the store at a revision, sent to the host's
 * agent, and reconciled there as a whole (src/network). A host is told only of the networks that it has use for.
 */
import type { Offer } from './registration.ts';

/** Addresses are text, IPv4 first, then IPv6; where a prefix length is given the text is CIDR. */
export interface NetworkState {
  /** The store's revision that this was computed from. */
  revision: number;
  /** UDP port of the VXLAN tunnels. */
  dataPathPort: number;
  networks: OverlayState[];
  /** Ports of the routing mesh, answered on every address of every host. */
  published: PublishedPort[];
  /** Networks that the engine of each host lists, whether the host has a part in them or not. */
  listed?: ListedOverlay[];
}

/** What an engine lists of an overlay. */
export type ListedOverlay = Pick<OverlayState, 'id' | 'name' | 'internal' | 'ingress' | 'subnets'>;

export interface OverlayState {
  id: string;
  name: string;
  /** VXLAN network identifier, 4096 to 2^24-1. */
  vni: number;
  /** Of the containers' interfaces. */
  mtu: number;
  /** No way out to the world. */
  internal: boolean;
  /** The network of the routing mesh. */
  ingress: boolean;
  /** Traffic between hosts goes through WireGuard tunnels, or not at all. */
  encrypted: boolean;
  /** Of an encrypted network: the cluster's key of now; absent while there is none yet. Secret. */
  networkKey?: string;
  /** Each host answers for the gateways itself: its DNS server does, to its own containers. */
  subnets: Array<{ subnet: string; gateway: string }>;
  /** This host's own addresses in the network, CIDR: its balancer's. */
  addresses: string[];
  /** The other hosts that have this network. */
  peers: NetworkPeer[];
  endpoints: NetworkEndpoint[];
  services: ServiceEndpoints[];
}

export interface NetworkPeer {
  nodeId: string;
  /** Its address on the underlay. */
  underlay: string;
  /** Its addresses within the network. */
  addresses: string[];
  /** Of an encrypted network: the public key of that host's tunnels; absent while it has not told any. */
  tunnelKey?: string;
}

/** A container on the network, anywhere. */
export interface NetworkEndpoint {
  /** The task's id, or the container's for one that was attached by hand. */
  id: string;
  nodeId: string;
  /** Without prefix length. */
  addresses: string[];
  mac: string;
  /** The container's names: `web.1.<task id>`, aliases given to the container itself. */
  names: string[];
  /** The container was given name servers of its own: they are asked for all that is no name of its networks. */
  ownNameServers?: boolean;
  /** Its host is down, as far as the manager knows. */
  lost?: boolean;
  serviceId?: string;
  /** Of a container that was attached by hand: the services of the registry that it is an instance of, while it can serve. */
  offers?: Offer[];
}

export interface ServiceEndpoints {
  id: string;
  name: string;
  /** Names beside its own under which the service is found in this network. */
  aliases: string[];
  /** Virtual addresses, without prefix length; empty for DNS round robin. */
  vips: string[];
  /** Ids of the endpoints that take part: running, healthy, not about to be stopped. */
  ready: string[];
  /** The services of the registry that those are instances of. */
  offers?: Offer[];
}

export interface PublishedPort {
  protocol: 'tcp' | 'udp' | 'sctp';
  port: number;
  targetPort: number;
  serviceId: string;
  /** Addresses in the ingress network of the tasks that take part, without prefix length. */
  targets: string[];
}

/** What has changed of a host's NetworkState. */
export interface NetworkUpdate {
  revision: number;
  /** True: this is all there is. */
  full: boolean;
  dataPathPort: number;
  /** Networks that are new or not as they were, each of them whole. */
  networks: OverlayState[];
  removedNetworks: string[];
  /** Absent: as they were. */
  published?: PublishedPort[];
  listed?: ListedOverlay[];
}

/** The state that an update leads to; undefined without one to begin with, until a full update comes. */
export function updatedState(
  before: NetworkState | undefined,
  update: NetworkUpdate,
): NetworkState | undefined {
  const { full, revision, dataPathPort, removedNetworks, published, listed } = update;
  if (!before && !full) return undefined;
  const networks = new Map((full ? [] : before!.networks).map((network) => [network.id, network]));
  for (const id of removedNetworks) networks.delete(id);
  for (const network of update.networks) networks.set(network.id, network);
  return {
    revision,
    dataPathPort,
    networks: [...networks.values()],
    published: published ?? (full ? [] : before!.published),
    listed: listed ?? (full ? [] : before!.listed),
  };
}

/** The MAC address of the container with that IPv4 address: the same on every host, so that no one has to ask. */
export function macOf(ipv4: string): string {
  const bytes = ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `02:42:${bytes.join(':')}`;
}
