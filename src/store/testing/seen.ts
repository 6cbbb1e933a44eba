/** A store that shows a test what is about to be written. */
import type { Store, Transaction } from '../contract.ts';

/**
 * Does as the store behind it, and tells `see` of each transaction that has been decided on and changes something, each
 * time that it is. What `see` throws is as if the one who decides had thrown it.
 */
export function seen(store: Store, see: (transaction: Transaction) => void): Store {
  return {
    view: store.view,
    commit: (proposal) =>
      store.commit((view) => {
        const decision = typeof proposal === 'function' ? proposal(view) : proposal;
        if (decision.changes.length > 0) see(decision);
        return decision;
      }),
    watch: (from, listener) => store.watch(from, listener),
    close: () => store.close(),
  };
}
