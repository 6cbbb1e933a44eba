/** A store whose commits are timed: from when one is asked for until it is durable and shown. */
import type { Store } from './contract.ts';

/** @param took is told of each commit that was written, in milliseconds; refused ones do not count */
export function timed(store: Store, took: (ms: number) => void): Store {
  return {
    view: store.view,
    commit: (proposal) => {
      const since = performance.now();
      const commit = store.commit(proposal);
      commit.then(
        () => took(performance.now() - since),
        () => undefined,
      );
      return commit;
    },
    watch: (from, listener) => store.watch(from, listener),
    close: () => store.close(),
  };
}
