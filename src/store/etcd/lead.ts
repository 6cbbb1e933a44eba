/**
 * Who may write: the manager that has written the leader's key last. It compares the key's revision in each transaction,
 * so one that was put off writes nothing from then on, whether it knows of it or not. Within a term of office nobody
 * writes the key.
 */
import { NotLeadingError } from '../store-error.ts';
import type { EtcdClient } from './client.ts';
import { type KeyValue, lastWrittenAt } from './messages.ts';

/** A term of office. */
export interface Leadership {
  key: string;
  /** etcd's revision at which the key was written, by which the term begins. */
  revision: number;
}

/** Another manager leads, or nobody does; nothing was written. */
export class DeposedError extends NotLeadingError {
  constructor(holder: string | undefined) {
    super(
      holder === undefined
        ? 'nobody leads the swarm any more, so this manager does not either; nothing was written'
        : `manager ${holder} leads the swarm now, not this one; nothing was written. Ask there`,
    );
    this.name = 'DeposedError';
  }
}

/** Who leads, by the leader's key; undefined: nobody. */
export async function readLead(
  client: EtcdClient,
  key: string,
): Promise<(Leadership & { holder: string }) | undefined> {
  const { kvs } = await client.range({ key });
  return kvs[0] && { key, revision: kvs[0].mod_revision, holder: holderOf(kvs[0]) };
}

/**
 * Begins a term of office of `holder`, whoever leads: it is for the caller to know that the time has come.
 * @returns undefined if somebody else was faster
 */
export async function takeLead(
  client: EtcdClient,
  key: string,
  holder: string,
): Promise<Leadership | undefined> {
  const present = await readLead(client, key);
  const { succeeded, header } = await client.txn({
    compare: [lastWrittenAt(key, present?.revision ?? 0)],
    success: [{ request_put: { key, value: Buffer.from(holder) } }],
    failure: [],
  });
  return succeeded ? { key, revision: header!.revision } : undefined;
}

export function holderOf({ value }: KeyValue): string {
  return value.toString();
}
