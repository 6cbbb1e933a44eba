/** What goes to etcd for a transaction, and what its answer means. */
import type { Checked } from '../checked.ts';
import type { StoreEvent } from '../contract.ts';
import { StoreError } from '../store-error.ts';
import type { Keys } from './keys.ts';
import { holderOf, type Leadership } from './lead.ts';
import { MAX_BYTES, MAX_OPERATIONS } from './limits.ts';
import {
  type KeyValue,
  lastWrittenAt,
  type Operation,
  type TxnRequest,
  type TxnResponse,
} from './messages.ts';
import type { SpecUses } from './specs.ts';
import { encodeValue } from './values.ts';

export interface WriteContext {
  keys: Keys;
  dataKey: Buffer;
  specs: SpecUses;
  /** The places of objects among those created with them, by key. */
  order: ReadonlyMap<string, number>;
}

/** The operations of a transaction, and the places of objects that it creates. @throws StoreError if etcd would not take it */
export function operationsOf(
  checked: readonly Checked[],
  { keys, dataKey, specs, order }: WriteContext,
): { operations: Operation[]; created: Map<string, number> } {
  const { puts, drops } = specs.changes(
    checked.map(({ object, ...rest }) => ({ ...rest, after: object }) as StoreEvent),
  );
  const operations: Operation[] = puts.map(({ digest, body }) => put(keys.digest(digest), Buffer.from(body)));
  const created = new Map<string, number>();
  for (const { kind, id, before, object } of checked) {
    const key = keys.object(kind, id);
    if (!object) {
      operations.push({ request_delete_range: { key } });
      continue;
    }
    if (!before) created.set(key, created.size);
    operations.push(put(key, encodeValue(kind, object, created.get(key) ?? order.get(key) ?? 0, dataKey)));
  }
  for (const digest of drops) operations.push({ request_delete_range: { key: keys.digest(digest) } });
  checkSize(operations, checked.length);
  return { operations, created };
}

/** A transaction that takes effect only while that manager leads and nothing was written since `head`. */
export function fenced(
  keys: Keys,
  { key, revision }: Leadership,
  head: number,
  { id, operations }: { id: string; operations: readonly Operation[] },
): TxnRequest {
  return {
    compare: [lastWrittenAt(key, revision), lastWrittenAt(keys.head, head)],
    success: [...operations, put(keys.head, Buffer.from(id))],
    failure: [{ request_range: { key } }, { request_range: { key: keys.head } }],
  };
}

/** What an answer to a fenced transaction says. */
export type Answer =
  | { written: true; revision: number }
  /** Whether this manager leads no more, who does; and who has written last, and when. */
  | { written: false; deposed: boolean; holder: string | undefined; head: { id: string; revision: number } };

export function understand({ succeeded, header, responses }: TxnResponse, { revision }: Leadership): Answer {
  if (succeeded) return { written: true, revision: header!.revision };
  const [lead, head] = responses.map(({ response_range }) => response_range?.kvs[0]);
  return {
    written: false,
    deposed: lead?.mod_revision !== revision,
    holder: lead && holderOf(lead),
    head: { id: idOf(head), revision: head?.mod_revision ?? 0 },
  };
}

function idOf(head: KeyValue | undefined): string {
  return head?.value.toString() ?? '';
}

function put(key: string, value: Buffer): Operation {
  return { request_put: { key, value } };
}

/** A transaction is all or nothing, so one that is too large cannot be divided here. */
function checkSize(operations: readonly Operation[], changes: number): void {
  let bytes = 0;
  for (const { request_put, request_delete_range } of operations) {
    bytes +=
      (request_put?.key ?? request_delete_range?.key ?? '').length + (request_put?.value.length ?? 0) + 32;
  }
  if (operations.length + 1 <= MAX_OPERATIONS && bytes <= MAX_BYTES) return;
  throw new StoreError(
    `a transaction of ${changes} changes is ${operations.length + 1} operations and ${bytes} bytes; etcd takes ${MAX_OPERATIONS} and ${MAX_BYTES} at once. Nothing was written; change less at a time`,
  );
}
