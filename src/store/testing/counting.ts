import type { Proposal, Store, View } from '../contract.ts';

/** A store that counts the objects that others look at in its view: what work costs, whatever the machine does. */
export class CountingStore implements Store {
  readonly #store: Store;
  readonly view: View;
  looked = 0;

  constructor(store: Store) {
    this.#store = store;
    this.view = this.#counted(store.view);
  }

  commit<T>(proposal: Proposal<T>) {
    return this.#store.commit(typeof proposal === 'function' ? () => proposal(this.view) : proposal);
  }

  watch(...args: Parameters<Store['watch']>) {
    return this.#store.watch(...args);
  }

  close() {
    return this.#store.close();
  }

  #counted(view: View): View {
    const one = <T>(object: T): T => {
      this.looked++;
      return object;
    };
    const each = function* <T>(objects: Iterable<T>): IterableIterator<T> {
      for (const object of objects) yield one(object);
    };
    return {
      get revision() {
        return view.revision;
      },
      get: (kind, id) => one(view.get(kind, id)),
      all: (kind) => each(view.all(kind)),
      count: (kind) => view.count(kind),
      byName: (kind, name) => view.byName(kind, name).map(one),
      managers: () => each(view.managers()),
      tasksOfService: (id) => each(view.tasksOfService(id)),
      tasksOfNode: (id) => each(view.tasksOfNode(id)),
      tallies: (id) => each(view.tallies(id)),
      unassigned: () => each(view.unassigned()),
      usage: (id) => one(view.usage(id)),
    };
  }
}
