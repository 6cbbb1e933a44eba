/** Waiting for the store. */
import type { Store } from '../../store/contract.ts';

/** Resolves when the store is as it should be, or after so many milliseconds. */
export async function until(store: Store, patience: number, holds: () => boolean): Promise<void> {
  if (holds()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  const unwatch = store.watch(store.view.revision, () => holds() && resolve());
  await promise.finally(() => {
    clearTimeout(timer);
    unwatch();
  });
}
