/**
 * What each manager does for etcd from time to time: the one whose member leads has it forget what is old; each makes its
 * own member's file smaller when much of it is empty, one after the other; alarms are told, and ended when there is room.
 */
import { type Clock, pause } from '../../model/clock.ts';
import { type EtcdClient, EtcdError } from '../../store/etcd/client.ts';
import { type Alarm, NOSPACE, type StatusResponse } from '../../store/etcd/maintenance-messages.ts';
import type { Member } from '../../store/etcd/member-messages.ts';
import { lastWrittenAt } from '../../store/etcd/messages.ts';
import { alarmTexts, compactTo, hasRoom, turnOf, wantsDefragmentation } from './upkeep-rules.ts';

export interface UpkeepOptions {
  /** Of this manager's member. */
  client: EtcdClient;
  /** Bytes that a member's file may have. */
  quota: number;
  /** etcd's revision after which begins what the slowest view of this manager has not been told of yet. */
  needed(): number;
  /** Told what alarms there are, in words, whenever that has changed. */
  onAlarms(texts: readonly string[]): void;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Milliseconds between rounds. */
const ROUND = 60_000;
/** How long (ms) a file may take to be made smaller, and (s) how long that keeps others from it if it is not said. */
const DEFRAGMENT = 300_000;
const LOCK_SECONDS = 360;
const IN_VAIN_ROUNDS = 3;
const LOCK = '/essaim-defragmenting';

export class Upkeep {
  readonly #options: UpkeepOptions;
  #before: number | undefined;
  /** Rounds in which the file should have been made smaller. */
  #wanted = 0;
  #told = '';

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** A round each minute until aborted. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(clock, ROUND, signal);
      if (signal.aborted) return;
      await this.round();
    }
  }

  /** One that fails is told, and is no reason for not trying the next one: never rejects. */
  async round(): Promise<void> {
    const { client, log } = this.#options;
    try {
      const status = await client.status();
      // There is nothing to be done without the others, and nothing that a learner may do.
      if (status.leader === '' || status.isLearner || !status.header) return;
      const members = await client.memberList({ linearizable: false });
      const alarms = await client.alarms();
      this.#tell(alarms, members);
      const alarmed = alarms.some(({ alarm }) => alarm === NOSPACE);
      if (status.leader === status.header.member_id) await this.#compact(status, alarmed);
      this.#before = status.header.revision;
      await this.#tidy(members, alarms);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      log.warn({ err: error }, 'etcd could not be looked after; it is tried again within a minute');
    }
  }

  #tell(alarms: readonly Alarm[], members: readonly Member[]): void {
    const { quota, onAlarms } = this.#options;
    const texts = alarmTexts(alarms, members, quota);
    const told = texts.join('\n');
    if (told !== this.#told) onAlarms(texts);
    this.#told = told;
  }

  async #compact(status: StatusResponse, alarmed: boolean): Promise<void> {
    const { client, needed } = this.#options;
    const { revision } = status.header!;
    const target = compactTo({ ...status, revision, before: this.#before, needed: needed(), alarmed });
    if (target === undefined) return;
    try {
      await client.compact({ revision: target });
    } catch (error) {
      // There was nothing to forget.
      if (!(error instanceof EtcdError) || !/has been compacted/.test(error.message)) throw error;
    }
  }

  /** Makes this member's file smaller if it is its turn, and ends its alarm if it has room. */
  async #tidy(members: readonly Member[], alarms: readonly Alarm[]): Promise<void> {
    const { client, quota } = this.#options;
    let status = await client.status();
    const me = status.header!.member_id;
    const own = alarms.find(({ memberID, alarm }) => memberID === me && alarm === NOSPACE);
    // What is forgotten while nothing can be written counts as in use until something is: with an alarm sizes say nothing.
    const wanted = own ? !hasRoom(status, quota) : wantsDefragmentation(status);
    if (!wanted) this.#wanted = 0;
    else if (
      this.#wanted++ >= turnOf(members, me, status.leader) &&
      (await this.#defragment(own !== undefined))
    ) {
      // If it was in vain it is not tried again in each round.
      this.#wanted = -IN_VAIN_ROUNDS;
      status = await client.status();
    }
    if (own && hasRoom(status, quota)) await client.disarm(own);
  }

  /** @param full nothing can be written, a lock neither: then the turns alone keep members apart */
  async #defragment(full: boolean): Promise<boolean> {
    const { client, log } = this.#options;
    const lease = full ? undefined : await this.#lock();
    if (!full && lease === undefined) return false;
    try {
      const began = performance.now();
      const { dbSize } = await client.status();
      await client.defragment(DEFRAGMENT);
      const after = await client.status();
      log.info(
        { before: dbSize, after: after.dbSize, ms: Math.round(performance.now() - began) },
        'the file of etcd was made smaller',
      );
      return true;
    } finally {
      if (lease !== undefined) await client.revoke({ ID: lease }).catch(() => {});
    }
  }

  /** @returns the lease that holds it; undefined if another member is at it */
  async #lock(): Promise<string | undefined> {
    const { client } = this.#options;
    const { ID } = await client.grant({ TTL: LOCK_SECONDS });
    const { succeeded } = await client.txn({
      compare: [lastWrittenAt(LOCK, 0)],
      success: [{ request_put: { key: LOCK, value: Buffer.alloc(0), lease: ID } }],
      failure: [],
    });
    if (succeeded) return ID;
    await client.revoke({ ID });
    return undefined;
  }
}
