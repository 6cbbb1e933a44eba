/** What is in etcd of a swarm, read whole; and how it is begun. */

import type { StoreEvent } from '../contract.ts';
import type { DataKey } from '../encoding/data-key.ts';
import { decodeSpec } from '../encoding/task-spec.ts';
import { TaskInterner } from '../intern.ts';
import { StoreError } from '../store-error.ts';
import type { EtcdClient } from './client.ts';
import type { Keys } from './keys.ts';
import { type KeyValue, lastWrittenAt } from './messages.ts';
import { SpecUses } from './specs.ts';
import { decodeValue } from './values.ts';

const FORMAT = 1;
/** Keys that are read at once. */
const PAGE = 1000;

/** What the key `state` holds. */
interface StateRecord {
  format: number;
  /** What is added to etcd's revisions, so that versions go on from those that clients have seen elsewhere. */
  offset: number;
  fingerprint: string;
}

export interface LoadedState {
  /** etcd's revision that all of it is of. */
  revision: number;
  /** etcd's revision of the last transaction. */
  head: number;
  offset: number;
  /** In order of creation. */
  objects: StoreEvent[];
  /** The places of objects among those that one transaction has created, by key, where they are not the first. */
  order: Map<string, number>;
  specs: SpecUses;
}

/**
 * Begins the state of a swarm in an etcd that has none under that prefix.
 * @param after all versions are beyond this one
 * @throws StoreError if there is a state
 */
export async function createState(
  client: Pick<EtcdClient, 'range' | 'txn'>,
  { keys, dataKey, after }: { keys: Keys; dataKey: DataKey; after: number },
): Promise<void> {
  const { header } = await client.range({ key: keys.state });
  const record: StateRecord = {
    format: FORMAT,
    offset: Math.max(0, after - header!.revision),
    fingerprint: dataKey.fingerprint,
  };
  const { succeeded } = await client.txn({
    compare: [lastWrittenAt(keys.state, 0)],
    success: [
      { request_put: { key: keys.state, value: Buffer.from(JSON.stringify(record)) } },
      { request_put: { key: keys.head, value: Buffer.from('begin') } },
    ],
    failure: [],
  });
  if (!succeeded)
    throw new StoreError(`etcd has the state of a swarm at ${keys.state} already; nothing was changed`);
}

/** Reads everything as it is at one revision. @throws StoreError if anything is not as it was written */
export async function loadState(
  client: Pick<EtcdClient, 'range'>,
  keys: Keys,
  dataKey: DataKey,
): Promise<LoadedState> {
  const first = await client.range({ key: keys.state });
  if (!first.kvs[0])
    throw new StoreError(
      `etcd has no state of a swarm at ${keys.state}. Promote this manager again, or restore a backup`,
    );
  const { format, offset, fingerprint } = JSON.parse(first.kvs[0].value.toString()) as StateRecord;
  if (format > FORMAT)
    throw new StoreError(
      `the swarm's state in etcd was written by a newer Essaim (format ${format}; this one knows ${FORMAT}). Start the newer version again; nothing was changed`,
    );
  if (fingerprint !== dataKey.fingerprint)
    throw new StoreError(
      'the secrets in etcd were encrypted with another data key than the one of this manager. Put the key file that belongs to the swarm back; nothing was changed',
    );
  const { revision } = first.header!;
  const reader = new StateReader(keys, dataKey.key, offset);
  for (let from = keys.all.key, more = true; more; ) {
    const page = await client.range({ ...keys.all, key: from, limit: PAGE, revision });
    for (const kv of page.kvs) reader.read(kv);
    more = page.more;
    from = `${page.kvs.at(-1)?.key}\0`;
  }
  return { revision, offset, ...reader.result() };
}

interface Read {
  key: string;
  created: number;
  index: number;
  event: StoreEvent;
}

/** Puts together what the pages have, keys in order. */
class StateReader {
  readonly #keys: Keys;
  readonly #key: Buffer;
  readonly #offset: number;
  readonly #specs = new SpecUses();
  readonly #interner = new TaskInterner();
  readonly #read: Read[] = [];
  #head = 0;

  constructor(keys: Keys, key: Buffer, offset: number) {
    this.#keys = keys;
    this.#key = key;
    this.#offset = offset;
  }

  read({ key, value, create_revision: created, mod_revision: modified }: KeyValue): void {
    if (key === this.#keys.head) this.#head = modified;
    const named = this.#keys.parse(key);
    if (!named) return;
    readable(key, () => {
      if ('digest' in named) {
        this.#specs.learn(named.digest, decodeSpec({ digest: named.digest, body: value.toString() }));
        return;
      }
      const revision = modified + this.#offset;
      const { object, index } = decodeValue({ ...named, value, revision }, this.#key, (each) =>
        this.#specs.get(each),
      );
      const event = { ...named, after: object } as StoreEvent;
      if (event.kind === 'task') this.#interner.intern(event.after!);
      this.#read.push({ key, created, index, event });
    });
  }

  result(): Pick<LoadedState, 'head' | 'objects' | 'order' | 'specs'> {
    if (this.#head === 0)
      throw new StoreError(`etcd has lost ${this.#keys.head}: restore the swarm from a backup`);
    const sorted = this.#read.sort((a, b) => a.created - b.created || a.index - b.index);
    const objects = sorted.map(({ event }) => event);
    this.#specs.apply(objects);
    const order = new Map(sorted.filter(({ index }) => index > 0).map(({ key, index }) => [key, index]));
    return { head: this.#head, objects, order, specs: this.#specs };
  }
}

/** Runs what reads a value. @throws StoreError in place of what that throws */
export function readable<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const what = (error as Error).message;
    throw new StoreError(`etcd's ${key} cannot be read: ${what}. Restore the swarm from a backup`, {
      cause: error,
    });
  }
}
