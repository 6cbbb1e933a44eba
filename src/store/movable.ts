/** A store whose state moves to another driver while it is in use: nobody who reads, watches or writes has to know. */
import type { Commit, Committed, Kind, Kinds, NodeUsage, Proposal, Store, Tally, View } from './contract.ts';
import { StoreError } from './store-error.ts';

interface Watcher {
  listener: (commit: Commit) => void;
  unwatch: () => void;
}

export class MovableStore implements Store {
  readonly view: View = new PresentView(() => this.#store.view);
  #store: Store;
  readonly #watchers = new Set<Watcher>();
  #pending = new Set<Promise<unknown>>();
  #moving: Promise<void> | undefined;
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** What is asked for during a move is decided after it. */
  commit<T>(proposal: Proposal<T>): Promise<Committed<T>> {
    if (this.#moving) return this.#moving.then(() => this.commit(proposal));
    const commit = this.#store.commit(proposal);
    this.#pending.add(commit);
    const forget = (): void => void this.#pending.delete(commit);
    commit.then(forget, forget);
    return commit;
  }

  watch(from: number, listener: (commit: Commit) => void): () => void {
    const watcher: Watcher = { listener, unwatch: this.#store.watch(from, listener) };
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
      watcher.unwatch();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#moving;
    await this.#store.close();
  }

  /**
   * Commits rest while `copy` makes a store with the same objects, at the versions that they have, whose next revisions
   * are beyond the present one. If it throws, everything stays as it was. The old store is closed.
   */
  async move(copy: (view: View) => Promise<Store>): Promise<void> {
    if (this.#moving) throw new StoreError('the state is being moved already');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#moving = promise;
    try {
      await Promise.allSettled([...this.#pending]);
      const next = await copy(this.#store.view);
      if (this.#closed) {
        await next.close();
        throw new StoreError('the store is closed');
      }
      const old = this.#store;
      this.#store = next;
      for (const watcher of this.#watchers) {
        watcher.unwatch();
        watcher.unwatch = next.watch(next.view.revision, watcher.listener);
      }
      await old.close();
    } finally {
      this.#moving = undefined;
      resolve();
    }
  }
}

/** The view of whatever store there is. */
class PresentView implements View {
  readonly #view: () => View;

  constructor(view: () => View) {
    this.#view = view;
  }
  get revision(): number {
    return this.#view().revision;
  }
  get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    return this.#view().get(kind, id);
  }
  all<K extends Kind>(kind: K): IterableIterator<Kinds[K]> {
    return this.#view().all(kind);
  }
  count(kind: Kind): number {
    return this.#view().count(kind);
  }
  byName<K extends 'node' | 'service' | 'network' | 'secret' | 'config'>(kind: K, name: string): Kinds[K][] {
    return this.#view().byName(kind, name);
  }
  managers(): ReturnType<View['managers']> {
    return this.#view().managers();
  }
  tasksOfService(serviceId: string): ReturnType<View['tasksOfService']> {
    return this.#view().tasksOfService(serviceId);
  }
  tasksOfNode(nodeId: string): ReturnType<View['tasksOfNode']> {
    return this.#view().tasksOfNode(nodeId);
  }
  tallies(serviceId: string): IterableIterator<Tally> {
    return this.#view().tallies(serviceId);
  }
  unassigned(): ReturnType<View['unassigned']> {
    return this.#view().unassigned();
  }
  usage(nodeId: string): NodeUsage {
    return this.#view().usage(nodeId);
  }
}
