/** A store that forgets: for simulations and tests. */
import type { Commit, Store } from './contract.ts';
import { LocalStore } from './local.ts';

/** What is committed is frozen, so that code which changes an object of the view fails where it does it. */
export function openMemoryStore(): Store {
  const write = (commit: Commit) => {
    for (const { after } of commit.events) freeze(after);
  };
  return new LocalStore({ revision: 0, objects: [] }, { write, close: () => {} });
}

function freeze(value: unknown): void {
  // What is frozen is frozen throughout: parts that objects share are walked once.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
