/** Cluster state in etcd: every manager has the view, the one that leads writes. */
import { type Clock, pause } from '../../model/clock.ts';
import { newId } from '../../model/id.ts';
import { type Checked, check } from '../checked.ts';
import {
  ATTEMPTS,
  type Commit,
  type Committed,
  overtaken,
  type Proposal,
  type Store,
  type View,
} from '../contract.ts';
import type { DataKey } from '../encoding/data-key.ts';
import { NotLeadingError, StoreError } from '../store-error.ts';
import { EtcdError, type StateClient } from './client.ts';
import { Keys } from './keys.ts';
import { DeposedError, type Leadership, readLead } from './lead.ts';
import type { Operation } from './messages.ts';
import { type OwnWrite, Replica } from './replica.ts';
import { loadState } from './state.ts';
import { type Answer, fenced, operationsOf, understand } from './transaction.ts';
import { Watcher } from './watcher.ts';

export interface EtcdOptions {
  /** Of the member on this host; it stays the caller's to close. */
  client: StateClient;
  /** Where the state is, which `createState` has begun there. */
  prefix: string;
  dataKey: DataKey;
  clock: Clock;
  /** How long (ms) a commit may take from when it is asked for, its wait for those before it included. */
  patience: number;
  /** Told when the view stops following etcd, and, with undefined, when it goes on. */
  onTrouble(error: Error | undefined): void;
}

/** A manager's store. Until it is told that it leads it writes nothing. */
export interface EtcdStore extends Store {
  /**
   * This manager's term of office has begun; undefined: it is over. The first commit of a term waits until the view shows
   * all that was written before it.
   */
  lead(leadership: Leadership | undefined): void;
  /** etcd's revision that the view shows. */
  readonly shown: number;
}

/** Reads the state, and follows it from then on. @throws StoreError, EtcdError */
export async function openEtcdStore(options: EtcdOptions): Promise<EtcdStore> {
  const keys = new Keys(options.prefix);
  const state = await loadState(options.client, keys, options.dataKey);
  return new LeaderStore(options, keys, new Replica(keys, options.dataKey.key, state));
}

interface Job {
  proposal: Proposal;
  /** Until when it must have been begun, and after which nothing is tried again. */
  deadline: Deadline;
  done: PromiseWithResolvers<Committed<unknown>>;
}

/** What a transaction compares, and until when it is tried. */
interface Term {
  lead: Leadership;
  head: number;
  deadline: Deadline;
}

const NOTHING = 'nothing was written';
const UNKNOWN = 'what was to be written may have been written or not: look before you try again';
/** Milliseconds between attempts to find out. */
const PAUSE = 100;

/**
 * One transaction at a time. Each compares the leader's key and the head, which every transaction writes: what was decided
 * on the view holds as it is written, or nothing is. So the objects themselves are compared here, against the view.
 */
class LeaderStore implements EtcdStore {
  readonly #options: EtcdOptions;
  readonly #keys: Keys;
  readonly #replica: Replica;
  readonly #watcher: Watcher;
  #leadership: Leadership | undefined;
  /** The term of office for which the view is known to be the newest: nobody else writes in it. */
  #caughtUp: Leadership | undefined;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  readonly #end = new AbortController();
  /** Why the view cannot be moved on any more. */
  #broken: Error | undefined;

  constructor(options: EtcdOptions, keys: Keys, replica: Replica) {
    this.#options = options;
    this.#keys = keys;
    this.#replica = replica;
    const { client, clock, dataKey, onTrouble } = options;
    this.#watcher = new Watcher({
      ...{ client, clock },
      range: keys.all,
      after: replica.shown,
      heard: (revision, events) => {
        try {
          replica.heard(revision, events);
        } catch (error) {
          this.#break(error as Error);
        }
      },
      compacted: async () => {
        replica.replace(await loadState(client, keys, dataKey));
        return replica.shown;
      },
      trouble: onTrouble,
    });
  }

  get view(): View {
    return this.#replica.view;
  }

  get shown(): number {
    return this.#replica.shown;
  }

  lead(leadership: Leadership | undefined): void {
    this.#leadership = leadership && { ...leadership };
  }

  watch(from: number, listener: (commit: Commit) => void): () => void {
    return this.#replica.watch(from, listener);
  }

  commit<T>(proposal: Proposal<T>): Promise<Committed<T>> {
    const { clock, patience } = this.#options;
    const deadline = new Deadline(clock, patience);
    const done = Promise.withResolvers<Committed<unknown>>();
    this.#jobs.push({ proposal, deadline, done });
    this.#running ??= this.#run();
    return done.promise as Promise<Committed<T>>;
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#watcher.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      await this.#carryOut(job).then(job.done.resolve, job.done.reject);
      job.deadline.cancel();
    }
    this.#running = undefined;
  }

  async #carryOut({ proposal, deadline }: Job): Promise<Committed<unknown>> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (this.#end.signal.aborted) throw new StoreError('the store is closed');
      if (this.#broken) throw this.#broken;
      if (deadline.isOver) throw this.#late(NOTHING);
      if (this.#leadership !== this.#caughtUp) await this.#catchUp(deadline);
      const { view } = this.#replica;
      const { result, checked } = await this.#decide(proposal, view);
      const revision = checked.length === 0 ? view.revision : await this.#write(checked, deadline);
      if (revision !== undefined) return { revision, result };
    }
    throw overtaken();
  }

  /** What is refused is refused by who leads at that time: nobody else has written since, so the view is the newest. */
  async #decide(proposal: Proposal, view: View): Promise<{ result: unknown; checked: Checked[] }> {
    try {
      const { result, ...transaction } =
        typeof proposal === 'function' ? proposal(view) : { ...proposal, result: undefined };
      return { result, checked: check(view, transaction) };
    } catch (refusal) {
      const lead = this.#leadership;
      if (!lead) throw new NotLeadingError();
      const held = await this.#told(readLead(this.#options.client, lead.key));
      if (held?.revision !== lead.revision) throw new DeposedError(held?.holder);
      throw refusal;
    }
  }

  /** Waits until the view shows all that was written before this manager's term of office. */
  async #catchUp(deadline: Deadline): Promise<void> {
    const lead = this.#leadership;
    const { kvs } = await this.#told(this.#options.client.range({ key: this.#keys.head }));
    await this.#within(this.#replica.reached(kvs[0]?.mod_revision ?? 0), deadline, NOTHING);
    this.#caughtUp = lead;
  }

  /** What etcd says, asked before anything is written. */
  async #told<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof EtcdError) throw new StoreError(`${error.message}; ${NOTHING}`, { cause: error });
      throw error;
    }
  }

  /** Returns the revision; undefined if something was written since the view, which by now shows it. */
  async #write(checked: readonly Checked[], deadline: Deadline): Promise<number | undefined> {
    const lead = this.#leadership;
    if (!lead) throw new NotLeadingError();
    const { specs, order, head } = this.#replica;
    const context = { keys: this.#keys, dataKey: this.#options.dataKey.key, specs, order };
    const { operations, created } = operationsOf(checked, context);
    const own: OwnWrite = { id: newId(), checked, created, written: Promise.withResolvers() };
    this.#replica.expect(own);
    try {
      const term = { lead, head, deadline };
      // The watch may be faster than the answer, or tell what no answer has told.
      return await Promise.race([own.written.promise, this.#send(own, operations, term)]);
    } finally {
      this.#replica.expect(undefined);
    }
  }

  async #send(own: OwnWrite, operations: readonly Operation[], term: Term): Promise<number | undefined> {
    let answer: Answer;
    try {
      answer = await this.#ask({ id: own.id, operations }, term);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.refused) throw new StoreError(`${error.message}; ${NOTHING}`, { cause: error });
      return this.#settle(own, term);
    }
    if (answer.written) return this.#replica.wrote(own, answer.revision);
    return this.#beaten(own, answer, term, NOTHING);
  }

  /**
   * A transaction without an answer may have been written, or be written yet. One more, which changes nothing but the
   * head, rules out the latter, or finds the former.
   */
  async #settle(own: OwnWrite, term: Term): Promise<number | undefined> {
    while (own.revision === undefined) {
      const mark: OwnWrite = {
        id: newId(),
        checked: [],
        created: new Map(),
        written: Promise.withResolvers(),
      };
      try {
        const answer = await this.#ask({ id: mark.id, operations: [] }, term);
        if (!answer.written) return await this.#beaten(own, answer, term, UNKNOWN);
        this.#replica.wrote(mark, answer.revision);
        return undefined;
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        if (this.#end.signal.aborted || term.deadline.isOver)
          throw new StoreError(`${error.message}; ${UNKNOWN}`, { cause: error });
        await pause(this.#options.clock, PAUSE, this.#end.signal);
      }
    }
    return own.revision;
  }

  /** Another transaction has been written before, unless it was this one. */
  async #beaten(own: OwnWrite, answer: Answer & { written: false }, term: Term, what: string) {
    if (answer.head.id === own.id) return this.#replica.wrote(own, answer.head.revision);
    await this.#within(this.#replica.reached(answer.head.revision), term.deadline, what);
    if (own.revision !== undefined) return own.revision;
    if (answer.deposed) throw new DeposedError(answer.holder);
    return undefined;
  }

  async #ask(write: { id: string; operations: readonly Operation[] }, { lead, head }: Term): Promise<Answer> {
    return understand(await this.#options.client.txn(fenced(this.#keys, lead, head, write)), lead);
  }

  async #within(work: Promise<void>, deadline: Deadline, what: string): Promise<void> {
    await Promise.race([
      work,
      deadline.over.then(() => {
        throw this.#late(what);
      }),
    ]);
  }

  #late(what: string): StoreError {
    return new StoreError(
      `etcd has not done its work within ${this.#options.patience} ms: too few managers may be online, or their disks too slow; ${what}`,
    );
  }

  #break(error: Error): void {
    this.#broken = error;
    this.#watcher.close();
    this.#options.onTrouble(error);
  }
}

/** A time that is told by nobody's watch, so that it may be put right meanwhile. */
class Deadline {
  isOver = false;
  readonly over: Promise<void>;
  readonly cancel: () => void;

  constructor(clock: Clock, ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.cancel = clock.timer(ms, () => {
      this.isOver = true;
      resolve();
    });
  }
}
