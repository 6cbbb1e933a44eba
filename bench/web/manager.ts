/** The manager's side of the benchmark, in a process of its own: the port of the web interface on a cluster in memory. */

import type { Task } from '../../src/model/objects.ts';
import type { Change } from '../../src/store/contract.ts';
import { sampleNode, sampleService, sampleTask } from '../../src/store/samples.ts';
import { TestPort } from '../../src/ui/testing/port.ts';

export interface Start {
  services: number;
  replicas: number;
  nodes: number;
}
/** `churn`: so many tasks change each second. `probe`: one task that is looked at changes now. */
export type Order = { do: 'churn'; rate: number } | { do: 'probe'; message: string } | { do: 'use' };
export type Report =
  | { type: 'ready'; host: string; session: string; token: string }
  | { type: 'probed'; message: string; at: number }
  /** Milliseconds of processor time so far; bytes after the heap was cleaned. */
  | { type: 'use'; cpu: number; memory: number; changes: number };

/** Reports of agents come into the store together, as often as that, ms. */
const BATCH = 50;

const tell = (report: Report): void => void process.send!(report);

process.once('message', (start: Start) => {
  void run(start).catch((error: unknown) => {
    process.send!({ type: 'failed', message: String(error) });
  });
});

async function run({ services, replicas, nodes }: Start): Promise<void> {
  const port = await TestPort.start();
  const { cluster } = port;
  const hosts = Array.from({ length: nodes }, (_, index) => sampleNode(`node${index}`));
  await cluster.put(...hosts.map((object): Change => ({ op: 'put', kind: 'node', object })));
  const ids: string[] = [];
  const now = new Date().toISOString();
  for (let s = 0; s < services; s++) {
    const base = sampleService(`service${s}`, `shop_service${s}`);
    const Labels = { 'com.docker.stack.namespace': 'shop' };
    const service = { ...base, Spec: { ...base.Spec, Labels, Mode: { Replicated: { Replicas: replicas } } } };
    const tasks = Array.from({ length: replicas }, (_, index): Task => {
      const id = `task${s}x${index}`;
      ids.push(id);
      return sampleTask(id, service, {
        ...{ Slot: index + 1, NodeID: `node${index % nodes}`, DesiredState: 'running', CreatedAt: now },
        Status: { Timestamp: now, State: 'running', Message: 'started', PortStatus: {} },
      });
    });
    await cluster.put(
      { op: 'put', kind: 'service', object: service },
      ...tasks.map((object): Change => ({ op: 'put', kind: 'task', object })),
    );
  }
  let rate = 0;
  let owed = 0;
  let next = 0;
  let changes = 0;
  const change = (id: string, State: Task['Status']['State'], Message: string): Change => {
    const task = cluster.store.view.get('task', id)!;
    const Timestamp = new Date().toISOString();
    return {
      op: 'put',
      kind: 'task',
      object: { ...task, Status: { ...task.Status, Timestamp, State, Message } },
    };
  };
  setInterval(() => {
    owed += (rate * BATCH) / 1000;
    const count = Math.floor(owed);
    if (count === 0) return;
    owed -= count;
    const batch = Array.from({ length: count }, () => {
      // All of them but the one that is looked at, over and over.
      next = (next % (ids.length - 1)) + 1;
      const isRunning = cluster.store.view.get('task', ids[next]!)!.Status.State === 'running';
      return change(ids[next]!, isRunning ? 'starting' : 'running', `change ${changes++}`);
    });
    void cluster.store.commit({ changes: batch });
  }, BATCH);
  process.on('message', (order: Order) => {
    if (order.do === 'churn') rate = order.rate;
    if (order.do === 'probe') {
      const at = Date.now();
      void cluster.store
        .commit({ changes: [change(ids[0]!, 'running', order.message)] })
        .then(() => tell({ type: 'probed', message: order.message, at }));
    }
    if (order.do === 'use') {
      globalThis.gc?.();
      const { user, system } = process.cpuUsage();
      tell({ type: 'use', cpu: (user + system) / 1000, memory: process.memoryUsage.rss(), changes });
    }
  });
  process.once('disconnect', () => process.exit(0));
  tell({
    ...{ type: 'ready', host: port.host, session: await port.signedIn('administrator') },
    token: port.tokens.administrator!,
  });
}
