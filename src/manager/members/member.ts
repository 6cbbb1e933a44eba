/**
 * This manager's member of etcd: a process that outlives the daemon, which the next daemon adopts. While there is this
 * object it is watched, and started again when it has ended and that may help.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EtcdClient } from '../../store/etcd/client.ts';
import type { StatusResponse } from '../../store/etcd/maintenance-messages.ts';
import { type Child, type Exit, endAll, spawnChild } from './child.ts';
import type { MemberEnd } from './ends.ts';
import { SETTLING, SOCKET, type Start } from './flags.ts';
import { lastLines } from './log-file.ts';
import {
  FolderError,
  hasData,
  LOG,
  type MemberRecord,
  readRecord,
  removeData,
  writeRecord,
} from './record.ts';
import { explain, prepare } from './run.ts';
import { type Member, type MemberOptions, WatchedMember } from './watched.ts';

export type { Member, MemberOptions } from './watched.ts';

/** A member that could not be started. */
export class MemberError extends Error {
  override readonly name = 'MemberError';
  readonly end: MemberEnd;
  constructor(end: MemberEnd) {
    super(end.message);
    this.end = end;
  }
}

/** The kernel's limit for the path of a socket. */
const MAX_SOCKET_PATH = 107;
const LOOK = 50;
const MARK = { request_put: { key: '/essaim-alone', value: Buffer.from('') } };

/**
 * Starts the member of this folder, or adopts it if it runs as it should. A new one, and one that joins, is waited for;
 * if that fails nothing of it stays.
 * @throws MemberError, with what to do; FolderError if the folder's data must not be started
 */
export async function startMember(options: MemberOptions): Promise<Member> {
  const { folder, start, signal } = options;
  signal.throwIfAborted();
  if (Buffer.byteLength(join(folder, SOCKET)) > MAX_SOCKET_PATH)
    throw new FolderError(`${folder} is too long for the path of a socket: give the daemon a shorter --data`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  if (start.mode === 'again') {
    const member = new WatchedMember(options, await existing(folder));
    await member.begin();
    return member;
  }
  await endAll(folder);
  return start.mode === 'forceNew' ? startAlone(options) : startNew(options, start);
}

async function startNew(options: MemberOptions, start: Start & { mode: 'new' | 'join' }): Promise<Member> {
  const { folder } = options;
  if (await hasData(folder))
    throw new FolderError(
      `${folder} has data of etcd already: it must be wiped before a new member begins there`,
    );
  try {
    const { status, child } = await first(options, ({ leader }, me) =>
      start.mode === 'new' ? leader === me : me === start.memberId,
    );
    const record = { memberId: status.member_id, clusterId: status.cluster_id };
    await writeRecord(folder, record);
    const member = new WatchedMember(options, record);
    member.take(child);
    return member;
  } catch (error) {
    await wipeMember(folder);
    throw error;
  }
}

/** The flag that makes it the only member must not be there when it is started the next time. */
async function startAlone(options: MemberOptions): Promise<Member> {
  const { folder, patience, signal } = options;
  const record = await existing(folder);
  const { child } = await first(options, ({ leader }, me) => leader === me && me === record.memberId);
  const client = new EtcdClient({ socket: join(folder, SOCKET), timeout: options.timeout });
  try {
    for (let i = 0; i < SETTLING; i++) await client.txn({ compare: [], success: [MARK], failure: [] });
  } finally {
    client.close();
    await child.stop();
  }
  child.release();
  const member = new WatchedMember(options, record);
  await member.begin();
  await Promise.race([member.ready(), aborted(AbortSignal.any([signal, AbortSignal.timeout(patience)]))]);
  return member;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** Ends whatever etcd runs in the folder, and removes its data. */
export async function wipeMember(folder: string): Promise<void> {
  await endAll(folder);
  await removeData(folder);
}

async function existing(folder: string): Promise<MemberRecord> {
  const record = await readRecord(folder);
  if (!record)
    throw new FolderError(`there is no member of etcd in ${folder}: this manager has to be promoted again`);
  return record;
}

/** The first run of a member, once it answers as it should. */
async function first(
  { folder, program, start, patience, signal, ...settings }: MemberOptions,
  isDone: (status: StatusResponse, memberId: string) => boolean,
): Promise<{ status: NonNullable<StatusResponse['header']>; child: Child }> {
  const flags = await prepare(folder, { ...settings, version: program.version }, start);
  const child = await spawnChild(program.path, folder, flags);
  const client = new EtcdClient({ socket: join(folder, SOCKET), timeout: settings.timeout });
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  let exit: Exit | undefined;
  void child.exit.then((facts) => {
    exit = facts;
  });
  try {
    for (;;) {
      const status = await client.status().catch(() => undefined);
      if (status?.header && isDone(status, status.header.member_id)) return { status: status.header, child };
      if (exit) throw new MemberError(await explain(folder, settings, exit));
      if (giveUp.aborted) throw await late(folder, patience, signal);
      await delay(LOOK);
    }
  } catch (error) {
    await child.stop();
    child.release();
    throw error;
  } finally {
    client.close();
  }
}

async function late(folder: string, patience: number, signal: AbortSignal): Promise<Error> {
  signal.throwIfAborted();
  const log = (await lastLines(join(folder, LOG))).slice(-5);
  return new MemberError({
    reason: 'unknown',
    message: `etcd has not begun to work within ${patience} ms: too few managers may be online, or their disks too slow`,
    next: 'again',
    log,
  });
}
