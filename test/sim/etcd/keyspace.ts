/** What etcd makes of its log: keys with their versions, revisions, leases. It is the same on every member. */
import {
  DELETED,
  type Operation,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchEvent,
} from '../../../src/store/etcd/messages.ts';

/** One entry of the log. */
export type Command =
  | { txn: TxnRequest }
  | { grant: { id: string; ttl: number } }
  | { revoke: string }
  | { compact: number }
  /** A leader's first one. */
  | { begin: number };

export interface Version {
  revision: number;
  created: number;
  /** Undefined: deleted. */
  value: Buffer | undefined;
}

export interface Lease {
  /** Seconds. */
  ttl: number;
  keys: Set<string>;
}

export class Keyspace {
  revision = 1;
  compacted = 0;
  readonly leases = new Map<string, Lease>();
  readonly #keys = new Map<string, Version[]>();
  readonly #leaseOf = new Map<string, string>();
  readonly #events = new Map<number, WatchEvent[]>();

  /** Carries a command out. Returns what a transaction is answered, or why it is refused. */
  apply(command: Command): TxnResponse | string | undefined {
    if ('txn' in command) return this.#txn(command.txn);
    if ('grant' in command) this.leases.set(command.grant.id, { ttl: command.grant.ttl, keys: new Set() });
    if ('compact' in command) this.compacted = Math.max(this.compacted, command.compact);
    if ('revoke' in command) {
      const lease = this.leases.get(command.revoke);
      this.leases.delete(command.revoke);
      if (lease && lease.keys.size > 0)
        this.#write([...lease.keys].map((key) => ({ request_delete_range: { key } })));
    }
    return undefined;
  }

  /** A key as it was at a revision. */
  at(key: string, revision = this.revision): Version | undefined {
    const version = this.#keys.get(key)?.findLast((each) => each.revision <= revision);
    return version?.value === undefined ? undefined : version;
  }

  /** @param revision that of the member that is asked; what the request says goes before */
  range(
    { key, range_end: end, limit = 0, revision: asked = 0 }: RangeRequest,
    revision: number,
  ): RangeResponse {
    const keys =
      end === undefined ? [key] : [...this.#keys.keys()].filter((each) => each >= key && each < end).sort();
    const kvs = keys.flatMap((each) => {
      const version = this.at(each, asked || revision);
      return version ? [toKeyValue(each, version)] : [];
    });
    const more = limit > 0 && kvs.length > limit;
    return { header: { revision }, kvs: more ? kvs.slice(0, limit) : kvs, more };
  }

  eventsAt(revision: number): readonly WatchEvent[] {
    return this.#events.get(revision) ?? [];
  }

  #txn({ compare, success, failure }: TxnRequest): TxnResponse | string {
    const succeeded = compare.every(
      ({ key, mod_revision: expected }) => (this.at(key)?.revision ?? 0) === expected,
    );
    const operations = succeeded ? success : failure;
    const lacks = operations.some(
      ({ request_put: put }) => put?.lease !== undefined && !this.leases.has(put.lease),
    );
    if (lacks) return 'etcdserver: requested lease not found';
    this.#write(operations.filter(({ request_range }) => !request_range));
    const responses = operations.map(({ request_range: range }) =>
      range ? { response_range: this.range(range, this.revision) } : {},
    );
    return { header: { revision: this.revision }, succeeded, responses };
  }

  #write(operations: readonly Operation[]): void {
    const revision = this.revision + 1;
    const events: WatchEvent[] = [];
    for (const { request_put: put, request_delete_range: dropped } of operations) {
      const key = (put ?? dropped)!.key;
      const before = this.at(key);
      if (!put && !before) continue;
      this.#attach(key, put?.lease);
      const version = { revision, created: before?.created ?? revision, value: put?.value };
      const versions = this.#keys.get(key);
      if (versions) versions.push(version);
      else this.#keys.set(key, [version]);
      events.push({ type: put ? 0 : DELETED, kv: toKeyValue(key, version) });
    }
    if (events.length === 0) return;
    this.revision = revision;
    this.#events.set(revision, events);
  }

  #attach(key: string, lease: string | undefined): void {
    this.leases.get(this.#leaseOf.get(key) ?? '')?.keys.delete(key);
    this.#leaseOf.delete(key);
    if (lease === undefined) return;
    this.leases.get(lease)?.keys.add(key);
    this.#leaseOf.set(key, lease);
  }
}

function toKeyValue(key: string, { revision, created, value }: Version) {
  return { key, create_revision: created, mod_revision: revision, value: value ?? Buffer.alloc(0) };
}
