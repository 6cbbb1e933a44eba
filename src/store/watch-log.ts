/** The last commits, and those who watch them. */
import { type Commit, CompactedError } from './contract.ts';

interface Watcher {
  listener: (commit: Commit) => void;
  /** The number of the next commit to show it, counted from the log's beginning. */
  next: number;
  /** It is being called just now: commits made meanwhile are shown to it afterwards, by the call under way. */
  busy: boolean;
}

export interface WatchLogOptions {
  /** The revision before the first commit that will be appended. */
  revision: number;
  /** How many events to remember, at least; the last commit is remembered however large it is. */
  remember?: number;
}

export class WatchLog {
  readonly #remember: number;
  readonly #watchers = new Set<Watcher>();
  #commits: Commit[] = [];
  /** The number of #commits[0], counted from the log's beginning. */
  #first = 0;
  #events = 0;
  /** All commits after this revision are remembered. */
  #compacted: number;
  #calling = 0;

  constructor({ revision, remember = 20_000 }: WatchLogOptions) {
    this.#compacted = revision;
    this.#remember = remember;
  }

  /** Shows the commit to all watchers, except to one that is itself calling: that one sees it when it returns. */
  append(commit: Commit): void {
    this.#commits.push(commit);
    this.#events += commit.events.length;
    for (const watcher of this.#watchers) this.#show(watcher);
    this.#compact();
  }

  watch(from: number, listener: (commit: Commit) => void): () => void {
    if (from < this.#compacted) {
      throw new CompactedError(
        `commits after revision ${from} are not all remembered, only those after ${this.#compacted}: read the view and watch from its revision`,
      );
    }
    const index = this.#commits.findLastIndex((commit) => commit.revision <= from) + 1;
    const watcher: Watcher = { listener, next: this.#first + index, busy: false };
    this.#watchers.add(watcher);
    this.#show(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  #show(watcher: Watcher): void {
    if (watcher.busy) return;
    watcher.busy = true;
    this.#calling++;
    while (this.#watchers.has(watcher)) {
      const commit = this.#commits[watcher.next - this.#first];
      if (!commit) break;
      watcher.next++;
      try {
        watcher.listener(commit);
      } catch (error) {
        // The commit holds and other watchers must see it: a listener that throws is a bug and ends the process.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.#calling--;
    watcher.busy = false;
  }

  /** Forgets the oldest commits, in strides so that it costs little per commit. */
  #compact(): void {
    if (this.#calling > 0 || this.#events <= 2 * this.#remember) return;
    let drop = 0;
    while (drop < this.#commits.length - 1) {
      const size = this.#commits[drop]!.events.length;
      if (this.#events - size < this.#remember) break;
      this.#events -= size;
      drop++;
    }
    if (drop === 0) return;
    this.#compacted = this.#commits[drop - 1]!.revision;
    this.#commits.splice(0, drop);
    this.#first += drop;
  }
}
