/** One host of the simulated world: its engine, and the process of its daemon with the real agent in it. */
import { runAgent } from '../../src/agent/agent.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { NodeDescription } from '../../src/model/objects.ts';
import type { Endpoint } from './connection.ts';
import { type ContainerHooks, FakeEngine } from './engine.ts';
import type { Network } from './network.ts';
import { FakeNetworks } from './networks.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';

/** How long a host waits for its daemon. */
const SHUT_DOWN_MS = 30_000;

export interface HostOptions {
  nodeId: string;
  addr: string;
  description: NodeDescription;
  clock: Clock;
  random: Random;
  network: Network;
  hooks: ContainerHooks;
  /** Told of an agent that ended with an error: that is a bug. */
  failed(error: unknown): void;
  /** The host has lost its power, or was shut down. */
  off(): void;
  log(line: string): void;
}

export class Host implements Endpoint {
  readonly nodeId: string;
  addr: string;
  readonly engine: FakeEngine;
  readonly networks: FakeNetworks;
  powered = true;
  process: Process;
  readonly #options: HostOptions;
  #abort = new AbortController();
  #switchOff = new AbortController();
  /** It was to be started while it had not ended yet. */
  #startAgain = false;

  constructor(options: HostOptions) {
    const { nodeId, addr, clock, random, hooks } = options;
    this.#options = options;
    this.nodeId = nodeId;
    this.addr = addr;
    this.engine = new FakeEngine(options.description, clock, random, hooks);
    this.networks = new FakeNetworks(clock, random);
    this.process = new Process(clock);
    this.process.kill();
  }

  get daemonRuns(): boolean {
    return this.process.alive;
  }

  start(): void {
    this.#startAgain = true;
    if (!this.powered || this.process.alive) return;
    const { clock, random, network, description, failed, log } = this.#options;
    const process = new Process(clock);
    this.process = process;
    this.#abort = new AbortController();
    this.#switchOff = new AbortController();
    const { signal } = this.#switchOff;
    runAgent({
      link: network.link(this, process),
      engine: this.engine.face(process),
      networks: this.networks.face(process),
      clock: process.clock,
      random: () => random.next(),
      log: (message) => log(`${this.nodeId} agent: ${message}`),
      addresses: () => ({ addr: this.addr, dataPathAddr: '' }),
      tlsInfo: () => description.TLSInfo,
      switchOff: signal,
      signal: this.#abort.signal,
    }).then(() => {
      if (signal.aborted && this.process === process && process.alive) this.powerCut();
    }, failed);
  }

  /** It has another address from now on: what it has of connections breaks. */
  move(addr: string): void {
    this.addr = addr;
    this.#options.network.moved(this.nodeId);
  }

  /** The daemon is asked to end, and ends. */
  stop(): void {
    const { process } = this;
    process.run(() => this.#abort.abort());
    this.#startAgain = false;
    this.#options.clock.timer(1500, () => {
      if (this.process !== process || !process.alive) return;
      this.kill();
      if (this.#startAgain) this.start();
    });
  }

  /** kill -9 of the daemon; the engine and its containers go on. */
  kill(): void {
    if (!this.process.alive) return;
    this.process.kill();
    this.#options.network.agentDied(this.nodeId, false);
  }

  get shutsDown(): boolean {
    return this.process.alive && this.#switchOff.signal.aborted;
  }

  /** Its daemon still runs, but was asked to end. */
  get ends(): boolean {
    return this.shutsDown || (this.process.alive && this.#abort.signal.aborted);
  }

  /** The host is shut down: its daemon first has its tasks end in order, if it runs. */
  shutDown(): void {
    const { process } = this;
    process.run(() => this.#switchOff.abort());
    this.#options.clock.timer(SHUT_DOWN_MS, () => {
      if (this.process === process && process.alive) this.powerCut();
    });
  }

  powerCut(): void {
    this.powered = false;
    this.process.kill();
    this.#options.network.agentDied(this.nodeId, true);
    this.engine.powerCut();
    this.#options.off();
  }

  powerOn(): void {
    this.powered = true;
    this.engine.powerOn();
    this.start();
  }
}
