/** The network between the manager and the agents: which hosts are cut off, and which connections there are. */
import type { ManagerLink, ManagerSession } from '../../src/agent/contract.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { SessionRequest } from '../../src/model/protocol.ts';
import { Connection, type Endpoint, type Manager } from './connection.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

/** How long (ms) an agent tries to connect. The wire's own limit. */
const CONNECT_TIMEOUT = 5_000;

export class Network {
  /** The manager that listens now; undefined: connections are refused. */
  manager: Manager | undefined;
  /** Typical one-way delay, milliseconds. */
  delay = 1;
  readonly clock: Clock;
  readonly random: Random;
  readonly #byNode = new Map<string, Connection>();
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
    for (const connection of this.#connections) if (connection.nodeId === nodeId) connection.flush();
  }

  /** The connection breaks on both ends. */
  reset(nodeId: string): void {
    this.#byNode.get(nodeId)?.breakDown('connection reset');
  }

  /** The host has another address: what it has of connections breaks. */
  moved(nodeId: string): void {
    for (const connection of this.#connections)
      if (connection.nodeId === nodeId) connection.breakDown('connection reset');
  }

  hasSession(nodeId: string): boolean {
    return this.#byNode.get(nodeId)?.established === true;
  }

  /** The manager's process has ended: its end of every connection is closed, and agents within reach hear of it. */
  managerDied(): void {
    this.manager = undefined;
    for (const connection of this.#connections) connection.managerGone();
    this.#byNode.clear();
  }

  async probe(endpoint: Endpoint | undefined): Promise<boolean> {
    await this.#wait(2 * this.random.latency(this.delay));
    if (endpoint?.powered && !this.isCut(endpoint.nodeId)) return true;
    await this.#wait(3000);
    return false;
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
    while (this.isCut(endpoint.nodeId) && this.clock.now() < until && !signal.aborted) await this.#wait(500);
    signal.throwIfAborted();
    if (!process.alive || this.isCut(endpoint.nodeId)) throw new Error('connection timed out');
    if (endpoint.addr !== from) throw new Error('connection reset');
    const { manager } = this;
    if (!manager) throw new Error('connection refused');
    const connection = new Connection(this, endpoint, manager, process, `session${++this.#sessions}`);
    this.#connections.add(connection);
    manager.process.run(() => {
      if (endpoint.addr !== from) return connection.breakDown('connection reset');
      this.#byNode.get(endpoint.nodeId)?.close('a newer session of the node');
      this.#byNode.set(endpoint.nodeId, connection);
      connection.begin(request);
    });
    return connection.agentEnd();
  }

  /** The agent's process has ended; `silently`: with its host, so that nobody is told. */
  agentDied(nodeId: string, silently: boolean): void {
    for (const connection of this.#connections) {
      if (connection.nodeId === nodeId) connection.agentGone(silently);
    }
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#byNode.get(connection.nodeId) === connection) this.#byNode.delete(connection.nodeId);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.timer(ms, resolve));
  }
}
