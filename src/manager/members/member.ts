/**
 * This manager's member of etcd: a process that outlives the daemon, which the next daemon adopts. While there is this
 * object it is watched, and started again when it has ended and that may help.
 */
import { chmod, mkdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeWhole } from '../../identity/whole-file.ts';
import type { Clock } from '../../model/clock.ts';
import { EtcdClient } from '../../store/etcd/client.ts';
import type { StatusResponse } from '../../store/etcd/maintenance-messages.ts';
import { adoptChild, type Child, type Exit, endAll, runningIn, spawnChild } from './child.ts';
import { explainEnd, type MemberEnd } from './ends.ts';
import { type MemberSettings, memberFlags, peerUrl, SOCKET, type Start, sameSettings } from './flags.ts';
import { lastLines, trimLog } from './log-file.ts';
import type { EtcdProgram } from './program.ts';
import {
  FolderError,
  hasData,
  LOG,
  type MemberRecord,
  readRecord,
  removeData,
  writeRecord,
} from './record.ts';

export interface MemberOptions extends Omit<MemberSettings, 'version'> {
  /** The member's own folder, absolute; it is made if there is none. */
  folder: string;
  program: EtcdProgram;
  start: Start;
  clock: Clock;
  /** How long (ms) a call to it may take. */
  timeout: number;
  /** How long (ms) a new member may take to answer. */
  patience: number;
  /** Aborted when this daemon ends: the member goes on, and nobody looks at it. */
  signal: AbortSignal;
  /** Told whenever it has ended by itself, before it is started again. */
  onEnd(end: MemberEnd): void;
}

export interface Member {
  /** Of this member; it lasts as long as the member, over its restarts. */
  readonly client: EtcdClient;
  readonly memberId: string;
  readonly clusterId: string;
  /** Resolves when it has ended and is not started again: it was stopped, or has to rejoin. */
  readonly ended: Promise<MemberEnd>;
  /** Resolves with its status as soon as it answers. Without a quorum a member that was started does not. */
  ready(): Promise<StatusResponse>;
  /** Ends it in order and starts it again, with other settings if any are given. */
  restart(change?: Partial<Pick<MemberSettings, 'peerHost' | 'peerPort' | 'files'>>): Promise<void>;
  /** Whether the roots that it trusts, which it reads only as it starts, are others than those in its file by now. */
  rootsChanged(): Promise<boolean>;
  /** Ends it in order. */
  stop(): Promise<void>;
}

/** A member that could not be started. */
export class MemberError extends Error {
  override readonly name = 'MemberError';
  readonly end: MemberEnd;
  constructor(end: MemberEnd) {
    super(end.message);
    this.end = end;
  }
}

/** The roots that it was started with. */
const ROOTS = 'roots.pem';
/** The kernel's limit for the path of a socket. */
const MAX_SOCKET_PATH = 107;
/** How long (ms) one that runs may take to say who it is before it is started anew. */
const ADOPT_PATIENCE = 3000;
const LOOK = 50;
const TRIM_EVERY = 60_000;
/** Waits (ms) between starts, each twice the one before; one that has run for long begins anew. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 10_000;
const LONG_RUN = 30_000;
/** Below so many free bytes a disk counts as full. */
const FULL = 1024 * 1024;

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
    const member = new OwnMember(options, await existing(folder));
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
    const member = new OwnMember(options, record);
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
  await child.stop();
  child.release();
  const member = new OwnMember(options, record);
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

/** The arguments of etcd; it trusts the roots as they are now. */
async function prepare(folder: string, settings: MemberSettings, start: Start): Promise<string[]> {
  const ca = join(folder, ROOTS);
  await writeWhole(ca, await readFile(settings.files.ca, 'utf8'));
  return flagsOf(folder, settings, start);
}

function flagsOf(folder: string, settings: MemberSettings, start: Start): string[] {
  return memberFlags({ ...settings, files: { ...settings.files, ca: join(folder, ROOTS) } }, start);
}

async function explain(
  folder: string,
  { peerHost, peerPort }: Pick<MemberSettings, 'peerHost' | 'peerPort'>,
  exit: Exit,
): Promise<MemberEnd> {
  const { bavail, bsize } = await statfs(folder);
  const log = await lastLines(join(folder, LOG));
  const peer = peerUrl(peerHost, peerPort).slice('https://'.length);
  return explainEnd({ ...exit, log, folder, peer, diskFull: bavail * bsize < FULL });
}

class OwnMember implements Member {
  readonly client: EtcdClient;
  readonly memberId: string;
  readonly clusterId: string;
  readonly #options: MemberOptions;
  readonly #ended = Promise.withResolvers<MemberEnd>();
  #settings: MemberSettings;
  #child: Child | undefined;
  #startedAt = 0;
  #wait = FIRST_WAIT;
  #cancelWait: () => void = () => {};
  #cancelTrim: () => void = () => {};
  /** Why it is neither watched nor started any more. */
  #over: string | undefined;
  /** One thing after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: MemberOptions, { memberId, clusterId }: MemberRecord) {
    this.#options = options;
    this.#settings = { ...options, version: options.program.version };
    this.memberId = memberId;
    this.clusterId = clusterId;
    this.client = new EtcdClient({ socket: join(options.folder, SOCKET), timeout: options.timeout });
    options.signal.addEventListener('abort', this.#release);
    this.#trim();
  }

  get ended(): Promise<MemberEnd> {
    return this.#ended.promise;
  }

  /** Adopts what runs, or starts it. */
  async begin(): Promise<void> {
    const { folder } = this.#options;
    const running = await runningIn(folder);
    const [found] = running;
    const wanted = flagsOf(folder, this.#settings, { mode: 'again' });
    if (found && running.length === 1 && sameSettings(found.flags, wanted) && (await this.#isItself())) {
      this.take(adoptChild(found.pid, folder));
      return;
    }
    await endAll(folder);
    await this.#spawn();
  }

  async ready(): Promise<StatusResponse> {
    for (;;) {
      if (this.#over !== undefined) throw new Error(this.#over);
      const status = await this.client.status().catch(() => undefined);
      if (status) return status;
      await delay(LOOK);
    }
  }

  restart(change: Parameters<Member['restart']>[0] = {}): Promise<void> {
    return this.#serial(async () => {
      if (this.#over !== undefined) throw new Error(this.#over);
      this.#settings = { ...this.#settings, ...change };
      await this.#halt();
      await this.#spawn();
    });
  }

  async rootsChanged(): Promise<boolean> {
    const [trusted, wanted] = await Promise.all(
      [join(this.#options.folder, ROOTS), this.#settings.files.ca].map((path) => readFile(path, 'utf8')),
    );
    return trusted !== wanted;
  }

  stop(): Promise<void> {
    return this.#serial(async () => {
      const message = 'etcd was stopped';
      this.#close(message);
      await this.#halt();
      await endAll(this.#options.folder);
      this.#ended.resolve({ reason: 'stopped', message, next: 'none', log: [] });
    });
  }

  #serial(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  readonly #release = (): void => {
    this.#close('the daemon ends');
    this.#child?.release();
    this.#child = undefined;
  };

  #close(why: string): void {
    this.#over ??= why;
    this.#options.signal.removeEventListener('abort', this.#release);
    this.#cancelWait();
    this.#cancelTrim();
    this.client.close();
  }

  /** Whether what runs is this member: that it answers is not enough. */
  async #isItself(): Promise<boolean> {
    const client = new EtcdClient({ socket: join(this.#options.folder, SOCKET), timeout: ADOPT_PATIENCE });
    try {
      return (await client.status()).header?.member_id === this.memberId;
    } catch {
      return false;
    } finally {
      client.close();
    }
  }

  async #halt(): Promise<void> {
    this.#cancelWait();
    const child = this.#child;
    this.#child = undefined;
    await child?.stop();
    child?.release();
  }

  async #spawn(): Promise<void> {
    const { folder, program } = this.#options;
    const flags = await prepare(folder, this.#settings, { mode: 'again' });
    this.take(await spawnChild(program.path, folder, flags));
  }

  /** From now on it is this one that runs. */
  take(child: Child): void {
    const { clock } = this.#options;
    this.#child = child;
    this.#startedAt = clock.now();
    void child.exit.then((exit) => this.#serial(() => this.#exited(child, exit)));
  }

  async #exited(child: Child, exit: Exit): Promise<void> {
    const { clock, folder, onEnd } = this.#options;
    if (this.#child !== child) return;
    this.#child = undefined;
    const end = await explain(folder, this.#settings, exit);
    onEnd(end);
    if (end.next !== 'again') {
      this.#close(end.message);
      this.#ended.resolve(end);
      return;
    }
    if (clock.now() - this.#startedAt > LONG_RUN) this.#wait = FIRST_WAIT;
    const wait = this.#wait;
    this.#wait = Math.min(2 * wait, LONGEST_WAIT);
    this.#cancelWait = clock.timer(wait, () => {
      void this.#serial(() => this.#again());
    });
  }

  async #again(): Promise<void> {
    if (this.#over !== undefined || this.#child) return;
    try {
      await this.#spawn();
    } catch (error) {
      // Its log cannot be written, say: as if it had ended at once.
      const failed = {
        exit: Promise.resolve({ failure: error as Error }),
        stop: async () => {},
        release() {},
      };
      this.take(failed);
    }
  }

  #trim(): void {
    const { clock, folder } = this.#options;
    this.#cancelTrim = clock.timer(TRIM_EVERY, () => {
      // A log that cannot be made smaller is no reason to do anything else.
      void trimLog(join(folder, LOG))
        .catch(() => {})
        .finally(() => {
          if (this.#over === undefined) this.#trim();
        });
    });
  }
}
