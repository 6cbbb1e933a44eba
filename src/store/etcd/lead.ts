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

/** A term of office, and whose it is. */
export interface HeldLeadership extends Leadership {
  holder: string;
  /** etcd's own term when it began. */
  raftTerm: number;
}

/**
 * Who leads, by the leader's key; undefined: nobody.
 * @param serializable as the member has it, which may be old
 */
export async function readLead(
  client: Pick<EtcdClient, 'range'>,
  key: string,
  serializable = false,
): Promise<HeldLeadership | undefined> {
  const { kvs } = await client.range({ key, serializable });
  if (!kvs[0]) return undefined;
  const [holder = '', raftTerm] = kvs[0].value.toString().split(' ');
  return { key, revision: kvs[0].mod_revision, holder, raftTerm: Number(raftTerm) };
}

/**
 * Begins a term of office of `holder`, whoever leads: it is for the caller to know that the time has come. It ends with
 * the lease, if there is one.
 * @returns undefined if somebody else was faster
 */
export async function takeLead(
  client: Pick<EtcdClient, 'range' | 'txn'>,
  key: string,
  holder: string,
  { raftTerm = 0, lease }: { raftTerm?: number; lease?: string } = {},
): Promise<Leadership | undefined> {
  const present = await readLead(client, key);
  const value = Buffer.from(`${holder} ${raftTerm}`);
  const { succeeded, header } = await client.txn({
    compare: [lastWrittenAt(key, present?.revision ?? 0)],
    success: [{ request_put: { key, value, ...(lease && { lease }) } }],
    failure: [],
  });
  return succeeded ? { key, revision: header!.revision } : undefined;
}

export function holderOf({ value }: KeyValue): string {
  return value.toString().split(' ', 1)[0]!;
}
