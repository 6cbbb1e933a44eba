/**
 * Who asks how often: as long as all questions together are within what the server may spend, everybody is served; when
 * they are more, those who ask least still are, and the others share what is left evenly.
 */
import type { Clock } from '../../model/clock.ts';

/** How long one count lasts (ms): what was counted in one decides about the next. */
const WINDOW = 100;

export class FairShare {
  readonly #clock: Clock;
  readonly #capacity: number;
  #counts = new Map<string, number>();
  #ends = 0;
  #level = Number.POSITIVE_INFINITY;

  /** @param capacity questions per second of all together */
  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = (capacity * WINDOW) / 1000;
  }

  /** Whether a question of that source is to be answered. */
  admit(source: string): boolean {
    const now = this.#clock.now();
    const since = now - this.#ends;
    // Over, or the clock was put back.
    if (since >= 0 || since < -WINDOW) {
      const justOver = since >= 0 && since < WINDOW;
      this.#level = justOver ? waterLevel(this.#counts.values(), this.#capacity) : Number.POSITIVE_INFINITY;
      this.#counts.clear();
      this.#ends = now + WINDOW;
    }
    const count = (this.#counts.get(source) ?? 0) + 1;
    this.#counts.set(source, count);
    return count <= this.#level;
  }
}

/** The largest share so that all who want `counts` get at most `capacity` together; infinite when there is enough. */
export function waterLevel(counts: Iterable<number>, capacity: number): number {
  const sorted = [...counts].sort((a, b) => a - b);
  let left = capacity;
  for (const [index, count] of sorted.entries()) {
    const share = left / (sorted.length - index);
    if (count > share) return Math.max(1, Math.floor(share));
    left -= count;
  }
  return Number.POSITIVE_INFINITY;
}
