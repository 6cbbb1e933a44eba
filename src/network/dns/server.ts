/**
 * The name server of a host for its containers: answers for services and containers from the networks' last known
 * state, and passes on everything else to the host's own name servers.
 */
import type { Clock } from '../../model/clock.ts';
import type { NetworkState } from '../../model/network-state.ts';
import type { DataPlane, NetworkLog } from '../contract.ts';
import { ownAnswer } from './answer.ts';
import { FairShare } from './fair-share.ts';
import { Forwarder } from './forwarder.ts';
import { HostResolvers } from './host-resolvers.ts';
import type { Handler, Transport } from './listener.ts';
import { Listeners } from './listeners.ts';
import { CODE, codeReply, fitting, type Query, readQuery, UNLIMITED } from './message.ts';
import { Names, together, type View } from './names.ts';
import { nodeAsked, type Registered, registeredAnswer, registryDomain } from './registered.ts';

const PORT = 53;
/** Questions a second from all containers together, before those who ask most are held back. */
const CAPACITY = 15_000;

export interface DnsServerOptions {
  /** Where to listen, now and later. */
  plane: Pick<DataPlane, 'dnsListenAddresses' | 'onDnsListenAddresses'>;
  clock: Clock;
  log: NetworkLog;
  /** The host's own; `/etc/resolv.conf` if not given. */
  resolvConf?: string;
  /** To listen on, and of the host's own name servers; 53 if not given. */
  port?: number;
}

/** A network, and a container's address on it. */
export interface Place {
  networkId: string;
  address: string;
}

type Answered = Promise<Buffer | undefined>;

export interface DnsCounters {
  /** Answered from the networks' state. */
  answered: number;
  /** Passed on, with an answer. */
  forwarded: number;
  /** Passed on, and none of the host's name servers had an answer. */
  unanswered: number;
  /** Not answered because others had to be. */
  heldBack: number;
}

export class DnsServer {
  readonly counters: DnsCounters = { answered: 0, forwarded: 0, unanswered: 0, heldBack: 0 };
  readonly #names = new Names();
  readonly #fairShare: FairShare;
  readonly #forwarder: Forwarder;
  readonly #listeners: Listeners;
  readonly #stopFollowing: () => void;
  #nodes: ((name: string) => Promise<string[]>) | undefined;

  /** Listens from now on; until the first `update` it says that it does not know. */
  constructor(options: DnsServerOptions) {
    const { plane, clock, log, resolvConf = '/etc/resolv.conf', port = PORT } = options;
    this.#fairShare = new FairShare(clock, CAPACITY);
    const resolvers = new HostResolvers({
      path: resolvConf,
      clock,
      isOwn: (address) => this.#listeners.wants(address),
      onError: (error) =>
        log.warn({ err: error }, `cannot read ${resolvConf}: its last known servers are asked`),
    });
    this.#forwarder = new Forwarder({ servers: () => resolvers.servers(), port, clock });
    this.#listeners = new Listeners({
      port,
      clock,
      log,
      handlerFor: (networkId) => this.#handler(networkId),
    });
    this.#stopFollowing = plane.onDnsListenAddresses((addresses) => void this.#listeners.want(addresses));
    void this.#listeners.want(plane.dnsListenAddresses());
  }

  /** The names that hold from now on. While nothing new comes, the last ones do. */
  update(state: NetworkState): void {
    this.#names.update(state);
  }

  /** How the addresses of a host of the swarm are learned; empty: there is none of that name. */
  askForNodes(ask: (name: string) => Promise<string[]>): void {
    this.#nodes = ask;
  }

  /** Addresses that it answers at. */
  listening(): string[] {
    return this.#listeners.open;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#stopFollowing();
    this.#forwarder.close();
    await this.#listeners.want([]);
  }

  /**
   * Answers a container that has a resolver of its engine's besides, which knows more than the networks' names.
   * @param placesNow its networks, with its address on each
   * @param others answers what is no name of theirs; undefined if it cannot
   */
  handlerFor(
    placesNow: () => readonly Place[],
    others: (query: Query, transport: Transport) => Answered,
  ): Handler {
    return (message, _source, transport) => {
      const places = placesNow();
      const source = places[0]?.address ?? '';
      const views = places.flatMap(({ networkId, address }) => this.#names.viewOf(networkId, address) ?? []);
      return this.#answer(message, source, transport, {
        view: { ...together(views), world: 'elsewhere' },
        elsewhere: (query) => others(query, transport),
      });
    };
  }

  /** Asks a container's name servers, the host's if it has none, what its engine could not answer in one datagram. */
  forward(query: Query, source: string, servers: readonly string[]): Answered {
    const own = servers.length > 0 ? { servers } : {};
    return this.#forwarder.forward(query, { transport: 'connection', source, ...own });
  }

  #handler(networkId: string): Handler {
    return (message, source, transport) =>
      this.#answer(message, source, transport, {
        view: this.#names.viewOf(networkId, source),
        elsewhere: (query) => this.#forwarder.forward(query, { transport, source }),
      });
  }

  #answer(
    message: Buffer,
    source: string,
    transport: Transport,
    { view, elsewhere }: { view: View | undefined; elsewhere(query: Query): Answered },
  ): ReturnType<Handler> {
    if (!this.#fairShare.admit(source)) {
      this.counters.heldBack++;
      return undefined;
    }
    const query = readQuery(message);
    if (query === undefined) return undefined;
    if ('code' in query) return codeReply(query, query.code);
    // It has not been told yet: whoever asks may ask again, or somebody else.
    if (!view) return codeReply(query, CODE.serverFailure);
    const limit = transport === 'datagram' ? query.datagram : UNLIMITED;
    const own = ownAnswer(query, view, limit) ?? registryNames(query, view, limit);
    if (own) {
      this.counters.answered++;
      return own;
    }
    const node = nodeAsked(query.name);
    const pass = (): Answered => this.#elsewhere(query, transport, elsewhere);
    return node === undefined ? pass() : this.#node(query, node, limit, pass);
  }

  /** A host is not known here: a manager is asked. */
  async #node(query: Query, name: string, limit: number, pass: () => Answered): Answered {
    let found: string[] | undefined;
    try {
      found = await this.#nodes?.(name);
    } catch {
      return codeReply(query, CODE.serverFailure);
    }
    if (!found?.length)
      return registryDomain(query.name) === 'essaim' ? codeReply(query, CODE.noSuchName) : pass();
    this.counters.answered++;
    return registeredAnswer(query, { service: () => undefined, node: () => found }, limit);
  }

  #elsewhere(query: Query, transport: Transport, elsewhere: (query: Query) => Answered): Answered {
    return elsewhere(query).then((answer) => {
      if (!answer) {
        this.counters.unanswered++;
        return codeReply(query, CODE.serverFailure);
      }
      this.counters.forwarded++;
      return transport === 'datagram' ? fitting(answer, query) : answer;
    });
  }
}

/**
 * What the networks that are shared know of the registry's names. The domain `essaim` is the cluster's alone; somebody may
 * have a Consul besides, so of `consul` what is not known here is asked elsewhere.
 */
function registryNames(query: Query, { zones }: View, limit: number): Buffer | undefined {
  const domain = registryDomain(query.name);
  if (domain === undefined || nodeAsked(query.name) !== undefined) return undefined;
  const registered: Registered = {
    service(name) {
      for (const zone of zones) {
        const places = zone.service(name);
        if (places) return places;
      }
      return undefined;
    },
    node: () => undefined,
  };
  const answer = registeredAnswer(query, registered, limit);
  return answer ?? (domain === 'essaim' ? codeReply(query, CODE.noSuchName) : undefined);
}
