/**
 * Indexes as Consul's blocking queries need them: each subject has the index of its last change, and whoever knows that
 * one waits for the next. An index says when it was given, so that they go on over a restart and on another manager: there
 * nothing is remembered, and the first question of whoever waited elsewhere is answered at once.
 */

/** Indexes in a millisecond: they stay below 2^53 until the year 2255. */
const PER_MS = 1_000;
/** How far (ms) another manager's clock may be ahead for its indexes to be gone on from. */
const MOST_AHEAD = 3_600_000;
/** Of subjects that have changed so many are remembered; then all count as changed. */
const MOST_SUBJECTS = 50_000;

export class Topics {
  readonly #now: () => number;
  readonly #own: number;
  readonly #changed = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #last: number;
  /** What was before is not known here. */
  #floor: number;

  /**
   * @param now milliseconds since the epoch
   * @param own tells its indexes from those that others give at the same time: at least 0, less than PER_MS
   */
  constructor(now: () => number, own = Math.floor(Math.random() * PER_MS)) {
    this.#now = now;
    this.#own = own;
    this.#last = now() * PER_MS + own;
    this.#floor = this.#last;
  }

  /** How many wait. */
  get waiting(): number {
    let count = 0;
    for (const waiters of this.#waiting.values()) count += waiters.size;
    return count;
  }

  indexOf(topic: string): number {
    return Math.max(this.#floor, this.#changed.get(topic) ?? 0);
  }

  /** The subjects have changed, all at once. Whoever waits for one of them is told when the caller is done. */
  change(topics: Iterable<string>): number {
    const index = this.#next();
    if (this.#changed.size > MOST_SUBJECTS) {
      this.#changed.clear();
      this.#floor = index;
    }
    for (const topic of topics) {
      this.#changed.set(topic, index);
      const waiters = this.#waiting.get(topic);
      if (!waiters) continue;
      this.#waiting.delete(topic);
      for (const wake of waiters) queueMicrotask(wake);
    }
    return index;
  }

  /**
   * Resolves when the subject has another index than the caller knows, or after so many milliseconds, or when aborted.
   * @param known an index that was given for this subject, here or by another manager
   */
  async wait(topic: string, known: number, ms: number, signal: AbortSignal): Promise<void> {
    const index = this.indexOf(topic);
    if (known > index) {
      // Given elsewhere: what has changed since is not known. Indexes given from now on are later ones, if that can be.
      if (known <= (this.#now() + MOST_AHEAD) * PER_MS) {
        this.#last = Math.max(this.#last, known);
        this.#floor = this.#next();
      }
      return;
    }
    if (known < index || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.#waiting.get(topic) ?? new Set();
    this.#waiting.set(topic, waiters);
    waiters.add(resolve);
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
    waiters.delete(resolve);
    if (waiters.size === 0 && this.#waiting.get(topic) === waiters) this.#waiting.delete(topic);
  }

  #next(): number {
    this.#last = Math.max(this.#last + 1, this.#now() * PER_MS + this.#own);
    return this.#last;
  }
}
