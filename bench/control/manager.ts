/** A process that is a manager and nothing else: no Docker Engine under it, no agent beside it. */

import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ApiServer } from '../../src/api/server.ts';
import { swarmRoutes } from '../../src/api/swarm/routes.ts';
import { foundCluster } from '../../src/daemon/membership/found.ts';
import { createLog, type Log } from '../../src/daemon/process/log.ts';
import { EngineClient } from '../../src/engine/client.ts';
import { loadIdentity } from '../../src/identity/node-identity.ts';
import { startManager } from '../../src/manager/manager.ts';
import { QUOTA } from '../../src/manager/members/flags.ts';
import { soleOffice } from '../../src/manager/office.ts';
import { Upkeep } from '../../src/manager/peers/upkeep.ts';
import { ManagerState } from '../../src/manager/state/state.ts';
import { systemClock } from '../../src/model/clock.ts';
import { newId } from '../../src/model/id.ts';
import type { Store } from '../../src/store/contract.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { foldersIn } from './members.ts';
import type { ManagerReport, ManagerStart } from './messages.ts';
import { Seen } from './seen.ts';

process.once('message', (start: ManagerStart) => {
  run(start).catch((error: Error) => report({ type: 'failed', message: String(error.stack) }));
});
// Ends the ordinary way, so that a profile is written.
process.once('disconnect', () => process.exit());

async function run(start: ManagerStart): Promise<void> {
  const { directory, port, socket, tasks } = start;
  const log = createLog('warn');
  const database = join(directory, 'cluster.db');
  const identityFolder = join(directory, 'identity');
  const here = `127.0.0.1:${port}`;
  const founded = await foundCluster(
    { ListenAddr: here, AdvertiseAddr: here, Availability: 'drain' },
    { identityFolder, database, interfaces: [], clock: systemClock },
  );
  const identity = (await loadIdentity(identityFolder))!;
  const { store, office } = await open(start, founded.nodeId, log);
  const manager = await startManager({
    store,
    identity,
    listenHost: founded.listenHost,
    listenPort: port,
    clock: systemClock,
    newId,
    office,
    clientsWait: () => server.answering,
    serveApi: (connection) => connection.destroy(),
    connectManager: () => Promise.reject(new Error('there is no other manager')),
    log,
  });

  const engine = new EngineClient({
    name: 'no engine',
    connect: () => Promise.reject(new Error('no engine')),
  });
  const face = { ...manager, engineOf: () => engine, backup: async function* () {} };
  const server: ApiServer = new ApiServer({
    engine,
    log,
    routes: [swarmRoutes],
    membership: {
      manager: () => face,
      containers: () => undefined,
      watch: () => undefined,
      status: () => ({
        state: 'active',
        nodeId: founded.nodeId,
        nodeAddr: founded.advertiseHost,
        error: '',
        managers: founded.managers,
      }),
      init: refuse,
      join: refuse,
      leave: refuse,
      unlock: refuse,
      restore: refuse,
      follow: refuse,
    },
  });
  await server.listenUnix(socket);
  watchProgress(store, tasks);
  watchDelay(store);
  report({ type: 'ready' });
}

/** The state, in SQLite or on etcd. */
async function open(
  { directory, etcd }: ManagerStart,
  nodeId: string,
  log: Log,
): Promise<Pick<ManagerState, 'store' | 'office'>> {
  const folders = foldersIn(directory);
  if (etcd === undefined)
    return { store: await openSqliteStore({ path: folders.database }), office: soleOffice(nodeId) };
  const options = { folders, nodeId, address: () => etcd, fileKey: () => undefined, clock: systemClock, log };
  const state = await ManagerState.openAlone(options);
  await state.replicate(`${process.pid}`, () => {});
  const { client, store } = state.seat!;
  const upkeep = new Upkeep({ client, quota: QUOTA, needed: () => store.shown, onAlarms: () => {}, log });
  void upkeep.run(systemClock, new AbortController().signal);
  const seen = new Seen(state.store);
  process.on('message', () => report({ type: 'seen', at: seen.all() }));
  return state;
}

/** Measures from the first task on how long the event loop lets things wait; told about at the end. */
function watchDelay(store: Store): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const unwatch = store.watch(store.view.revision, ({ events }) => {
    if (!events.some(({ kind }) => kind === 'service')) return;
    unwatch();
    delay.enable();
  });
  process.on('message', () => {
    const [p50, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map((ns) => ns / 1e6);
    report({ type: 'delay', p50: p50!, p99: p99!, max: max! });
  });
}

/** Tells when all tasks have been created, placed, and reported RUNNING, and when none is left. */
function watchProgress(store: Store, tasks: number): void {
  const { view } = store;
  const counts = { created: 0, placed: 0, running: 0 };
  const late = { placed: 0, started: 0 };
  let commits = 0;
  let writes = 0;
  let at = 0;
  const count = (what: keyof typeof counts) => {
    if (++counts[what] === tasks) report({ type: 'reached', what, at: Date.now(), commits, writes });
  };
  store.watch(store.view.revision, ({ events }) => {
    commits++;
    for (const event of events) {
      if (event.kind !== 'task') continue;
      writes++;
      at = Date.now();
      const { before, after } = event;
      const placed = !before?.NodeID && after?.NodeID;
      const started = before?.Status.State !== 'running' && after?.Status.State === 'running';
      if (!before) count('created');
      if (placed) count('placed');
      if (started) count('running');
      if (!after && view.count('task') === 0) report({ type: 'gone', at, ...late });
      if (view.get('service', (after ?? before)!.ServiceID)) continue;
      if (placed) late.placed++;
      if (started) late.started++;
    }
  });
  process.on('message', () => {
    const running = [...view.all('task')].filter(({ Status }) => Status.State === 'running').length;
    report({ type: 'state', at, tasks: view.count('task'), running });
  });
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('this manager lives for the benchmark alone'));
}

function report(message: ManagerReport): void {
  process.send?.(message);
}
