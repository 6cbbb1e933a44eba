/** When a manager's view has come to show each revision: how far those that follow lag behind the one that leads. */
import type { Store } from '../../src/store/contract.ts';

export class Seen {
  /** Revisions, and milliseconds by one clock for all processes of this machine. */
  readonly #at: [number, number][] = [];

  constructor(store: Store) {
    store.watch(store.view.revision, ({ revision }) => {
      this.#at.push([revision, Number(process.hrtime.bigint() / 1000n) / 1000]);
    });
  }

  all(): [number, number][] {
    return this.#at;
  }
}

/** Milliseconds by which the one came later than the other, least first; a revision that the other did not see is none. */
export function lags(later: readonly [number, number][], than: readonly [number, number][]): number[] {
  const known = new Map(than);
  return later
    .flatMap(([revision, at]) => {
      const before = known.get(revision);
      return before === undefined ? [] : [at - before];
    })
    .sort((a, b) => a - b);
}
