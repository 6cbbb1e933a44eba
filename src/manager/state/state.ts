/**
 * The cluster's state on this manager, and who leads: in SQLite while there is one manager, in etcd from the first
 * promotion of another one on.
 */
import { rm } from 'node:fs/promises';
import type { Clock } from '../../model/clock.ts';
import type { Measure } from '../../model/measure.ts';
import type { Store } from '../../store/contract.ts';
import { type DataKey, readDataKey } from '../../store/encoding/data-key.ts';
import { copyState } from '../../store/etcd/copy.ts';
import { Keys } from '../../store/etcd/keys.ts';
import { MovableStore } from '../../store/movable.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { timed } from '../../store/timed.ts';
import type { Office } from '../contract.ts';
import type { Start } from '../members/flags.ts';
import type { PeerPlace } from '../members/kept-peer.ts';
import { wipeMember } from '../members/member.ts';
import { PresentOffice, soleOffice } from '../office.ts';
import { removeOthers } from '../peers/steps.ts';
import { PREFIX, Seat } from './seat.ts';

/** Where things are on disk. */
export interface StateFolders {
  /** The file of SQLite. */
  database: string;
  /** Of the key that secrets are encrypted with, in either case. */
  dataKey: string;
  /** Of the member of etcd; its path must be short. */
  etcd: string;
  /** Of the certificate for other members: in memory, and on disk. */
  peer: Omit<PeerPlace, 'fileKey'>;
}

export interface StateOptions {
  folders: StateFolders;
  nodeId: string;
  /** The address at which other managers reach this host, as it is now. */
  address(): string;
  /** What the file of the data key is encrypted with, if it is. */
  fileKey(): Buffer | undefined;
  clock: Clock;
  measure?: Measure | undefined;
  log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export class ManagerState {
  readonly store: Store;
  readonly office: Office;
  readonly #options: StateOptions;
  readonly #movable: { store: MovableStore; office: PresentOffice } | undefined;
  #seat: Seat | undefined;
  readonly #seated = Promise.withResolvers<Seat>();

  /** The state of the only manager. @throws StoreError */
  static async openAlone(options: StateOptions): Promise<ManagerState> {
    const { folders, nodeId } = options;
    // A copy that was not finished counts for nothing.
    await wipeMember(folders.etcd);
    const fileKey = options.fileKey();
    const store = await openSqliteStore({ path: folders.database, keyPath: folders.dataKey, fileKey });
    const movable = { store: new MovableStore(store), office: new PresentOffice(soleOffice(nodeId)) };
    return new ManagerState(options, movable, undefined);
  }

  /**
   * The state of one of several managers, when its member has answered, which takes more than half of the voting members.
   * `started` is awaited once the member runs, before it has to have a vote.
   * @throws MemberError, FolderError, StoreError
   */
  static async openReplicated(
    options: StateOptions,
    start: Start,
    signal: AbortSignal,
    started: () => Promise<void>,
  ): Promise<ManagerState> {
    await removeDatabase(options.folders.database);
    const seat = await Seat.take(options, start, signal);
    try {
      await started();
      await seat.open();
      seat.stand();
      return new ManagerState(options, undefined, seat);
    } catch (error) {
      await seat.release();
      throw error;
    }
  }

  /**
   * The state of one of several managers as that of the only one that is left, with what its own member knows. Never on two
   * of them. @throws MemberError, FolderError, StoreError
   */
  static async openAnew(options: StateOptions): Promise<ManagerState> {
    const seat = await Seat.take(options, { mode: 'forceNew' }, new AbortController().signal);
    try {
      await seat.open();
      await removeOthers(seat.client);
      seat.stand();
      await seat.elected();
      return new ManagerState(options, undefined, seat);
    } catch (error) {
      await seat.release();
      throw error;
    }
  }

  private constructor(
    options: StateOptions,
    movable: { store: MovableStore; office: PresentOffice } | undefined,
    seat: Seat | undefined,
  ) {
    this.#options = options;
    this.#movable = movable;
    this.#seat = seat;
    if (seat) this.#seated.resolve(seat);
    this.store = timed(movable?.store ?? seat!.store, (ms) => options.measure?.committed(ms));
    this.office = movable?.office ?? seat!.election;
  }

  /** What secrets are encrypted with. @throws StoreError */
  dataKey(): DataKey {
    return readDataKey(this.#options.folders.dataKey, this.#options.fileKey());
  }

  /** This manager's place among several; undefined while it is the only one that there ever was. */
  get seat(): Seat | undefined {
    return this.#seat;
  }

  /** Resolves with it once there is one, which may never be. */
  get seated(): Promise<Seat> {
    return this.#seated.promise;
  }

  /**
   * Moves the state of the only manager onto etcd; its member's certificate is there. Changes that are asked for meanwhile
   * wait. `decided` writes down that etcd counts from then on. If anything fails, SQLite goes on.
   */
  async replicate(token: string, decided: () => void): Promise<void> {
    if (this.#seat || !this.#movable) return;
    const { folders, log } = this.#options;
    await wipeMember(folders.etcd);
    const seat = await Seat.take(this.#options, { mode: 'new', token }, new AbortController().signal);
    try {
      await this.#movable.store.move(async (view) => {
        await copyState(seat.client, { keys: new Keys(PREFIX), dataKey: this.dataKey(), view });
        await seat.open();
        seat.stand();
        await seat.elected();
        decided();
        return seat.store;
      });
    } catch (error) {
      await seat.unseat();
      throw error;
    }
    this.#seat = seat;
    this.#seated.resolve(seat);
    this.#movable.office.move(seat.election);
    await removeDatabase(folders.database);
    log.info({}, 'the state of the swarm is in etcd from now on');
  }

  /** Lets go of it all. Another manager leads then; the member of etcd goes on. */
  async close(): Promise<void> {
    await this.#seat?.resign();
    await this.store.close();
    await this.#seat?.release();
  }

  /** Ends this manager's part for good: its member is none any more, or never will be. */
  async end(): Promise<void> {
    await this.store.close();
    await this.#seat?.unseat();
  }
}

async function removeDatabase(path: string): Promise<void> {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) await rm(file, { force: true });
}
