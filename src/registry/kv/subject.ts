/** What blocking queries of keys and sessions wait for: the store's own revisions, which go on on every manager. */
import type { Store, StoreEvent } from '../../store/contract.ts';

/** Of keys that have changed so many are remembered; then all count as changed. */
const MOST_KEYS = 50_000;

/** A key, or with `isPrefix` all that begin so. */
export interface Part {
  key: string;
  isPrefix: boolean;
}

interface Waiter extends Part {
  wake(): void;
}

export class KeyWatch {
  readonly #changed = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  readonly #unwatch: () => void;
  /** What was before is not known here. */
  #floor: number;
  #sessions: number;
  readonly #sessionWaiters = new Set<() => void>();

  constructor(store: Store) {
    // 0 would have nobody wait.
    this.#floor = Math.max(1, store.view.revision);
    this.#sessions = this.#floor;
    this.#unwatch = store.watch(store.view.revision, ({ revision, events }) => {
      for (const event of events) this.#noted(event, revision);
    });
  }

  close(): void {
    this.#unwatch();
    for (const { wake } of this.#waiters) wake();
    for (const wake of this.#sessionWaiters) wake();
  }

  indexOf({ key, isPrefix }: Part): number {
    if (!isPrefix) return Math.max(this.#floor, this.#changed.get(key) ?? 0);
    let last = this.#floor;
    for (const [changed, revision] of this.#changed)
      if (revision > last && changed.startsWith(key)) last = revision;
    return last;
  }

  get sessionsIndex(): number {
    return this.#sessions;
  }

  /** Resolves when it has changed since, or after so many milliseconds, or when aborted. */
  wait(part: Part, known: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.indexOf(part) > known) return Promise.resolve();
    return held(ms, signal, (wake) => {
      const waiter = { ...part, wake };
      this.#waiters.add(waiter);
      return () => this.#waiters.delete(waiter);
    });
  }

  waitForSessions(known: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#sessions > known) return Promise.resolve();
    return held(ms, signal, (wake) => {
      this.#sessionWaiters.add(wake);
      return () => this.#sessionWaiters.delete(wake);
    });
  }

  #noted(event: StoreEvent, revision: number): void {
    if (event.kind === 'registrySession') {
      this.#sessions = revision;
      for (const wake of this.#sessionWaiters) queueMicrotask(wake);
      return;
    }
    if (event.kind !== 'registryKey') return;
    const { key } = (event.after ?? event.before)!;
    if (this.#changed.size > MOST_KEYS) {
      this.#changed.clear();
      this.#floor = revision;
    }
    this.#changed.set(key, revision);
    for (const waiter of this.#waiters)
      if (waiter.isPrefix ? key.startsWith(waiter.key) : key === waiter.key) queueMicrotask(waiter.wake);
  }
}

async function held(ms: number, signal: AbortSignal, begin: (wake: () => void) => () => void): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = begin(resolve);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  end();
}
