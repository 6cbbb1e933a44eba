/**
 * This host's place in a swarm: none, on the way into one, a worker, or the manager. One change at a time; what it is
 * survives a kill at any moment (swarm-dir.ts).
 */

import { join } from 'node:path';
import type { ContainerNetworks } from '../../agent/contract.ts';
import type {
  InitRequest,
  JoinRequest,
  ManagerFace,
  Membership,
  MembershipStatus,
  RestoreRequest,
} from '../../api/contract.ts';
import { LOCKED, WORKER } from '../../api/swarm/access.ts';
import type { EngineClient } from '../../engine/client.ts';
import { parseUnlockKey } from '../../identity/unlock-key.ts';
import { pause } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { DataPlaneCounters } from '../../network/contract.ts';
import type { HostNetworks } from '../../network/host-networks.ts';
import { hostInterfaces } from '../address/interfaces.ts';
import { type LockFile, readLock } from '../lock/lock-file.ts';
import { DATABASE, openAnew } from '../manager/manager-state.ts';
import type { FoundingPlace } from './found.ts';
import { joinAddresses, joinAsWorker } from './joining.ts';
import { leaveWarning } from './leave-warning.ts';
import { stepDown, tellManagers } from './leaving.ts';
import {
  IDENTITY,
  Member,
  type MemberOptions,
  removeLeftovers,
  startNetworks,
  type Unlocked,
} from './member.ts';
import { type MembershipRecord, SwarmDir } from './swarm-dir.ts';

/** How long `docker swarm join` waits before it goes on in the background, in ms. */
const JOIN_PATIENCE = 20_000;
/** How long init and join wait for the node to be Ready, in ms. What is late will come: it is no error. */
const READY_PATIENCE = 5_000;

/** How often an engine is asked for that is not there yet, in ms. */
const ENGINE_PAUSE = 250;

const ALREADY =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';
const NOT_IN = 'This node is not part of a swarm';
const ONLY_MANAGERS =
  'This node is not a swarm manager: only a manager has the state that a new cluster is made from.';
const STILL_JOINING =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';

const LEAVE_LOCKED =
  'Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.';
const INVALID_KEY = 'swarm could not be unlocked: invalid key provided';

/** A manager whose files need a key. Its containers go on, with their networks as they were left. */
interface Locked {
  record: MembershipRecord;
  lock: LockFile;
  networks: HostNetworks;
}

interface Joining {
  request: JoinRequest;
  abort: AbortController;
  done: Promise<void>;
}

export class HostMembership implements Membership {
  readonly #options: MemberOptions;
  readonly #dir: SwarmDir;
  readonly #watchers: Array<() => void> = [];
  #active: Member | undefined;
  #joining: Joining | undefined;
  #locked: Locked | undefined;
  #error = '';
  readonly #closing = new AbortController();
  /** Init, join and leave change what the others look at: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: Omit<MemberOptions, 'changed'>) {
    this.#options = { ...options, changed: () => this.#tell() };
    this.#dir = new SwarmDir(options.data);
  }

  /** Takes up what this host was when its daemon ended. Errors are kept and shown by `docker info`, not thrown. */
  async resume(): Promise<void> {
    const { log } = this.#options;
    try {
      this.#dir.discard();
      const left = this.#dir.unfinishedLeave();
      if (left) void this.#finishLeave(left);
      const record = this.#dir.read();
      // A join that was still waiting for its manager is not taken up again, as with Docker.
      const lock = record && readLock(this.#dir.path);
      if (lock) this.#locked = { record, lock, networks: await startNetworks(record, this.#options) };
      else if (record) await this.#start(record);
    } catch (error) {
      this.#error = (error as Error).message;
      log.error({ err: error }, 'cannot take up the membership in the swarm');
    }
  }

  /** Ends a leave that a kill has cut short, as soon as there is the engine that it takes. Never rejects. */
  async #finishLeave(record: MembershipRecord): Promise<void> {
    const { engine, clock, log } = this.#options;
    const { signal } = this.#closing;
    try {
      await this.#exclusively(async () => {
        const networks = await startNetworks(record, this.#options);
        while (!signal.aborted && !(await answers(engine, signal))) await pause(clock, ENGINE_PAUSE, signal);
        if (signal.aborted) await networks.close();
        else await this.#cleanUp(record, networks);
      });
    } catch (error) {
      this.#error = (error as Error).message;
      log.error({ err: error }, 'cannot finish leaving the swarm');
    }
  }

  status(): MembershipStatus {
    const active = this.#active;
    if (active) {
      const { record } = active;
      return {
        state: 'active',
        nodeId: record.nodeId,
        nodeAddr: record.advertiseHost,
        error: active.problem,
        ...(active.isWaiting && { isWaiting: true }),
        managers: record.managers,
      };
    }
    if (this.#locked) {
      const nodeAddr = this.#locked.record.advertiseHost;
      return { state: 'locked', nodeId: '', nodeAddr, error: LOCKED, managers: [] };
    }
    const joining = this.#joining?.request;
    if (joining) {
      const managers = (joining.RemoteAddrs ?? []).map((Addr) => ({ NodeID: '', Addr }));
      return { state: 'pending', nodeId: '', nodeAddr: '', error: '', managers };
    }
    return {
      state: this.#error ? 'error' : 'inactive',
      nodeId: '',
      nodeAddr: '',
      error: this.#error,
      managers: [],
    };
  }

  manager(): ManagerFace | undefined {
    return this.#active?.manager;
  }

  /** Of this host's networks, while it is in a swarm. */
  networkCounters(): DataPlaneCounters | undefined {
    return this.#active?.networks.counters;
  }

  containers(): ContainerNetworks | undefined {
    return this.#active?.node.containers;
  }

  watch(listener: () => void): void {
    this.#watchers.push(listener);
  }

  init(request: InitRequest): Promise<string> {
    return this.#exclusively(async () => {
      if (request.ForceNewCluster && this.#locked) throw new ApiError(503, WORKER);
      if (request.ForceNewCluster && this.#active) return this.#foundAnew(this.#active, request);
      await this.#requireFree();
      const { foundCluster } = await import('./found.ts');
      const { clock } = this.#options;
      return this.#enter((place) => foundCluster(request, { ...place, clock }));
    });
  }

  restore(request: RestoreRequest, archive: Buffer): Promise<string> {
    return this.#exclusively(async () => {
      await this.#requireFree();
      const { restoreCluster } = await import('../backup/restore.ts');
      const { engine, clock } = this.#options;
      return this.#enter((place) => restoreCluster(request, archive, { ...place, engine, clock }));
    });
  }

  follow(managers: readonly string[]): Promise<void> {
    return this.#exclusively(async () => {
      const active = this.#active;
      if (!active) throw new ApiError(503, NOT_IN);
      if (active.manager) throw new ApiError(503, 'this host is a manager itself: it follows nobody');
      for (const address of managers)
        if (!/^.+:\d+$/.test(address))
          throw new ApiError(400, `invalid address "${address}": ADDRESS:PORT is wanted`);
      active.follow(managers.map((Addr) => ({ NodeID: '', Addr })));
    });
  }

  join(request: JoinRequest): Promise<void> {
    return this.#exclusively(async () => {
      await this.#requireFree();
      joinAddresses(request);
      const joining = this.#join(request);
      let tooLong = false;
      await new Promise<void>((resolve, reject) => {
        const cancel = this.#options.clock.timer(JOIN_PATIENCE, () => {
          tooLong = true;
          resolve();
        });
        joining.done.then(resolve, reject).finally(cancel);
      });
      if (!tooLong) return;
      joining.done.catch((error: unknown) => this.#joinFailed(error));
      throw new ApiError(503, STILL_JOINING);
    });
  }

  unlock(unlockKey: string): Promise<void> {
    return this.#exclusively(async () => {
      const locked = this.#locked;
      if (!locked) throw new ApiError(409, 'swarm is not locked');
      if (!parseUnlockKey(unlockKey)) throw new ApiError(400, 'invalid key string');
      const fileKey = locked.lock.open(unlockKey);
      if (!fileKey) throw new ApiError(401, INVALID_KEY);
      const active = await this.#start(locked.record, { fileKey, networks: locked.networks }).catch(
        (error: unknown) => {
          throw new ApiError(500, `swarm component could not be started: ${(error as Error).message}`);
        },
      );
      await this.#becomeReady(active);
    });
  }

  leave(force: boolean): Promise<void> {
    return this.#exclusively(async () => {
      const joining = this.#joining;
      if (joining) {
        joining.abort.abort(new Error('called off'));
        await joining.done.catch(() => {});
      }
      if (this.#locked) return this.#leaveLocked(this.#locked, force);
      if (this.#active) return this.#leaveActive(this.#active, force);
      const record = this.#error ? this.#dir.read() : undefined;
      if (record) {
        if (!force)
          throw new ApiError(503, `${this.#error}. Use --force to make this host forget its swarm.`);
        this.#dir.leave();
        await this.#cleanUp(record);
      } else if (!joining) throw new ApiError(503, NOT_IN);
      this.#error = '';
    });
  }

  async #leaveLocked({ record, networks }: Locked, force: boolean): Promise<void> {
    if (!force) throw new ApiError(503, LEAVE_LOCKED);
    this.#dir.leave();
    this.#become(undefined);
    await this.#cleanUp(record, networks);
  }

  async #leaveActive(active: Member, force: boolean): Promise<void> {
    if (active.manager && !force) throw new ApiError(503, leaveWarning(active.manager.store.view));
    const { log } = this.#options;
    await stepDown(active, log);
    // From here on this host is out, whatever happens; a manager that cannot be told sees it go silent.
    this.#dir.leave();
    this.#become(undefined);
    await tellManagers(active, log);
    await this.#cleanUp(active.record, active.networks);
  }

  /** The daemon is about to end: another manager leads from now on, if there is one that can. Never rejects. */
  async handOver(): Promise<void> {
    await this.#active?.handOver();
  }

  /** The host is about to be switched off: its tasks end in order, while everything else goes on. */
  async switchOff(): Promise<void> {
    await this.#turn.catch(() => {});
    await this.#active?.node.switchOff();
  }

  /** Ends what runs for the swarm on this host, but for its containers. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#turn.catch(() => {});
    this.#joining?.abort.abort(new Error('the daemon is stopping'));
    await this.#joining?.done.catch(() => {});
    await this.#end();
  }

  async #end(): Promise<void> {
    const active = this.#active;
    const locked = this.#locked;
    this.#become(undefined);
    await active?.close();
    await locked?.networks.close();
  }

  /** The cluster goes on with this manager as its only one, where asked for at another address. */
  async #foundAnew(active: Member, request: InitRequest): Promise<string> {
    if (active.record.role !== 'manager') throw new ApiError(503, ONLY_MANAGERS);
    const { foundAnew, readdressed } = await import('./found.ts');
    const record = readdressed(active.record, request, hostInterfaces());
    await this.#end();
    const { fileKey } = active;
    let again: Member;
    try {
      const { data, clock, log } = this.#options;
      const state = await openAnew(record, { data, swarm: this.#dir.path, fileKey, clock, log });
      await foundAnew(state.store, record, clock).finally(() => state.close());
      this.#dir.update(record);
      again = await this.#start(record, { fileKey });
    } catch (error) {
      this.#error = (error as Error).message;
      throw error;
    }
    await this.#becomeReady(again);
    return record.nodeId;
  }

  /** Enters a cluster that `make` puts together on disk, as its manager, or stays outside. Returns the node's id. */
  async #enter(make: (place: Omit<FoundingPlace, 'clock'>) => Promise<MembershipRecord>): Promise<string> {
    const folder = this.#dir.make();
    let record: MembershipRecord;
    try {
      record = await make({
        identityFolder: join(folder, IDENTITY),
        database: join(folder, DATABASE),
        interfaces: hostInterfaces(),
      });
    } catch (error) {
      this.#dir.discard();
      throw error;
    }
    this.#dir.enter(record);
    let active: Member;
    try {
      active = await this.#start(record);
    } catch (error) {
      // Nobody has heard of this cluster yet: it never was.
      this.#dir.leave();
      this.#dir.left();
      throw error;
    }
    await this.#becomeReady(active);
    return record.nodeId;
  }

  #join(request: JoinRequest): Joining {
    const abort = new AbortController();
    const done = this.#carryOutJoin(request, abort.signal).finally(() => {
      this.#joining = undefined;
    });
    this.#joining = { request, abort, done };
    return this.#joining;
  }

  async #carryOutJoin(request: JoinRequest, signal: AbortSignal): Promise<void> {
    const record = await joinAsWorker(request, this.#dir, signal);
    await this.#becomeReady(await this.#start(record));
  }

  async #becomeReady(member: Member): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.timer(READY_PATIENCE, resolve);
      void member.node.ready.then(resolve).finally(cancel);
    });
    await member.settled(JOIN_PATIENCE);
  }

  #joinFailed(error: unknown): void {
    if (this.#active || (error as Error).message === 'the daemon is stopping') return;
    this.#error = (error as Error).message;
    this.#options.log.error({ err: error }, 'cannot join the swarm');
  }

  async #start(record: MembershipRecord, unlocked?: Unlocked): Promise<Member> {
    const member = await Member.start(record, this.#dir, this.#options, unlocked);
    this.#error = '';
    this.#become(member);
    return member;
  }

  #become(member: Member | undefined): void {
    this.#active = member;
    this.#locked = undefined;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  async #cleanUp(record: MembershipRecord, running?: HostNetworks): Promise<void> {
    await removeLeftovers(record, this.#options, running);
    this.#dir.left();
  }

  async #requireFree(): Promise<void> {
    if (this.#active || this.#joining || this.#dir.read()) throw new ApiError(503, ALREADY);
    this.#error = '';
    const info = await this.#options.engine
      .json<{ Swarm?: { LocalNodeState?: string } }>('GET', '/info')
      .catch((error: unknown) => {
        throw new ApiError(503, `this host's Docker Engine is needed for that: ${(error as Error).message}`);
      });
    const own = info.Swarm?.LocalNodeState ?? 'inactive';
    if (own !== 'inactive')
      throw new ApiError(
        503,
        `this host's Docker Engine is in a swarm of its own (${own}): make it leave that first, with "docker swarm leave" on the engine's own socket`,
      );
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.catch(() => {}).then(change);
    this.#turn = turn;
    return turn;
  }
}

function answers(engine: EngineClient, signal: AbortSignal): Promise<boolean> {
  return engine.ping(signal).then(
    () => true,
    () => false,
  );
}
