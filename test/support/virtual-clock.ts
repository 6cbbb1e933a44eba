/** A clock whose hands a test turns. */
import type { Clock } from '../../src/model/clock.ts';

interface Timer {
  at: number;
  number: number;
  /** Absent: cancelled. */
  fn: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  #now: number;
  #numbers = 0;
  /** A binary heap by time, then by order of creation. */
  readonly #heap: Timer[] = [];

  constructor(now = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  timer(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), number: this.#numbers++, fn };
    this.#push(timer);
    return () => {
      timer.fn = undefined;
    };
  }

  /** Runs what is due within the next `ms` milliseconds in order, and all promises that follow from each. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    while (await this.step(until));
    this.#now = until;
  }

  /** Runs the timers due next at one moment, if that is not after `until`; false if there are none. */
  async step(until = Number.POSITIVE_INFINITY): Promise<boolean> {
    const timer = this.#pop(until);
    if (!timer) return false;
    this.#now = timer.at;
    timer.run();
    await settled();
    return true;
  }

  /** Time passes and nothing runs: the process was stopped. */
  pause(ms: number): void {
    this.#now += ms;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(until: number): { at: number; run: () => void } | undefined {
    const heap = this.#heap;
    for (;;) {
      const top = heap[0];
      if (!top) return undefined;
      if (!top.fn) this.#removeTop();
      else if (top.at > until) return undefined;
      else {
        this.#removeTop();
        // A timer that the process slept through goes off late.
        return { at: Math.max(top.at, this.#now), run: top.fn };
      }
    }
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.number < b.number);
}

/** Resolves once no promise is left to go on by itself. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
