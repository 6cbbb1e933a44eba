/** What runs on a host for the swarm that it is in: its networks, its agent and, where it is one, the manager. */
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { detachAll } from '../agent/attachments/attachments.ts';
import { connectAs } from '../agent/wire.ts';
import type { ManagerFace } from '../api/contract.ts';
import type { EngineClient } from '../engine/client.ts';
import { loadIdentity, type NodeIdentity } from '../identity/node-identity.ts';
import type { Manager } from '../manager/manager.ts';
import { soleOffice } from '../manager/office.ts';
import { type Clock, timestamp } from '../model/clock.ts';
import { newId } from '../model/id.ts';
import { isPredefined, predefinedNetworks } from '../model/node-local.ts';
import type { DataPlane } from '../network/contract.ts';
import { createHostNetworks } from '../network/host-networks.ts';
import type { Store } from '../store/contract.ts';
import { hostPort } from './address.ts';
import { EnginesOfNodes } from './engines.ts';
import type { LockKeeper } from './lock/keeper.ts';
import type { Log } from './log.ts';
import { engineTasks, type RunningNode, startNode } from './node.ts';
import type { MembershipRecord, SwarmDir } from './swarm-dir.ts';

export const IDENTITY = 'identity';
export const DATABASE = 'cluster.db';
const NETWORKS = 'networks';
const FILES = 'files';

export interface MemberOptions {
  /** The daemon's folder. */
  data: string;
  engine: EngineClient;
  clock: Clock;
  /** Whether clients of the API are being answered. */
  clientsWait(): boolean;
  /** Serves this host's API on a connection from another manager. */
  serveApi(connection: Duplex): void;
  log: Log;
}

interface RunningManager {
  face: ManagerFace;
  lock: LockKeeper;
  close(): Promise<void>;
}

export interface Unlocked {
  fileKey?: Buffer;
  networks?: DataPlane;
}

/** A host in a swarm, running. Its containers run on when it is closed. */
export class Member {
  #record: MembershipRecord;
  readonly identity: NodeIdentity;
  readonly networks: DataPlane;
  readonly node: RunningNode;
  readonly #manager: RunningManager | undefined;

  /**
   * Throws if the folder has no usable identity or database.
   * @param unlocked what a locked manager's files are encrypted with, and its networks if they run already
   */
  static async start(
    record: MembershipRecord,
    dir: SwarmDir,
    options: MemberOptions,
    unlocked: Unlocked = {},
  ): Promise<Member> {
    const identity = await loadIdentity(join(dir.path, IDENTITY), unlocked.fileKey);
    if (!identity)
      throw new Error(`${dir.path} has no node identity: leave the swarm with --force and join again`);
    const networks = unlocked.networks ?? (await startNetworks(record, options));
    try {
      const manager =
        record.role === 'manager'
          ? await startManager(record, identity, dir, options, unlocked.fileKey)
          : undefined;
      return new Member(record, identity, networks, manager, dir, options);
    } catch (error) {
      if (networks !== unlocked.networks) await networks.close();
      throw error;
    }
  }

  private constructor(
    record: MembershipRecord,
    identity: NodeIdentity,
    networks: DataPlane,
    manager: RunningManager | undefined,
    dir: SwarmDir,
    options: MemberOptions,
  ) {
    this.#record = record;
    this.identity = identity;
    this.networks = networks;
    this.#manager = manager;
    const local = manager ? [hostPort(loopback(record.listenHost), record.listenPort)] : [];
    this.node = startNode({
      ...{ record, identity, networks },
      engine: options.engine,
      clock: options.clock,
      log: options.log,
      filesFolder: join(options.data, FILES),
      managers: () => [...local, ...this.#record.managers.map(({ Addr }) => Addr)],
      managersChanged: (managers) => {
        this.#record = { ...this.#record, managers };
        dir.update(this.#record);
      },
    });
  }

  /** As it is now: the managers come and go. */
  get record(): MembershipRecord {
    return this.#record;
  }

  get manager(): ManagerFace | undefined {
    return this.#manager?.face;
  }

  /** What its files are encrypted with at the moment, on a manager that is to be locked. */
  get fileKey(): Buffer | undefined {
    return this.#manager?.lock.fileKey;
  }

  async close(): Promise<void> {
    await this.node.close();
    await this.networks.close();
    await this.closeManager();
  }

  async closeManager(): Promise<void> {
    await this.#manager?.close();
  }
}

/** Removes what a membership that has ended left on this host. `running`: its networks, if they still run. */
export async function removeLeftovers(
  record: MembershipRecord,
  options: MemberOptions,
  running?: DataPlane,
): Promise<void> {
  const networks = running ?? (await startNetworks(record, options));
  const filesFolder = join(options.data, FILES);
  await engineTasks({ ...options, networks, nodeId: record.nodeId, filesFolder }).clear();
  await detachAll(options.engine);
  await networks.remove();
}

async function startManager(
  record: MembershipRecord,
  identity: NodeIdentity,
  dir: SwarmDir,
  options: MemberOptions,
  fileKey: Buffer | undefined,
): Promise<RunningManager> {
  const { clock, log, engine, clientsWait, serveApi } = options;
  // Loaded only here: what only a manager needs costs a worker no memory.
  const [manager, { openSqliteStore }, { createImageSource }, { LockKeeper }] = await Promise.all([
    import('../manager/manager.ts'),
    import('../store/sqlite/store.ts'),
    import('./image-source.ts'),
    import('./lock/keeper.ts'),
  ]);
  const path = join(dir.path, DATABASE);
  const store = await openSqliteStore({ path, fileKey });
  try {
    await ensurePredefined(store, clock);
    const { listenHost, listenPort } = record;
    const engines = new EnginesOfNodes((nodeId) => running.connectEngine(nodeId));
    const engineOf = (nodeId: string) => (nodeId === record.nodeId ? engine : engines.of(nodeId));
    const images = createImageSource({ store, nodeId: record.nodeId, engineOf });
    const running: Manager = await manager.startManager({
      ...{ store, identity, listenHost, listenPort, clock, newId, clientsWait, log, images, serveApi },
      office: soleOffice(record.nodeId),
      connectManager: (address, signal) => connectAs(identity, address, signal),
    });
    const lock = new LockKeeper({ folder: dir.path, identity, dataKey: `${path}.key` }, fileKey);
    const unfollow = lock.follow(store, (error) => log.error({ err: error }, 'cannot lock this manager'));
    return {
      face: {
        ...running,
        engineOf,
        async updateCluster(update) {
          await running.updateCluster(update);
          // Who is told that no key is needed any more may forget it.
          await lock.settle(store);
        },
      },
      lock,
      async close() {
        engines.close();
        unfollow();
        await lock.idle();
        await running.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** What stands for the engines' own networks has to be there before a service can name one. */
async function ensurePredefined(store: Store, clock: Clock): Promise<void> {
  const names = new Set([...store.view.all('network')].map(({ Spec }) => isPredefined(Spec) && Spec.Name));
  const missing = predefinedNetworks(newId, timestamp(clock.now())).filter(
    ({ Spec }) => !names.has(Spec.Name!),
  );
  if (missing.length === 0) return;
  await store.commit({ changes: missing.map((object) => ({ op: 'put', kind: 'network', object })) });
}

/** The host's networks as they were left, served to its engine. */
export function startNetworks(
  record: MembershipRecord,
  { data, engine, clock, log }: MemberOptions,
): Promise<DataPlane> {
  return createHostNetworks({
    engine,
    stateDir: join(data, NETWORKS),
    underlayAddress: record.dataPathHost ?? record.advertiseHost,
    clock,
    log,
  });
}

function loopback(listenHost: string): string {
  if (listenHost === '0.0.0.0') return '127.0.0.1';
  return listenHost === '::' ? '::1' : listenHost;
}
