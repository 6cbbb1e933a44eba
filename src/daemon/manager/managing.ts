/**
 * The manager on this host. It comes and goes with the role of the node: whatever is interrupted, by a kill at any moment
 * too, is taken up again where it was.
 */
import { join } from 'node:path';
import { Backoff } from '../../agent/backoff.ts';
import { callLeader } from '../../agent/leader.ts';
import type { ManagerFace } from '../../api/contract.ts';
import type { PeerPlace } from '../../manager/members/kept-peer.ts';
import { findEtcd } from '../../manager/members/program.ts';
import type { StateFolders, StateOptions } from '../../manager/state/state.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import type { IssueAnswer, ManagerJoined } from '../../model/protocol.ts';
import { hostPort } from '../address/address.ts';
import type { MembershipRecord } from '../membership/swarm-dir.ts';
import {
  DATA_KEY,
  ensurePredefined,
  noteAddress,
  putAside,
  removeEtcd,
  stateFolders,
} from './manager-state.ts';
import {
  type End,
  type ManagingOptions,
  type Running,
  startRunning,
  type Ties,
  untilAborted,
} from './running-manager.ts';

export type Role = MembershipRecord['role'];

export class Managing {
  readonly #options: ManagingOptions;
  readonly #over = new AbortController();
  #running: Running | undefined;
  #wanted: Role;
  #problem = '';
  #alarms: readonly string[] = [];
  /** Why the other managers do not know where this one is; empty if they do. */
  #misplaced = '';
  /** This manager's member of etcd is none any more, though nobody here has ended it. */
  #unseated = false;
  #stir: () => void = () => {};
  #loop: Promise<void> | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(options: ManagingOptions) {
    this.#options = options;
    const record = options.record();
    this.#wanted = record.role === 'manager' ? 'manager' : options.identity.certificate.role;
  }

  /** Present while a manager runs here. */
  get face(): ManagerFace | undefined {
    return this.#running?.face;
  }

  /** What the host's files are encrypted with at the moment. */
  get fileKey(): Buffer | undefined {
    return this.#running ? this.#running.lock.fileKey : this.#options.fileKey;
  }

  /** Whether this host is to have a manager, be it there yet or not. */
  get isWanted(): boolean {
    return this.#wanted === 'manager';
  }

  /** Why this host, which should have a manager, has none yet, or what is wrong with its etcd; empty if nothing is. */
  get problem(): string {
    if (this.#wanted !== 'manager') return '';
    if (!this.#running) return this.#problem;
    const trouble = this.#running.state.seat?.member.trouble;
    return [trouble, this.#misplaced, ...this.#alarms].filter(Boolean).join('; ');
  }

  /** Takes up what this host was; the only manager of a swarm runs when this resolves. @throws StoreError, ApiError */
  async begin(): Promise<void> {
    const record = this.#options.record();
    if (record.role === 'manager' && record.etcd === undefined) this.#run(await this.#openAlone());
    this.#loop = this.#keep();
  }

  /** The node has that role from now on. */
  become(role: Role): void {
    if (role === this.#wanted) return;
    this.#wanted = role;
    this.#stir();
  }

  /** This host has another address. One of several managers sees that by itself. */
  async moved(): Promise<void> {
    const { record, clock } = this.#options;
    const state = this.#running?.state;
    if (state && !state.seat) await noteAddress(state.store, record().nodeId, this.#addr(), clock);
  }

  /** Resolves when this host is what it should be, or after so many milliseconds. */
  async settled(patience: number): Promise<void> {
    if (this.#isSettled()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.timer(patience, resolve);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    cancel();
  }

  /** Another manager leads from now on, if there is one that can: nobody has to miss this one first. Never rejects. */
  async handOver(): Promise<void> {
    await this.#running?.state.seat?.resign();
  }

  /**
   * The host is about to leave the swarm: the other managers, if there are any, go on without this one. Rejects if that
   * cannot be done within so many milliseconds.
   */
  async bow(patience: number): Promise<void> {
    const seat = this.#running?.state.seat;
    if (!seat) return;
    await seat.resign();
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(patience)]);
    await this.#ask('/managers/leave', {}, signal);
  }

  async close(why: Exclude<End, 'demoted'>): Promise<void> {
    this.#over.abort(new Error('the daemon is stopping'));
    this.#stir();
    await this.#loop;
    const running = this.#running;
    this.#running = undefined;
    await running?.close(why);
  }

  #isSettled(): boolean {
    return (this.#running !== undefined) === (this.#wanted === 'manager');
  }

  async #keep(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#over;
    const backoff = new Backoff(clock, Math.random);
    while (!signal.aborted) {
      const stirred = new AbortController();
      this.#stir = () => stirred.abort();
      try {
        await this.#bring(signal);
        backoff.reset();
        this.#problem = '';
        if (this.#isSettled() && !this.#unseated)
          await untilAborted(AbortSignal.any([signal, stirred.signal]));
      } catch (error) {
        if (signal.aborted) return;
        this.#problem = messageOf(error);
        log.warn({ err: error }, `this host cannot be a ${this.#wanted} yet`);
        await backoff.wait(AbortSignal.any([signal, stirred.signal]));
      }
    }
  }

  /** One step towards what is wanted. */
  async #bring(signal: AbortSignal): Promise<void> {
    const { record } = this.#options;
    if (this.#unseated) await this.#losePlace();
    if (this.#wanted === 'worker') {
      if (record().role === 'manager' || record().etcd) await this.#giveUpPlace(signal);
      return;
    }
    if (this.#running) return;
    if (record().role === 'manager') this.#run(await this.#openAgain(signal));
    else this.#run(await this.#takePlace(signal));
  }

  /** A place among the managers: as a learner first, which has no vote until it has all of the state. */
  async #takePlace(signal: AbortSignal): Promise<Running> {
    const { record, update, identity, swarm } = this.#options;
    const [{ ManagerState }, { wipeMember }, { requestPeer }, { savePeer }, { replaceDataKey }] =
      await Promise.all([
        import('../../manager/state/state.ts'),
        import('../../manager/members/member.ts'),
        import('../../manager/members/peer-files.ts'),
        import('../../manager/members/kept-peer.ts'),
        import('../../store/encoding/data-key.ts'),
      ]);
    await findEtcd();
    await this.#certified(signal);
    const address = record().advertiseHost;
    const folders = this.#folders();
    const admitted = async (): Promise<void> => {
      update({ etcd: 'joining' });
      await this.#ask('/managers/ready', { addr: this.#addr() }, signal);
      update({ etcd: 'member', role: 'manager' });
    };
    if (record().etcd === 'joining') {
      try {
        const state = await ManagerState.openReplicated(
          this.#stateOptions(),
          { mode: 'again' },
          signal,
          admitted,
        );
        return await startRunning(state, this.#options, this.#ties());
      } catch (error) {
        signal.throwIfAborted();
        const gone = error instanceof ApiError && error.status === 410;
        if (!gone && (error as Error).name !== 'FolderError') throw error;
        update({ etcd: undefined });
      }
    }
    await wipeMember(folders.etcd);
    const { csr, key } = await requestPeer();
    const joined = (await this.#ask('/managers/join', { csr, address }, signal)) as ManagerJoined;
    const { certificate, roots, memberId, members } = joined;
    await savePeer(this.#peer(), { certificate, key, roots });
    replaceDataKey(join(swarm, DATA_KEY), joined.dataKey, this.fileKey);
    const start = { mode: 'join', memberId, members } as const;
    this.#options.log.info({ node: identity.certificate.nodeId }, 'this host becomes a manager');
    const state = await ManagerState.openReplicated(this.#stateOptions(), start, signal, admitted);
    return startRunning(state, this.#options, this.#ties());
  }

  /** Waits for a certificate as a manager. */
  async #certified(signal: AbortSignal): Promise<void> {
    const { identity, renew } = this.#options;
    if (identity.certificate.role === 'manager') return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const forget = identity.onChange(() => {
      if (identity.certificate.role === 'manager') resolve();
    });
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    renew();
    await promise.finally(() => {
      forget();
      signal.removeEventListener('abort', abort);
    });
  }

  /** The node is to be a worker: another manager takes this one out, then its state goes. */
  async #giveUpPlace(signal: AbortSignal): Promise<void> {
    const { update, renew } = this.#options;
    await this.#running?.state.seat?.resign();
    await this.#ask('/managers/leave', {}, signal);
    const running = this.#running;
    this.#running = undefined;
    this.#tell();
    await running?.close('demoted');
    update({ role: 'worker', etcd: undefined });
    await removeEtcd(this.#options.data);
    renew();
  }

  /** What this host has of etcd is worth nothing any more: as a manager it has to begin anew. */
  async #losePlace(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#unseated = false;
    this.#tell();
    await running?.close('demoted');
    this.#options.update({ role: 'worker', etcd: undefined });
    await removeEtcd(this.#options.data);
  }

  #ask(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const { identity, managers } = this.#options;
    return callLeader(identity, managers(), signal, path, body);
  }

  async #openAlone(): Promise<Running> {
    const { ManagerState } = await import('../../manager/state/state.ts');
    const state = await ManagerState.openAlone(this.#stateOptions());
    const { clock, record } = this.#options;
    try {
      await ensurePredefined(state.store, clock);
      await noteAddress(state.store, record().nodeId, this.#addr(), clock);
    } catch (error) {
      await state.close();
      throw error;
    }
    return startRunning(state, this.#options, this.#ties());
  }

  async #openAgain(signal: AbortSignal): Promise<Running> {
    const [{ ManagerState }, { MemberError }, { FolderError }] = await Promise.all([
      import('../../manager/state/state.ts'),
      import('../../manager/members/member.ts'),
      import('../../manager/members/record.ts'),
    ]);
    await this.#certifyHere(signal);
    try {
      const start = { mode: 'again' } as const;
      const state = await ManagerState.openReplicated(this.#stateOptions(), start, signal, async () => {});
      return await startRunning(state, this.#options, this.#ties());
    } catch (error) {
      this.#unseated =
        error instanceof FolderError || (error instanceof MemberError && error.end.next === 'rejoin');
      if (error instanceof FolderError && error.isForeign) {
        const path = await putAside(this.#folders().etcd, this.#options.clock.now());
        this.#options.log.warn({ path }, `${error.message}: it is here now`);
      }
      throw error;
    }
  }

  /** The others' etcds talk to this one only where its certificate says that it is. */
  async #certifyHere(signal: AbortSignal): Promise<void> {
    const { managers, nodeId, advertiseHost } = this.#options.record();
    if (managers.every(({ NodeID }) => NodeID === nodeId)) return;
    const [{ isFor, requestPeer }, { savePeer, takeUpPeer }] = await Promise.all([
      import('../../manager/members/peer-files.ts'),
      import('../../manager/members/kept-peer.ts'),
    ]);
    if (isFor(await takeUpPeer(this.#peer()), advertiseHost)) return;
    const { csr, key } = await requestPeer();
    const request = { csr, address: advertiseHost };
    const issued = (await this.#ask('/managers/certificate', request, signal)) as IssueAnswer;
    await savePeer(this.#peer(), { certificate: issued.certificate, key, roots: issued.roots });
  }

  /** host:port of this host's cluster port. */
  #addr(): string {
    const { advertiseHost, advertisePort } = this.#options.record();
    return hostPort(advertiseHost, advertisePort);
  }

  #run(running: Running): void {
    this.#running = running;
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#waiting) if (this.#isSettled()) resolve();
    this.#options.changed();
  }

  #folders(): StateFolders {
    return stateFolders(this.#options.data, this.#options.swarm);
  }

  #peer(): PeerPlace {
    return { ...this.#folders().peer, fileKey: () => this.fileKey };
  }

  #ties(): Ties {
    return {
      stateOptions: () => this.#stateOptions(),
      ask: (path, body, signal) => this.#ask(path, body, signal),
      addr: () => this.#addr(),
      unseated: () => {
        this.#unseated = true;
        this.#stir();
      },
      onAlarms: (texts) => {
        this.#alarms = texts;
      },
      onPlace: (misplaced) => {
        this.#misplaced = misplaced;
      },
    };
  }

  #stateOptions(): StateOptions {
    const { clock, log, record, measure } = this.#options;
    const { nodeId } = record();
    const address = (): string => record().advertiseHost;
    const fileKey = (): Buffer | undefined => this.fileKey;
    return { folders: this.#folders(), nodeId, address, fileKey, clock, measure, log };
  }
}
