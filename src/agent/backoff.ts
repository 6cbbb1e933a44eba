import { type Clock, pause } from '../model/clock.ts';

const FIRST_MS = 100;
const LIMIT_MS = 4000;
const BRISK_MS = 250;

/**
 * Growing, scattered waits between attempts. `random` gives numbers in [0, 1). For `brisk` ms from its beginning, or from
 * when things went well, no wait is longer than a quarter of a second.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #brisk: number;
  #ceiling = FIRST_MS;
  #since: number;

  constructor(clock: Clock, random: () => number, brisk = 0) {
    this.#clock = clock;
    this.#random = random;
    this.#brisk = brisk;
    this.#since = clock.now();
  }

  /** Things went well: the next wait is a short one again. */
  reset(): void {
    this.#ceiling = FIRST_MS;
    this.#since = this.#clock.now();
  }

  /** Resolves after half to all of the present ceiling, which doubles; or as soon as aborted. */
  wait(signal: AbortSignal): Promise<void> {
    const ms = this.#ceiling * (0.5 + 0.5 * this.#random());
    const limit = this.#clock.now() - this.#since < this.#brisk ? BRISK_MS : LIMIT_MS;
    this.#ceiling = Math.min(this.#ceiling * 2, limit);
    return pause(this.#clock, ms, signal);
  }
}
