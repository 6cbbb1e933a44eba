/**
 * A process with the controllers and the store alone, on disk as a manager has it: no agents, no API. Tells how long it
 * takes from the services being written to all their tasks being written as assigned to nodes, and from the services
 * being removed to nothing being left of their tasks, where each is reported as stopped once it is told to stop.
 */
import { join } from 'node:path';
import { startControl } from '../../src/control/runtime.ts';
import { systemClock, timestamp } from '../../src/model/clock.ts';
import { newId } from '../../src/model/id.ts';
import type { Meta, Node, Service, Task } from '../../src/model/objects.ts';
import type { TaskState } from '../../src/model/task-state.ts';
import type { Change, Store } from '../../src/store/contract.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { PlacementReport, PlacementStart } from './messages.ts';
import { SimulatedEngine } from './simulated-engine.ts';
import { serviceSpec } from './workload.ts';

/** How many reports are written in one transaction. */
const REPORTS = 200;

process.once('message', (start: PlacementStart) => {
  run(start).catch((error: Error) => report({ type: 'failed', message: String(error.stack) }));
});
process.once('disconnect', () => process.exit());

async function run({ directory, agents, services, replicas }: PlacementStart): Promise<void> {
  const store = await openSqliteStore({ path: join(directory, 'placement.db') });
  for (let number = 1; number <= agents; number++) {
    await store.commit({ changes: [{ op: 'put', kind: 'node', object: await readyNode(`host${number}`) }] });
  }
  const control = startControl({
    store,
    clock: systemClock,
    newId,
    signal: new AbortController().signal,
    yieldTo: () => new Promise((resolve) => setImmediate(resolve)),
    log: (message, error) => report({ type: 'failed', message: `${message}: ${error}` }),
  });
  control.catch((error: Error) => report({ type: 'failed', message: String(error.stack) }));

  const measure = (type: 'placed' | 'removed'): (() => void) => {
    const begin = performance.now();
    const used = process.cpuUsage();
    return () => {
      const { user, system } = process.cpuUsage(used);
      report({ type, ms: performance.now() - begin, cpuMs: (user + system) / 1000 });
    };
  };
  const allPlaced = Promise.withResolvers<void>();
  let placed = 0;
  store.watch(store.view.revision, ({ events }) => {
    for (const { kind, before, after } of events) {
      if (kind === 'task' && !before?.NodeID && after?.NodeID) placed++;
    }
    if (placed === services * replicas) allPlaced.resolve();
  });
  const placing = measure('placed');
  for (let number = 1; number <= services; number++) {
    const object: Service = {
      ...meta(),
      Spec: serviceSpec(number, replicas),
      Endpoint: { Spec: {} },
      internal: { specVersion: 1 },
    };
    await store.commit({ changes: [{ op: 'put', kind: 'service', object }] });
  }
  await allPlaced.promise;
  placing();

  await reportAll(store, [...store.view.all('task')], 'running');
  const told: Task[] = [];
  store.watch(store.view.revision, ({ events }) => {
    for (const { kind, before, after } of events) {
      if (kind !== 'task' || !after || after.DesiredState === before?.DesiredState) continue;
      if (told.push(after) === 1) setImmediate(() => void reportAll(store, told.splice(0), 'shutdown'));
    }
  });
  const removing = measure('removed');
  for (const { ID, Version } of [...store.view.all('service')])
    await store.commit({ changes: [{ op: 'delete', kind: 'service', id: ID, revision: Version.Index }] });
  const unwatch = store.watch(store.view.revision, () => {
    if (store.view.count('task') > 0) return;
    unwatch();
    removing();
  });
}

/** As the agents of all hosts would. */
async function reportAll(store: Store, tasks: readonly Task[], State: TaskState): Promise<void> {
  for (let at = 0; at < tasks.length; at += REPORTS) {
    const changes = tasks.slice(at, at + REPORTS).map(({ ID }): Change => {
      const now = timestamp(Date.now());
      const task = store.view.get('task', ID)!;
      const Status = { ...task.Status, State, Timestamp: now };
      return { op: 'put', kind: 'task', object: { ...task, UpdatedAt: now, Status } };
    });
    await store.commit({ changes });
  }
}

async function readyNode(hostname: string): Promise<Node> {
  const TLSInfo = { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' };
  return {
    ...meta(),
    Spec: { Role: 'worker', Availability: 'active' },
    Description: { ...(await new SimulatedEngine(hostname).describe()), TLSInfo },
    Status: { State: 'ready', Addr: '127.0.0.1' },
    internal: {},
  };
}

function meta(): Meta {
  const now = timestamp(Date.now());
  return { ID: newId(), Version: { Index: 0 }, CreatedAt: now, UpdatedAt: now };
}

function report(message: PlacementReport): void {
  process.send?.(message);
}
