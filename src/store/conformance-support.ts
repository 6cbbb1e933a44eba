import assert from 'node:assert/strict';
import { type Commit, ConflictError, type Store, type Transaction, type View } from './contract.ts';
import { snapshot } from './naive.ts';
import { sampleService } from './samples.ts';

/** Registers a test that gets an empty store, and a way to close it and open it again. */
export type StoreTest = (
  title: string,
  work: (store: Store, reopen: () => Promise<Store>) => Promise<void>,
) => void;

export function service(id: string, name?: string) {
  return sampleService(id, name);
}

export function put(...objects: Array<ReturnType<typeof sampleService>>): Transaction {
  return { changes: objects.map((object) => ({ op: 'put', kind: 'service', object })) };
}

export function ids(objects: Array<{ ID: string }>): string[] {
  return objects.map((object) => object.ID).sort();
}

export function record(store: Store): Commit[] {
  const seen: Commit[] = [];
  store.watch(store.view.revision, (commit) => seen.push(commit));
  return seen;
}

export async function assertConflict(store: Store, transaction: Transaction): Promise<void> {
  await assertUnchanged(store, () => assert.rejects(store.commit(transaction), ConflictError));
}

export async function assertUnchanged(store: { view: View }, work: () => Promise<void>): Promise<void> {
  const before = snapshot(store.view);
  await work();
  assert.deepEqual(snapshot(store.view), before);
}
