/** A process that is a manager and nothing else: no Docker Engine under it, no agent beside it. */
import { join } from 'node:path';
import { ApiServer } from '../../src/api/server.ts';
import { swarmRoutes } from '../../src/api/swarm/routes.ts';
import { foundCluster } from '../../src/daemon/found.ts';
import { createLog } from '../../src/daemon/log.ts';
import { unixEngine } from '../../src/engine/client.ts';
import { loadIdentity } from '../../src/identity/node-identity.ts';
import { startManager } from '../../src/manager/manager.ts';
import { systemClock } from '../../src/model/clock.ts';
import { newId } from '../../src/model/id.ts';
import type { Store } from '../../src/store/contract.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { ManagerReport, ManagerStart } from './messages.ts';

process.once('message', (start: ManagerStart) => {
  run(start).catch((error: Error) => report({ type: 'failed', message: String(error.stack) }));
});
// Ends the ordinary way, so that a profile is written.
process.once('disconnect', () => process.exit());

async function run({ directory, port, socket, tasks }: ManagerStart): Promise<void> {
  const log = createLog('warn');
  const database = join(directory, 'cluster.db');
  const identityFolder = join(directory, 'identity');
  const here = `127.0.0.1:${port}`;
  const founded = await foundCluster(
    { ListenAddr: here, AdvertiseAddr: here, Availability: 'drain' },
    { identityFolder, database, interfaces: [], clock: systemClock },
  );
  const identity = (await loadIdentity(identityFolder))!;
  const store = await openSqliteStore({ path: database });
  const manager = await startManager({
    store,
    identity,
    listenHost: founded.listenHost,
    listenPort: port,
    clock: systemClock,
    newId,
    log,
  });

  const engine = unixEngine(join(directory, 'no-engine.sock'));
  const face = { ...manager, engineOf: () => engine };
  const server = new ApiServer({
    engine,
    log,
    routes: [swarmRoutes],
    membership: {
      manager: () => face,
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
    },
  });
  await server.listenUnix(socket);
  watchProgress(store, tasks);
  report({ type: 'ready' });
}

/** Tells when all tasks have been created, placed, and reported RUNNING. */
function watchProgress(store: Store, tasks: number): void {
  let [created, placed, running] = [0, 0, 0];
  store.watch(store.view.revision, ({ events }) => {
    for (const event of events) {
      if (event.kind !== 'task') continue;
      const { before, after } = event;
      if (!before && ++created === tasks) report({ type: 'reached', what: 'created', at: Date.now() });
      if (!before?.NodeID && after?.NodeID && ++placed === tasks)
        report({ type: 'reached', what: 'placed', at: Date.now() });
      if (before?.Status.State !== 'running' && after?.Status.State === 'running' && ++running === tasks)
        report({ type: 'reached', what: 'running', at: Date.now() });
    }
  });
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('this manager lives for the benchmark alone'));
}

function report(message: ManagerReport): void {
  process.send?.(message);
}
