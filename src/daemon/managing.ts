/**
 * The manager on this host. It comes and goes with the role of the node: whatever is interrupted, by a kill at any moment
 * too, is taken up again where it was.
 */
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Backoff } from '../agent/backoff.ts';
import { callLeader } from '../agent/leader.ts';
import { connectAs } from '../agent/wire.ts';
import type { ManagerFace } from '../api/contract.ts';
import type { EngineClient } from '../engine/client.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { Manager } from '../manager/manager.ts';
import type { PeerPlace } from '../manager/members/kept-peer.ts';
import type { ManagerState, StateFolders, StateOptions } from '../manager/state/state.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError, messageOf } from '../model/errors.ts';
import { newId } from '../model/id.ts';
import type { Measure } from '../model/measure.ts';
import type { IssueAnswer, ManagerJoined } from '../model/protocol.ts';
import { hostPort } from './address.ts';
import { EnginesOfNodes } from './engines.ts';
import type { LockKeeper } from './lock/keeper.ts';
import type { Log } from './log.ts';
import {
  DATA_KEY,
  ensurePredefined,
  noteAddress,
  putAside,
  removeEtcd,
  stateFolders,
} from './manager-state.ts';
import type { MembershipRecord } from './swarm-dir.ts';

export type Role = MembershipRecord['role'];

export interface ManagingOptions {
  /** The daemon's folder, and that of the membership in it. */
  data: string;
  swarm: string;
  identity: NodeIdentity;
  /** What the host's files are encrypted with, if they are. */
  fileKey: Buffer | undefined;
  record(): MembershipRecord;
  /** Writes the changed record down. */
  update(change: Partial<MembershipRecord>): void;
  /** Addresses of managers, best first. */
  managers(): string[];
  /** Has the node get a new certificate, for the role that it has now. */
  renew(): void;
  engine: EngineClient;
  clock: Clock;
  clientsWait(): boolean;
  measure?: Measure | undefined;
  serveApi(connection: Duplex): void;
  /** A new connection to the API of this host. */
  connectApi(): Promise<Duplex>;
  /** Called whenever there is a manager here, or none any more. */
  changed(): void;
  log: Log;
}

/** The daemon stops, the node is a worker from now on, or the host has left the swarm and its folder is no more. */
export type End = 'stop' | 'demoted' | 'left';

interface Running {
  face: ManagerFace;
  state: ManagerState;
  lock: LockKeeper;
  close(why: End): Promise<void>;
}

export class Managing {
  readonly #options: ManagingOptions;
  readonly #over = new AbortController();
  #running: Running | undefined;
  #wanted: Role;
  #problem = '';
  #alarms: readonly string[] = [];
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

  /** Why this host, which should have a manager, has none yet, or what is wrong with its etcd; empty if nothing is. */
  get problem(): string {
    if (this.#wanted !== 'manager') return '';
    if (!this.#running) return this.#problem;
    return [this.#running.state.seat?.member.trouble ?? [], this.#alarms].flat().join('; ');
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
    const [
      { ManagerState },
      { wipeMember },
      { requestPeer },
      { savePeer },
      { findEtcd },
      { replaceDataKey },
    ] = await Promise.all([
      import('../manager/state/state.ts'),
      import('../manager/members/member.ts'),
      import('../manager/members/peer-files.ts'),
      import('../manager/members/kept-peer.ts'),
      import('../manager/members/program.ts'),
      import('../store/encoding/data-key.ts'),
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
        return await this.#start(state);
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
    return this.#start(state);
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
    const { ManagerState } = await import('../manager/state/state.ts');
    const state = await ManagerState.openAlone(this.#stateOptions());
    const { clock, record } = this.#options;
    try {
      await ensurePredefined(state.store, clock);
      await noteAddress(state.store, record().nodeId, this.#addr(), clock);
    } catch (error) {
      await state.close();
      throw error;
    }
    return this.#start(state);
  }

  async #openAgain(signal: AbortSignal): Promise<Running> {
    const [{ ManagerState }, { MemberError }, { FolderError }] = await Promise.all([
      import('../manager/state/state.ts'),
      import('../manager/members/member.ts'),
      import('../manager/members/record.ts'),
    ]);
    await this.#certifyHere(signal);
    try {
      const start = { mode: 'again' } as const;
      const state = await ManagerState.openReplicated(this.#stateOptions(), start, signal, async () => {});
      return await this.#start(state);
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
      import('../manager/members/peer-files.ts'),
      import('../manager/members/kept-peer.ts'),
    ]);
    if (isFor(await takeUpPeer(this.#peer()), advertiseHost)) return;
    const { csr, key } = await requestPeer();
    const request = { csr, address: advertiseHost };
    const issued = (await this.#ask('/managers/certificate', request, signal)) as IssueAnswer;
    await savePeer(this.#peer(), { certificate: issued.certificate, key, roots: issued.roots });
  }

  async #start(state: ManagerState): Promise<Running> {
    const { identity, engine, clock, clientsWait, serveApi, connectApi, log, record, update } = this.#options;
    // Loaded only here: what only a manager needs costs a worker no memory.
    const [manager, { createImageSource }, { LockKeeper }, { createBackup }] = await Promise.all([
      import('../manager/manager.ts'),
      import('./image-source.ts'),
      import('./lock/keeper.ts'),
      import('../manager/backup/contents.ts'),
    ]);
    const { store, office } = state;
    const { nodeId, listenHost, listenPort } = record();
    try {
      const engines = new EnginesOfNodes((id) => running.connectEngine(id));
      const engineOf = (id: string) => (id === nodeId ? engine : engines.of(id));
      const apis = new EnginesOfNodes((id) =>
        id === nodeId ? connectApi() : running.connectEngine(id, 'api'),
      );
      const running: Manager = await manager.startManager({
        ...{ store, office, identity, listenHost, listenPort, clock, newId, clientsWait, serveApi, log },
        measure: this.#options.measure,
        images: createImageSource({ store, nodeId, engineOf }),
        connectManager: (address, signal) => connectAs(identity, address, signal),
        members: {
          ...{ state, folders: this.#folders(), fileKey: () => this.fileKey },
          address: () => record().advertiseHost,
          decided: () => update({ etcd: 'member' }),
        },
      });
      const care = this.#careFor(state);
      const files = {
        folder: this.#options.swarm,
        identity,
        dataKey: this.#folders().dataKey,
        peer: this.#folders().peer.kept,
      };
      const lock = new LockKeeper(files, this.#options.fileKey);
      const unfollow = lock.follow(store, (error) => log.error({ err: error }, 'cannot lock this manager'));
      return {
        face: {
          ...running,
          engineOf,
          backup: (passphrase) => createBackup(store.view, { nodeId, now: clock.now(), passphrase }),
          apiOf: (id) => apis.of(id),
          async updateCluster(update) {
            await running.updateCluster(update);
            // Who is told that no key is needed any more may forget it.
            await lock.settle(store);
          },
        },
        state,
        lock,
        async close(why) {
          engines.close();
          apis.close();
          unfollow();
          await care.end();
          await (why === 'demoted' ? lock.release() : lock.idle());
          await running.close();
          await (why === 'stop' ? state.close() : state.end());
        },
      };
    } catch (error) {
      await state.close();
      throw error;
    }
  }

  /** From the moment on at which this manager is one of several. */
  #careFor(state: ManagerState): { end(): Promise<void> } {
    const over = new AbortController();
    const { signal } = over;
    const ask = (path: string, body: object) => this.#ask(path, body, signal);
    const care = async (): Promise<void> => {
      const seat = await Promise.race([state.seated, untilAborted(signal)]);
      if (!seat) return;
      void seat.member.ended.then(({ next }) => {
        if (signal.aborted || next !== 'rejoin') return;
        this.#unseated = true;
        this.#stir();
      });
      const { careFor } = await import('../manager/state/care.ts');
      await careFor({
        ...this.#stateOptions(),
        ...{ store: state.store, seat, signal },
        announce: async () => void (await ask('/managers/ready', { addr: this.#addr() })),
        certify: async (request) => (await ask('/managers/certificate', request)) as IssueAnswer,
        onAlarms: (texts) => {
          this.#alarms = texts;
        },
      });
    };
    const caring = care().catch((error: unknown) =>
      this.#options.log.error({ err: error }, 'this manager’s etcd is not looked after any more'),
    );
    return {
      async end() {
        over.abort(new Error('the manager is stopping'));
        await caring;
      },
    };
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

  #stateOptions(): StateOptions {
    const { clock, log, record, measure } = this.#options;
    const { nodeId } = record();
    const address = (): string => record().advertiseHost;
    const fileKey = (): Buffer | undefined => this.fileKey;
    return { folders: this.#folders(), nodeId, address, fileKey, clock, measure, log };
  }
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
