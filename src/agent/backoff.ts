import type { Clock } from '../model/clock.ts';

const FIRST_MS = 100;
const LIMIT_MS = 4000;

/** Growing, scattered waits between attempts. `random` gives numbers in [0, 1). */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  #ceiling = FIRST_MS;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Things went well: the next wait is a short one again. */
  reset(): void {
    this.#ceiling = FIRST_MS;
  }

  /** Resolves after half to all of the present ceiling, which doubles; or as soon as aborted. */
  wait(signal: AbortSignal): Promise<void> {
    const ms = this.#ceiling * (0.5 + 0.5 * this.#random());
    this.#ceiling = Math.min(this.#ceiling * 2, LIMIT_MS);
    return pause(this.#clock, ms, signal);
  }
}

/** Resolves after `ms`, or as soon as aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.timer(ms, end);
    signal.addEventListener('abort', end);
  });
}
