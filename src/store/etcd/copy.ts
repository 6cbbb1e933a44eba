/** Brings the state of another store into etcd, object by object, each at the version that it has. */
import { KINDS, type View } from '../contract.ts';
import type { DataKey } from '../encoding/data-key.ts';
import { specRow } from '../encoding/task-spec.ts';
import type { EtcdClient } from './client.ts';
import type { Keys } from './keys.ts';
import type { Operation } from './messages.ts';
import { createState } from './state.ts';
import { encodeValue } from './values.ts';

/** Of one transaction: etcd keeps its last ones in memory. */
const CHANGES = 100;
const BYTES = 150_000;

/**
 * The copy counts once it is whole: before that etcd has no state under that prefix, and it has to be emptied before
 * another attempt. @throws StoreError if there is a state, EtcdError
 */
export async function copyState(
  client: Pick<EtcdClient, 'range' | 'txn'>,
  { keys, dataKey, view }: { keys: Keys; dataKey: DataKey; view: View },
): Promise<void> {
  const batch = new Batch(client);
  const digests = new Set<string>();
  for (const task of view.all('task')) {
    const { digest, body } = specRow(task.Spec);
    if (digests.has(digest)) continue;
    digests.add(digest);
    await batch.put(keys.digest(digest), Buffer.from(body));
  }
  for (const kind of KINDS) {
    // The order of creation is the order of transactions, and the place within one.
    for (const object of view.all(kind)) {
      const value = encodeValue(kind, object, batch.size, dataKey.key, object.Version.Index);
      await batch.put(keys.object(kind, object.ID), value);
    }
  }
  await batch.send();
  await createState(client, { keys, dataKey, after: view.revision });
}

class Batch {
  readonly #client: Pick<EtcdClient, 'range' | 'txn'>;
  #operations: Operation[] = [];
  #bytes = 0;

  constructor(client: Pick<EtcdClient, 'range' | 'txn'>) {
    this.#client = client;
  }

  get size(): number {
    return this.#operations.length;
  }

  async put(key: string, value: Buffer): Promise<void> {
    this.#operations.push({ request_put: { key, value } });
    this.#bytes += value.length;
    if (this.#operations.length >= CHANGES || this.#bytes >= BYTES) await this.send();
  }

  async send(): Promise<void> {
    const success = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    if (success.length > 0) await this.#client.txn({ compare: [], success, failure: [] });
  }
}
