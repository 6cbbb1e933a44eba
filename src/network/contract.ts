/**
 * The data plane of one host, as the rest of the daemon sees it: it is told what the manager wants (`apply`) and makes
 * the host's kernel so. Everything is level-triggered: `apply` may be called with any state at any time, also with the
 * same one again, and after a restart the last state that was applied is taken up by itself, without a manager.
 *
 * How a task's container comes onto its networks: `ensureNetwork(id)` for each, then create the container with
 * `EndpointsConfig[engineNetworkId].IPAMConfig = { IPv4Address, IPv6Address }` (the manager's addresses; where it `laysIPv6`, the
 * second one is the endpoint's option `essaim.ipv6`), no `MacAddress`, and `HostConfig.Dns = [dnsServerFor(id) of its networks,
 * …]`. The engine then calls the network plugin. Once it runs: `complete`.
 */
import type { Clock } from '../model/clock.ts';
import type { NetworkState } from '../model/network-state.ts';

/** What of Docker Engine's API the data plane uses; an EngineClient is one. */
export interface NetworkEngine {
  /** The JSON of the answer (undefined if empty). Throws an error with `status` for a refusal. */
  json<T>(
    method: string,
    path: string,
    options?: { query?: Record<string, object>; body?: unknown },
  ): Promise<T>;
}

export interface NetworkLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface DataPlaneOptions {
  engine: NetworkEngine;
  /** A folder of its own that outlives reboots: the last state, and what the engine has told the plugin. */
  stateDir: string;
  /** Where the engine looks for the plugin; `/run/docker/plugins/essaim.sock` if not given. */
  pluginSocket?: string;
  /** This host's address in the state's terms of `peers[].underlay`, where tunnels end; until it moves. */
  underlayAddress: string;
  clock: Clock;
  log: NetworkLog;
  /**
   * The engine starts nothing in a container that has just come onto a network late before this resolves; must not reject.
   * @param sandbox the container's namespace, as the engine names it: a path
   */
  named?(sandbox: string): Promise<void>;
}

/** Where the DNS server of this host is asked by the containers of a network. */
export interface DnsListenAddress {
  networkId: string;
  /** In the host's namespace; port 53, UDP and TCP. Questions come from the containers' own addresses. */
  address: string;
}

/** The place on a network of a container that came there after it was made: nothing in it has been told of our name server. */
export interface LateContainer {
  /** The container's namespace, as the engine names it: a path. */
  sandbox: string;
  networkId: string;
  /** The container's IPv4 address there. */
  address: string;
  /** Name servers that it was made with; none for the host's. */
  nameServers: readonly string[];
}

/** Something of the kernel that is not what it has to be. */
export interface Difference {
  /** The overlay's id; undefined for what belongs to the host: published ports, routes, tunnels to other hosts. */
  networkId?: string;
  kind:
    | 'namespace'
    | 'link'
    | 'address'
    | 'neighbour'
    | 'fdb'
    | 'route'
    | 'rule'
    | 'ruleset'
    | 'firewall'
    | 'tunnel';
  /** For people: `neighbour 10.0.1.7 is missing`. */
  message: string;
}

export interface DataPlaneCounters {
  /** Differences that somebody else made and that were mended since the start. */
  mended: number;
  /** Changes that were carried out since the start, and how long the last one took (ms). */
  applied: number;
  lastApplyMs: number;
}

/** A container's place on the ingress network. */
export interface IngressContainer {
  networkId: string;
  /** Of its first process, as this process sees it. */
  pid: number;
  /** Its own there, CIDR, one of each family at most. */
  addresses: readonly string[];
  /** It publishes ports of this host, by the engine's own bridge. */
  hostPorts: boolean;
}

export interface EngineNetwork {
  /** The engine's own id of it: names may be ambiguous there, this is not. */
  engineNetworkId: string;
  name: string;
  /** It has IPv6 of which the engine knows nothing: a container gets its address there by `complete`. */
  laysIPv6: boolean;
}

export interface DataPlane {
  /**
   * Makes the kernel so; resolves when it is. Calls that come while one is being carried out are joined, the newest
   * state wins. Rejects if something of it could not be done: it is tried again by itself until it can be, the caller
   * only reports it. Networks that the state no longer has go as soon as no container is on them.
   */
  apply(state: NetworkState): Promise<void>;
  /**
   * This host has another address on the underlay from now on. Resolves when the kernel is so; rejects if something could
   * not be done, which is tried again by itself.
   */
  moveTo(underlayAddress: string): Promise<void>;
  /** The public key of this host's tunnels of encrypted networks: other hosts have to know it. */
  readonly tunnelKey: string;
  /** The newest state that it was given; after a restart the last one of before. Undefined before the first. */
  readonly state: NetworkState | undefined;
  /**
   * A state as it is on this host: without those of its own containers that take part, says the state, and are not there.
   * The host sees that before its manager does.
   */
  present(state: NetworkState): NetworkState;
  /** Calls `changed` after each change of what `present` leaves out; the returned function ends that. */
  onGone(changed: () => void): () => void;
  /** The revision of the state that the kernel is at; undefined before the first. */
  readonly revision: number | undefined;
  /**
   * Waits until the state has the network and the kernel too, makes it known to the engine, idempotent.
   * @throws the signal's reason, the engine's error (a subnet that overlaps with one of its own), or a
   *   CannotEncryptError for an encrypted network on a host that has no WireGuard
   */
  ensureNetwork(networkId: string, signal: AbortSignal): Promise<EngineNetwork>;
  /**
   * Of a container that runs: lays what the engine does not on the ingress network. Resolves when it is there, or the container
   * has ended; nothing to do on other networks. May be called again for the same one.
   */
  complete(container: IngressContainer): Promise<void>;
  /** Ids of the overlays that have containers here, those attached by hand too. */
  networksInUse(): string[];
  /** The name server of a container on that network; undefined while the network is not here. */
  dnsServerFor(networkId: string): string | undefined;
  dnsListenAddresses(): DnsListenAddress[];
  /** Calls `changed` after each change of `dnsListenAddresses`; the returned function ends that. */
  onDnsListenAddresses(changed: (addresses: DnsListenAddress[]) => void): () => void;
  lateContainers(): LateContainer[];
  /** Calls `changed` after each change of `lateContainers`; the returned function ends that. */
  onLateContainers(changed: (late: LateContainer[]) => void): () => void;
  /** Compares the kernel with what it has to be; mends nothing. */
  check(): Promise<Difference[]>;
  readonly counters: Readonly<DataPlaneCounters>;
  /** Stops serving; the kernel stays as it is, so that containers go on. */
  close(): Promise<void>;
  /** The host leaves the swarm: removes every trace, then closes. Containers must be gone before. */
  remove(): Promise<void>;
}
