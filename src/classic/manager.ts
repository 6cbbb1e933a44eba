/** A manager over plain engines: finds them, follows them, serves them as one. */

import type { Discovery, Election, Shelf } from '../discovery/contract.ts';
import { type ClientTls, splitAddress, tcpEngine } from '../engine/tcp.ts';
import type { FleetTiming, Logger, Member } from '../fleet/contract.ts';
import { Fleet } from '../fleet/fleet.ts';
import { systemClock } from '../model/clock.ts';
import type { Cluster } from './cluster.ts';
import { clusterContext, clusterRoutes } from './context.ts';
import type { Keepsake, KeepsakeStore } from './keepsakes.ts';
import { Leadership } from './leadership.ts';
import { Rescheduler } from './rescheduler.ts';
import { isRescheduled } from './rules/container-config.ts';
import type { Scheduling } from './rules/schedule.ts';
import { ClusterServer, type EndpointTls } from './server.ts';
import type { Role } from './views/info.ts';

export interface ManagerOptions {
  discovery: Discovery;
  scheduling: Scheduling;
  /** Whole percent. */
  overcommit: number;
  /** How often a create that has failed is tried again. */
  createRetries: number;
  timing: FleetTiming;
  /** One for clients, engines and other managers. */
  tls?: EndpointTls;
  cors: boolean;
  log: Logger;
  /** Where what is to outlive its host is kept for managers to come. */
  shelf?: Shelf;
  /** With other managers, of which one leads. */
  replication?: { election: Election; address: string; ttl: number };
}

/** How long (ms) an engine may take to answer; so many times without an answer, and it is lost. */
const LOOK_TIME = 2_000;
const LOOKS = 3;

/** `tcp://1.2.3.4:2375`, or `unix:///run/swarm.sock`. */
export interface Listening {
  tcp?: { host: string; port: number };
  unix?: string;
}

export class Manager {
  readonly server: ClusterServer;
  readonly fleet: Fleet;
  readonly cluster: Cluster;
  readonly #options: ManagerOptions;
  readonly #over = new AbortController();
  readonly #leadership: Leadership | undefined;
  #running: Array<Promise<void>> = [];

  constructor(options: ManagerOptions) {
    const { timing, log, scheduling, overcommit, createRetries, cors } = options;
    const random = Math.random;
    this.#options = options;
    this.fleet = new Fleet({ timing, clock: systemClock, random, log, keeps: isRescheduled });
    const context = clusterContext({
      ...{ fleet: this.fleet, scheduling, overcommit, failureRetry: timing.failureRetry, random, log },
      role: () => this.#role(),
    });
    this.cluster = context.cluster;
    const { replication, tls } = options;
    this.#leadership =
      replication && new Leadership({ ...replication, log, ...(tls && { tls: clientTls(tls) }) });
    const elsewhere = this.#leadership && ((signal: AbortSignal) => this.#leadership!.elsewhere(signal));
    this.server = new ClusterServer({
      ...{ ...context, cors, routes: clusterRoutes({ createRetries }) },
      ...(elsewhere && { elsewhere }),
    });
  }

  /** Begins to look for engines, and to serve them. Throws if an address cannot be served. */
  async start(hosts: readonly Listening[]): Promise<void> {
    const { signal } = this.#over;
    const isPrimary = (): boolean => this.#role() === 'primary';
    const { shelf } = this.#options;
    const rescheduler = new Rescheduler({
      ...{ cluster: this.cluster, log: this.#options.log, isPrimary },
      ...(shelf && { store: keepsakesOn(shelf, signal) }),
      isGone: (address) => this.#isGone(address),
    });
    this.#running = [this.#follow(), rescheduler.run(signal)];
    if (this.#leadership) this.#running.push(this.#leadership.run(signal));
    const { tls, log } = this.#options;
    for (const { tcp, unix } of hosts) {
      if (tcp) await this.server.listenTcp(tcp.host, tcp.port, tls);
      if (unix) await this.server.listenUnix(unix);
      log.info(
        {},
        `Listening for HTTP addr=${tcp ? `${tcp.host}:${tcp.port}` : unix} proto=${tcp ? 'tcp' : 'unix'}`,
      );
    }
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the manager stops'));
    this.server.close();
    await this.fleet.close();
    await Promise.all(this.#running);
  }

  #role(): Role {
    return this.#leadership ? this.#leadership.role : 'primary';
  }

  /** Whether nobody has answered there, several times in a row. */
  async #isGone(address: string): Promise<boolean> {
    const { engine, close } = this.#member(address);
    try {
      for (let look = 0; look < LOOKS; look++) {
        const time = AbortSignal.any([this.#over.signal, AbortSignal.timeout(LOOK_TIME)]);
        const answers = await engine.ping(time).then(
          () => true,
          () => false,
        );
        if (answers || this.#over.signal.aborted) return false;
      }
      return true;
    } finally {
      close();
    }
  }

  /** Members come and go as discovery has them. */
  async #follow(): Promise<void> {
    for await (const addresses of this.#options.discovery.watch(this.#over.signal)) {
      for (const { key } of this.fleet.hosts()) if (!addresses.includes(key)) this.fleet.remove(key);
      for (const address of addresses) if (!this.fleet.has(address)) this.fleet.add(this.#member(address));
    }
  }

  #member(address: string): Member {
    const { tls } = this.#options;
    const { host } = splitAddress(address);
    const engine = tcpEngine(address, tls && clientTls(tls));
    return { key: address, address, host, engine, close: () => engine.close() };
  }
}

function keepsakesOn(shelf: Shelf, signal: AbortSignal): KeepsakeStore {
  return {
    all: async () => (await shelf.all(signal)).map((text) => JSON.parse(text) as Keepsake),
    put: (keepsake) => shelf.put(keepsake.id, JSON.stringify(keepsake), signal),
    remove: (id) => shelf.remove(id, signal),
  };
}

function clientTls({ ca, cert, key }: EndpointTls): ClientTls {
  return ca === undefined ? { cert, key } : { ca, cert, key };
}
