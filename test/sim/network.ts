/** The network between managers and agents: which hosts are cut off, and which connections there are. */
import type { ManagerLink, ManagerSession } from '../../src/agent/contract.ts';
import type { Sessions } from '../../src/manager/contract.ts';
import type { ProbeOutcome } from '../../src/manager/dispatcher/probe.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { SessionRequest } from '../../src/model/protocol.ts';
import { Connection, type Endpoint, type Manager } from './connection.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

/** How long (ms) an agent tries to connect. The wire's own limit. */
const CONNECT_TIMEOUT = 5_000;

export class Network {
  /** The managers that listen now, by their hosts' nodes. */
  readonly managers = new Map<string, Manager>();
  /** Typical one-way delay, milliseconds. */
  delay = 1;
  readonly clock: Clock;
  readonly random: Random;
  /** The present one of each agent at each manager. */
  readonly #present = new Map<string, Connection>();
  readonly #connections = new Set<Connection>();
  readonly #cut = new Set<string>();
  #sessions = 0;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  isCut(nodeId: string): boolean {
    return this.#cut.has(nodeId);
  }

  cut(nodeId: string): void {
    this.#cut.add(nodeId);
  }

  heal(nodeId: string): void {
    this.#cut.delete(nodeId);
    for (const connection of this.#connections) if (!connection.isCut) connection.flush();
  }

  /** The connection breaks on both ends. */
  reset(nodeId: string): void {
    for (const connection of this.#present.values())
      if (connection.nodeId === nodeId) connection.breakDown('connection reset');
  }

  /** The host has another address: what it has of connections breaks. */
  moved(nodeId: string): void {
    for (const connection of this.#connections)
      if (connection.nodeId === nodeId) connection.breakDown('connection reset');
  }

  /** Whether what one host sends does not reach the other, or is not answered. */
  isApart(one: string, other: string): boolean {
    return one !== other && (this.isCut(one) || this.isCut(other));
  }

  hasSession(nodeId: string, manager: { nodeId: string } | undefined): boolean {
    return manager !== undefined && this.#present.get(`${manager.nodeId} ${nodeId}`)?.established === true;
  }

  /** Whether the agent of that connection can reach a manager that leads and is not the one at its other end. */
  hasAnother({ nodeId, manager }: Connection): boolean {
    return this.#leading(nodeId).some((each) => each !== manager && !each.process.hung);
  }

  /** The manager's process has ended: its end of every connection is closed, and agents within reach hear of it. */
  managerDied(nodeId: string): void {
    this.managers.delete(nodeId);
    for (const connection of this.#connections) {
      if (connection.manager.nodeId !== nodeId) continue;
      connection.managerGone();
      this.#present.delete(`${nodeId} ${connection.nodeId}`);
    }
  }

  /** That manager does not lead any more. */
  endSessions(sessions: Sessions): void {
    for (const connection of this.#connections)
      if (connection.sessions === sessions) connection.close('this manager does not lead the swarm any more');
  }

  async probe(endpoint: Endpoint | undefined, from: string): Promise<ProbeOutcome> {
    await this.#wait(2 * this.random.latency(this.delay));
    if (endpoint?.powered && !this.isApart(endpoint.nodeId, from)) return 'answered';
    await this.#wait(3000);
    return 'silent';
  }

  /** The way to the manager for one agent process. */
  link(endpoint: Endpoint, process: Process): ManagerLink {
    return {
      open: (request, signal) =>
        process.promise((resolve, reject) =>
          this.#connect(endpoint, process, request, signal).then(resolve, reject),
        ),
    };
  }

  async #connect(
    endpoint: Endpoint,
    process: Process,
    request: SessionRequest,
    signal: AbortSignal,
  ): Promise<ManagerSession> {
    const until = this.clock.now() + CONNECT_TIMEOUT;
    const from = endpoint.addr;
    await this.#wait(this.random.latency(2 * this.delay));
    const manager = await this.#find(endpoint.nodeId, until, signal);
    signal.throwIfAborted();
    if (!process.alive || !manager) throw new Error('connection timed out');
    if (endpoint.addr !== from) throw new Error('connection reset');
    const connection = new Connection(this, endpoint, manager, process, `session${++this.#sessions}`);
    this.#connections.add(connection);
    manager.process.run(() => {
      if (endpoint.addr !== from) return connection.breakDown('connection reset');
      const key = `${manager.nodeId} ${endpoint.nodeId}`;
      this.#present.get(key)?.close('a newer session of the node');
      this.#present.set(key, connection);
      connection.begin(request);
    });
    return connection.agentEnd();
  }

  /** The manager that leads, as soon as there is one that can be reached; of several one that answers. */
  async #find(
    nodeId: string,
    until: number,
    signal: AbortSignal,
  ): Promise<(Manager & { sessions: Sessions }) | undefined> {
    for (;;) {
      const leading = this.#leading(nodeId);
      const awake = leading.filter(({ process }) => !process.hung);
      if (awake.length > 0) return this.random.pick(awake);
      if (leading.length > 0 && this.managers.size === 1) return leading[0];
      if (this.managers.size === 0 && !this.isCut(nodeId)) throw new Error('connection refused');
      if (this.clock.now() >= until || signal.aborted) return undefined;
      await this.#wait(this.managers.size > 1 ? this.random.int(100, 250) : 500);
    }
  }

  #leading(nodeId: string): Array<Manager & { sessions: Sessions }> {
    return [...this.managers.values()].filter(
      (each): each is Manager & { sessions: Sessions } =>
        each.sessions !== undefined && !this.isApart(nodeId, each.nodeId),
    );
  }

  /** The agent's process has ended; `silently`: with its host, so that nobody is told. */
  agentDied(nodeId: string, silently: boolean): void {
    for (const connection of this.#connections) {
      if (connection.nodeId === nodeId) connection.agentGone(silently);
    }
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
    const key = `${connection.manager.nodeId} ${connection.nodeId}`;
    if (this.#present.get(key) === connection) this.#present.delete(key);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.timer(ms, resolve));
  }
}
