/** A store whose state belongs to this process alone. What makes its commits durable is behind Persistence. */
import { check, eventsAt } from './checked.ts';
import {
  ATTEMPTS,
  type Commit,
  type Committed,
  type Decision,
  overtaken,
  type Proposal,
  type Store,
  type StoreEvent,
  type Transaction,
  type View,
} from './contract.ts';
import { StoreError } from './store-error.ts';
import { MemoryView } from './view.ts';
import { WatchLog } from './watch-log.ts';

export interface Persistence {
  /** Makes a commit durable, or throws a StoreError and has changed nothing. */
  write(commit: Commit): void;
  close(): void;
}

export interface LocalState {
  revision: number;
  /** In order of creation; each object's Version.Index is the revision at which it was last written. */
  objects: StoreEvent[];
}

/** commit() has done all its work when it returns its promise: what was read just before it cannot have changed. */
export class LocalStore implements Store {
  readonly #view = new MemoryView();
  readonly #log: WatchLog;
  readonly #persistence: Persistence;
  #closed = false;

  constructor(state: LocalState, persistence: Persistence) {
    this.#view.apply({ revision: state.revision, events: state.objects });
    this.#log = new WatchLog({ revision: state.revision });
    this.#persistence = persistence;
  }

  get view(): View {
    return this.#view;
  }

  async commit<T>(proposal: Proposal<T>): Promise<Committed<T>> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (this.#closed) throw new StoreError('the store is closed');
      const { revision } = this.#view;
      const decision: Decision<T> = typeof proposal === 'function' ? proposal(this.#view) : proposal;
      // Nothing comes between in a synchronous stretch, except what deciding itself has set off.
      if (this.#view.revision === revision) {
        return { revision: this.#write(decision), result: decision.result as T };
      }
    }
    throw overtaken();
  }

  #write(transaction: Transaction): number {
    const checked = check(this.#view, transaction);
    if (checked.length === 0) return this.#view.revision;

    const revision = this.#view.revision + 1;
    const commit = { revision, events: eventsAt(checked, revision) };
    this.#persistence.write(commit);
    this.#view.apply(commit);
    this.#log.append(commit);
    return revision;
  }

  watch(from: number, listener: (commit: Commit) => void): () => void {
    return this.#log.watch(from, listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#persistence.close();
  }
}
