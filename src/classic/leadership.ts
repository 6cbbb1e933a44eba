/** Several managers: one leads, the others lead clients to it. */
import type { Election } from '../discovery/contract.ts';
import type { EngineClient } from '../engine/client.ts';
import { type ClientTls, tcpEngine } from '../engine/tcp.ts';
import type { Logger } from '../fleet/contract.ts';
import { ApiError } from '../model/errors.ts';
import type { Role } from './views/info.ts';

/** How long (ms) a request waits for a leader. */
const PATIENCE = 30_000;

export interface LeadershipOptions {
  election: Election;
  /** Where the other managers reach this one. */
  address: string;
  /** Seconds after which a leader that is gone is one no more. */
  ttl: number;
  tls?: ClientTls;
  log: Logger;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  #leader: string | undefined;
  #client: EngineClient | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get role(): Role {
    return this.#leader === this.#options.address ? 'primary' : { primary: this.#leader ?? '' };
  }

  /** Takes part until the signal ends it; then the lead is given back. */
  async run(signal: AbortSignal): Promise<void> {
    const { election, address, ttl, log } = this.#options;
    log.info({}, 'Leader Election: Cluster leadership lost');
    await election.campaign(address, ttl, (leader) => this.#heard(leader), signal);
    this.#client?.close();
  }

  /** A client of the leader; undefined if that is this manager. @throws ApiError when there is none for too long */
  async elsewhere(signal: AbortSignal): Promise<EngineClient | undefined> {
    const deadline = performance.now() + PATIENCE;
    while (this.#leader === undefined) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new ApiError(500, 'No elected primary cluster manager: the managers have not agreed on one');
      signal.throwIfAborted();
      await this.#change(left, signal);
    }
    return this.#client;
  }

  #heard(leader: string | undefined): void {
    if (leader === this.#leader) return;
    const { address, tls, log } = this.#options;
    const led = this.#leader === address;
    this.#leader = leader;
    this.#client?.close();
    this.#client = leader === undefined || leader === address ? undefined : tcpEngine(leader, tls);
    if (led) log.info({}, 'Leader Election: Cluster leadership lost');
    if (leader === address) log.info({}, 'Leader Election: Cluster leadership acquired');
    else if (leader !== undefined) log.info({}, `New leader elected: ${leader}`);
    for (const wake of this.#waiting) wake();
  }

  #change(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
