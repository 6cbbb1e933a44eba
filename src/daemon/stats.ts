/** What containers use is looked at for as long as this host is in a swarm. */
import { Sampler } from '../agent/stats/sampler.ts';
import type { Membership } from '../api/contract.ts';
import type { EngineClient } from '../engine/client.ts';
import { systemClock } from '../model/clock.ts';
import type { Log } from './process/log.ts';

export class HostStats {
  #sampler: Sampler | undefined;
  #over: AbortController | undefined;
  #running: Promise<void> | undefined;
  readonly #engine: EngineClient;
  readonly #log: Log;

  constructor({ membership, engine, log }: { membership: Membership; engine: EngineClient; log: Log }) {
    this.#engine = engine;
    this.#log = log;
    const follow = (): void => {
      const isMember = membership.containers() !== undefined;
      if (isMember && !this.#over) this.#start();
      else if (!isMember && this.#over) void this.close();
    };
    membership.watch(follow);
    follow();
  }

  /** Undefined while the host is in no swarm. */
  get source(): Sampler | undefined {
    return this.#sampler;
  }

  async close(): Promise<void> {
    this.#over?.abort();
    this.#over = undefined;
    this.#sampler = undefined;
    await this.#running;
  }

  #start(): void {
    const log = (message: string): void => this.#log.warn({}, message);
    this.#over = new AbortController();
    this.#sampler = new Sampler({ engine: this.#engine, clock: systemClock, log });
    this.#running = this.#sampler.run(this.#over.signal);
  }
}
