/** How long one stretch of work keeps the process: all of it, without what it waits for. */
import type { Clock } from '../model/clock.ts';

export class Stretch {
  readonly #clock: Clock;
  #worked = 0;
  /** When the work began that is under way; absent while it waits. */
  #since: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long (ms) the last stretch has kept the process, when it has ended. */
  get worked(): number {
    return this.#worked;
  }

  begin(): void {
    this.#worked = 0;
    this.#since = this.#clock.now();
  }

  end(): void {
    if (this.#since !== undefined) this.#worked += this.#clock.now() - this.#since;
    this.#since = undefined;
  }

  /** Waits without keeping the process. */
  async wait<T>(until: Promise<T>): Promise<T> {
    this.end();
    try {
      return await until;
    } finally {
      this.#since = this.#clock.now();
    }
  }

  /** Does a part of the work, which others may have it do while it waits for them. */
  part<T>(work: () => T): T {
    if (this.#since !== undefined) return work();
    this.#since = this.#clock.now();
    try {
      return work();
    } finally {
      this.end();
    }
  }
}
