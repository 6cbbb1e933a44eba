/** The manager that runs on this host, put together of its state and what the host gives it. */
import type { Duplex } from 'node:stream';
import { connectAs } from '../../agent/wire.ts';
import type { ManagerFace } from '../../api/contract.ts';
import type { EngineClient } from '../../engine/client.ts';
import type { NodeIdentity } from '../../identity/node-identity.ts';
import type { Manager } from '../../manager/manager.ts';
import type { ManagerState, StateOptions } from '../../manager/state/state.ts';
import type { Clock } from '../../model/clock.ts';
import { newId } from '../../model/id.ts';
import type { Measure } from '../../model/measure.ts';
import type { IssueAnswer } from '../../model/protocol.ts';
import type { LockKeeper } from '../lock/keeper.ts';
import type { MembershipRecord } from '../membership/swarm-dir.ts';
import type { Log } from '../process/log.ts';
import { EnginesOfNodes } from './engines.ts';

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

export interface Running {
  face: ManagerFace;
  state: ManagerState;
  lock: LockKeeper;
  close(why: End): Promise<void>;
}

/** What it has to do with the coming and going of managers here. */
export interface Ties {
  stateOptions(): StateOptions;
  /** Asks the manager that leads. */
  ask(path: string, body: object, signal: AbortSignal): Promise<unknown>;
  /** host:port of this host's cluster port. */
  addr(): string;
  /** This manager's member of etcd is none any more, though nobody here has ended it. */
  unseated(): void;
  /** What is wrong with etcd at the moment. */
  onAlarms(texts: readonly string[]): void;
  /** Why the other managers do not know where this one is; '': they do. */
  onPlace(misplaced: string): void;
}

/** Starts the manager whose state that is. If it cannot, the state is closed. */
export async function startRunning(state: ManagerState, host: ManagingOptions, ties: Ties): Promise<Running> {
  const { identity, engine, clock, clientsWait, serveApi, connectApi, log, record, update } = host;
  const { folders, fileKey } = ties.stateOptions();
  // Loaded only here: what only a manager needs costs a worker no memory.
  const [manager, { createImageSource }, { LockKeeper }, { createBackup }] = await Promise.all([
    import('../../manager/manager.ts'),
    import('./image-source.ts'),
    import('../lock/keeper.ts'),
    import('../../manager/backup/contents.ts'),
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
      measure: host.measure,
      images: createImageSource({ store, nodeId, engineOf }),
      connectManager: (address, signal) => connectAs(identity, address, signal),
      members: {
        ...{ state, folders, fileKey },
        address: () => record().advertiseHost,
        decided: () => update({ etcd: 'member' }),
      },
    });
    const care = careOf(state, ties);
    const files = {
      folder: host.swarm,
      identity,
      dataKey: folders.dataKey,
      peer: folders.peer.kept,
    };
    const lock = new LockKeeper(files, host.fileKey);
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
function careOf(state: ManagerState, ties: Ties): { end(): Promise<void> } {
  const over = new AbortController();
  const { signal } = over;
  const ask = (path: string, body: object) => ties.ask(path, body, signal);
  const care = async (): Promise<void> => {
    const seat = await Promise.race([state.seated, untilAborted(signal)]);
    if (!seat) return;
    void seat.member.ended.then(({ next }) => {
      if (signal.aborted || next !== 'rejoin') return;
      ties.unseated();
    });
    const { careFor } = await import('../../manager/state/care.ts');
    await careFor({
      ...ties.stateOptions(),
      ...{ store: state.store, seat, signal },
      announce: async () => void (await ask('/managers/ready', { addr: ties.addr() })),
      certify: async (request) => (await ask('/managers/certificate', request)) as IssueAnswer,
      onAlarms: ties.onAlarms,
      onPlace: ties.onPlace,
    });
  };
  const caring = care().catch((error: unknown) =>
    ties.stateOptions().log.error({ err: error }, 'this manager’s etcd is not looked after any more'),
  );
  return {
    async end() {
      over.abort(new Error('the manager is stopping'));
      await caring;
    },
  };
}

/** Resolves once the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
