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
    return {
      get revision() {
        return view.revision;
      },
      get: (kind, id) => one(view.get(kind, id)),
      all: (kind) => view.all(kind).map(one),
      count: (kind) => view.count(kind),
      byName: (kind, name) => view.byName(kind, name).map(one),
      tasksOfService: (id) => view.tasksOfService(id).map(one),
      tasksOfNode: (id) => view.tasksOfNode(id).map(one),
      tallies: (id) => view.tallies(id).map(one),
      unassigned: () => view.unassigned().map(one),
      usage: (id) => one(view.usage(id)),
    };
  }
}
