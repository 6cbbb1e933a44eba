/** Writes to the store as the API does them. */
import { rpcError } from '../../model/errors.ts';
import { ConflictError, type Store, type Transaction, type View } from '../../store/contract.ts';

const ATTEMPTS = 20;

/**
 * Commits what `decide` makes of the view. It is called again, with the view of then, whenever something it relied on
 * has been changed by somebody else meanwhile; what it throws is the answer.
 */
export async function write<T>(
  store: Store,
  decide: (view: View) => Transaction & { result: T },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { result, ...transaction } = decide(store.view);
    try {
      await store.commit(transaction);
      return result;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (attempt === ATTEMPTS) {
        throw rpcError('Unavailable', 'the cluster is being changed too fast by others, try again');
      }
    }
  }
}

interface Versioned {
  Version: { Index: number };
  internal: object & { specAfter?: number };
}

/** Throws unless the caller has read the object with the spec that it has now. */
export function checkVersion(
  { Version: { Index }, internal: { specAfter = Index } }: Versioned,
  version: number,
): void {
  if (version === Index || (version > specAfter && version < Index)) return;
  throw rpcError('Unknown', 'update out of sequence');
}
