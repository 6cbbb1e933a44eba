/** A member's process, looked after: started again when it has ended and that may help. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../model/clock.ts';
import { EtcdClient } from '../../store/etcd/client.ts';
import type { StatusResponse } from '../../store/etcd/maintenance-messages.ts';
import { adoptChild, type Child, type Exit, endAll, runningIn, spawnChild } from './child.ts';
import type { MemberEnd } from './ends.ts';
import { type MemberSettings, SOCKET, type Start, sameSettings } from './flags.ts';
import { trimLog } from './log-file.ts';
import type { EtcdProgram } from './program.ts';
import { LOG, type MemberRecord } from './record.ts';
import { explain, flagsOf, prepare, ROOTS } from './run.ts';

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
  /** The address at which other members reach it. */
  readonly peerHost: string;
  /** Why it has ended, while it has not come back. */
  readonly trouble: string | undefined;
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

/** How long (ms) one that runs may take to say who it is before it is started anew. */
const ADOPT_PATIENCE = 3000;
const LOOK = 50;
const TRIM_EVERY = 60_000;
/** Waits (ms) between starts, each twice the one before; one that has run for long begins anew. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 10_000;
const LONG_RUN = 30_000;

export class WatchedMember implements Member {
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
  #trouble: string | undefined;
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
    if (options.signal.aborted) this.#release();
  }

  get peerHost(): string {
    return this.#settings.peerHost;
  }

  get trouble(): string | undefined {
    return this.#trouble;
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
    await this.#again();
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
      await this.#again();
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

  /** From now on it is this one that runs. */
  take(child: Child): void {
    const { clock } = this.#options;
    if (this.#over !== undefined) {
      child.release();
      return;
    }
    this.#child = child;
    this.#startedAt = clock.now();
    void child.exit.then((exit) => this.#serial(() => this.#exited(child, exit)));
  }

  async #exited(child: Child, exit: Exit): Promise<void> {
    const { clock, folder, onEnd } = this.#options;
    if (this.#child !== child) return;
    this.#child = undefined;
    const end = await explain(folder, this.#settings, exit);
    if (this.#trouble === undefined)
      // Until it answers again, however often it is started.
      void this.ready().then(
        () => {
          this.#trouble = undefined;
        },
        () => {},
      );
    this.#trouble = end.message;
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

  /** Starts it. That it cannot be is as if it had ended at once. */
  async #again(): Promise<void> {
    const { folder, program } = this.#options;
    if (this.#over !== undefined || this.#child) return;
    try {
      const flags = await prepare(folder, this.#settings, { mode: 'again' });
      this.take(await spawnChild(program.path, folder, flags));
    } catch (error) {
      const exit = Promise.resolve({ failure: error as Error });
      this.take({ exit, stop: async () => {}, release: () => {} });
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
