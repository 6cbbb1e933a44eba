/**
 * Writes small things that arrive one by one in few transactions: at once when it is quiet, in batches under load. What
 * is to be written is worked out from the view at the moment of writing, so nothing is lost or overwritten when others
 * write the same objects.
 */
import { Stretch } from '../control/stretch.ts';
import type { Clock } from '../model/clock.ts';
import type { Change, Store, View } from '../store/contract.ts';
import type { Rest } from './rest.ts';

export interface CommitQueueOptions<T> {
  store: Store;
  clock: Clock;
  rest: Rest;
  /** The most entries for one transaction. */
  limit: number;
  /** Milliseconds between the beginnings of two transactions; less if one is full. */
  pause: number;
  /** What one entry becomes if another one of the same key arrives before it is written. */
  merge(earlier: T, later: T): T;
  /** The change that an entry asks for now; undefined: none. */
  change(view: View, key: string, entry: T): Change | undefined;
}

interface Waiting<T> {
  entry: T;
  done: PromiseWithResolvers<void>;
}

export class CommitQueue<T> {
  readonly #options: CommitQueueOptions<T>;
  #waiting = new Map<string, Waiting<T>>();
  #lastBegin = Number.NEGATIVE_INFINITY;
  /** How long the last transaction has kept the process: a store that asks others keeps nobody while it waits. */
  readonly #stretch: Stretch;
  #writing = false;
  #cancelTimer: (() => void) | undefined;
  #closed: Error | undefined;

  constructor(options: CommitQueueOptions<T>) {
    this.#options = options;
    this.#stretch = new Stretch(options.clock);
  }

  /** Resolves when the entry, or one merged with it, is durable or has proved to change nothing. */
  add(key: string, entry: T): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    let waiting = this.#waiting.get(key);
    if (waiting) waiting.entry = this.#options.merge(waiting.entry, entry);
    else {
      waiting = { entry, done: Promise.withResolvers() };
      this.#waiting.set(key, waiting);
    }
    this.#schedule();
    return waiting.done.promise;
  }

  /** What still waits is refused with `reason`. */
  close(reason: Error): void {
    this.#closed = reason;
    this.#cancelTimer?.();
    for (const { done } of this.#waiting.values()) done.reject(reason);
    this.#waiting.clear();
  }

  #schedule(): void {
    const { clock, limit, pause } = this.#options;
    if (this.#writing || this.#waiting.size === 0) return;
    const full = this.#waiting.size >= limit;
    if (this.#cancelTimer && !full) return;
    this.#cancelTimer?.();
    const wait = full ? 0 : Math.max(0, this.#lastBegin + pause - clock.now());
    this.#cancelTimer = clock.timer(wait, () => {
      this.#cancelTimer = undefined;
      this.#write().catch((error: unknown) => {
        throw error; // Every failure of a commit goes to those who wait for it: this is a bug here.
      });
    });
  }

  async #write(): Promise<void> {
    const { clock, limit, rest } = this.#options;
    this.#writing = true;
    await rest(this.#stretch.worked);
    const batch = new Map(this.#waiting.entries().take(limit));
    for (const key of batch.keys()) this.#waiting.delete(key);
    this.#lastBegin = clock.now();
    this.#stretch.begin();
    try {
      await this.#commit(batch);
      for (const { done } of batch.values()) done.resolve();
    } catch (error) {
      for (const { done } of batch.values()) done.reject(error);
    } finally {
      this.#writing = false;
      this.#stretch.end();
    }
    if (!this.#closed) this.#schedule();
  }

  async #commit(batch: ReadonlyMap<string, Waiting<T>>): Promise<void> {
    const { store, change } = this.#options;
    const decide = (view: View) => {
      const wanted = [...batch].map(([key, { entry }]) => change(view, key, entry));
      return { changes: wanted.filter((each) => each !== undefined) };
    };
    await this.#stretch.wait(store.commit((view) => this.#stretch.part(() => decide(view))));
  }
}
