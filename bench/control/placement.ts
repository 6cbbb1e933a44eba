/**
 * A process with the controllers and the store alone, on disk as a manager has it: no agents, no API. Tells how long it
 * takes from the services being written to all their tasks being written as assigned to nodes.
 */
import { join } from 'node:path';
import { startControl } from '../../src/control/runtime.ts';
import { systemClock, timestamp } from '../../src/model/clock.ts';
import { newId } from '../../src/model/id.ts';
import type { Meta, Node, Service } from '../../src/model/objects.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { PlacementReport, PlacementStart } from './messages.ts';
import { SimulatedEngine } from './simulated-engine.ts';
import { serviceSpec } from './workload.ts';

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

  const begin = performance.now();
  const used = process.cpuUsage();
  let placed = 0;
  store.watch(store.view.revision, ({ events }) => {
    for (const { kind, before, after } of events) {
      if (kind === 'task' && !before?.NodeID && after?.NodeID) placed++;
    }
    if (placed < services * replicas) return;
    const { user, system } = process.cpuUsage(used);
    report({ type: 'placed', ms: performance.now() - begin, cpuMs: (user + system) / 1000 });
    placed = Number.NEGATIVE_INFINITY;
  });
  for (let number = 1; number <= services; number++) {
    const object: Service = {
      ...meta(),
      Spec: serviceSpec(number, replicas),
      Endpoint: { Spec: {} },
      internal: { specVersion: 1 },
    };
    await store.commit({ changes: [{ op: 'put', kind: 'service', object }] });
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
