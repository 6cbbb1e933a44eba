import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster, makeNode, makeService } from '../../test/support/mini-cluster.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { timestamp } from '../model/clock.ts';
import { type Change, ConflictError } from '../store/contract.ts';
import { openMemoryStore } from '../store/memory.ts';
import { seen } from '../store/testing/seen.ts';
import { startControl } from './runtime.ts';

test('a service gets its tasks, spread over the nodes, and a restart of the control plane changes nothing', async () => {
  await using cluster = new MiniCluster();
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', { Mode: { Replicated: { Replicas: 6 } } });
  cluster.start();
  await cluster.advance(300);
  assert.deepEqual(cluster.logged, []);
  const tasks = cluster.running('web');
  assert.deepEqual(
    tasks.map((t) => t.Slot),
    [1, 2, 3, 4, 5, 6],
  );
  for (const id of ['n1', 'n2', 'n3']) assert.equal(tasks.filter((t) => t.NodeID === id).length, 2);
  assert.equal(cluster.view.get('service', 'web')!.UpdateStatus, undefined);

  await cluster.stop();
  const { revision } = cluster.view;
  cluster.start();
  await cluster.advance(60_000);
  assert.equal(cluster.view.revision, revision);
});

test('a lost host: its tasks run elsewhere within a second, and are not doubled when it is back', async () => {
  await using cluster = new MiniCluster();
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', { Mode: { Replicated: { Replicas: 6 } } });
  cluster.start();
  await cluster.advance(300);
  await cluster.setNode('n3', 'down');
  await cluster.advance(1000);
  const live = cluster.tasks('web').filter((t) => t.DesiredState === 'running');
  assert.equal(live.filter((t) => t.Status.State === 'running').length, 6);
  assert.ok(live.every((t) => t.NodeID !== 'n3'));
  const lost = cluster.tasks('web').filter((t) => t.NodeID === 'n3');
  assert.deepEqual(
    lost.map((t) => [t.DesiredState, t.Status.State]),
    [
      ['shutdown', 'running'],
      ['shutdown', 'running'],
    ],
  );
  await cluster.setNode('n3', 'ready');
  await cluster.advance(1000);
  assert.equal(cluster.running('web').length, 6);
  assert.ok(
    cluster
      .tasks('web')
      .filter((t) => t.NodeID === 'n3')
      .every((t) => t.Status.State === 'shutdown'),
  );
});

test('many changes are written in batches, and the rest of the process gets its turns between', async () => {
  const store = openMemoryStore();
  const sizes: number[] = [];
  await using cluster = new MiniCluster({
    store: seen(store, ({ changes }) => sizes.push(changes.length)),
  });
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', { Mode: { Replicated: { Replicas: 1200 } } });
  sizes.length = 0;
  cluster.start();
  await cluster.advance(10);
  assert.deepEqual(sizes, [500, 500, 200]);
  await cluster.remove('service', 'web');
  await cluster.advance(2000);
  assert.deepEqual(cluster.tasks('web'), []);
});

test('services that are posted one right after the other wait for the last of them, three seconds at most; the first does not', async () => {
  await using cluster = new MiniCluster();
  await cluster.addNode('n1');
  cluster.start();
  await cluster.advance(300);
  const made = (count: number): number =>
    Array.from({ length: count }, (_, i) => cluster.tasks(`s${i}`)).filter(({ length }) => length > 0).length;
  for (let i = 0; i < 20; i++) {
    await cluster.addService(`s${i}`, {});
    await cluster.advance(20);
  }
  assert.equal(made(20), 1);
  await cluster.advance(120);
  assert.equal(made(20), 20);
  for (let i = 20; i < 190; i++) {
    await cluster.addService(`s${i}`, {});
    await cluster.advance(20);
  }
  assert.ok(made(190) >= 140);
});

test('what was planned on a view that has changed since is planned again', async () => {
  const store = openMemoryStore();
  let rivals = 15;
  await using cluster = new MiniCluster({
    store: seen(store, ({ changes }) => {
      const change = changes.find(
        (each) => each.kind === 'task' && each.op === 'put' && each.object.Version.Index > 0,
      );
      if (change?.op !== 'put' || rivals-- <= 0) return;
      void store.commit({
        changes: [{ ...change, object: store.view.get(change.kind, change.object.ID)! } as Change],
      });
    }),
    agents: false,
  });
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', { Mode: { Replicated: { Replicas: 40 } } });
  cluster.start();
  await cluster.advance(100);
  await cluster.updateService('web', (spec) => ({ ...spec, Mode: { Replicated: { Replicas: 10 } } }));
  await cluster.advance(1000);
  assert.ok(rivals <= 0);
  assert.equal(cluster.tasks('web').filter((task) => task.DesiredState === 'running').length, 10);
  assert.deepEqual(cluster.logged, []);
});

test('writes that clash with those of others are planned for again, in smaller batches', async () => {
  const store = openMemoryStore();
  const sizes: number[] = [];
  let clashes = 0;
  await using cluster = new MiniCluster({
    store: seen(store, ({ changes }) => {
      sizes.push(changes.length);
      const [change] = changes;
      if (change?.kind !== 'task' || change.op !== 'put' || clashes-- <= 0) return;
      throw new ConflictError({ kind: change.kind, id: change.object.ID, revision: 1 }, 2);
    }),
    agents: false,
  });
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', { Mode: { Replicated: { Replicas: 900 } } });
  cluster.start();
  await cluster.advance(100);
  sizes.length = 0;
  clashes = 3;
  await cluster.setNode('n3', 'down');
  await cluster.advance(1000);
  assert.deepEqual(sizes.slice(0, 6), [1, 500, 250, 125, 62, 124]);
  assert.equal(cluster.tasks('web').filter((task) => task.DesiredState === 'running').length, 900);
  assert.deepEqual(cluster.logged, []);
});

test('a store that fails for a time is tried again, ever less often', async () => {
  const store = openMemoryStore();
  let broken = true;
  await using control = new MiniCluster({
    store: seen(store, () => {
      if (broken) throw new Error('disk full');
    }),
  });
  await store.commit({ changes: [{ op: 'put', kind: 'node', object: makeNode('n1', control.now()) }] });
  await store.commit({
    changes: [{ op: 'put', kind: 'service', object: makeService('web', {}, control.now()) }],
  });
  control.start();
  await control.advance(60_000);
  assert.ok(control.logged.length > 5 && control.logged.length < 15);
  assert.match(control.logged[0]!, /^writing to the store failed; trying again in 100 ms: Error: disk full/);
  broken = false;
  await control.advance(30_000);
  assert.equal(control.running('web').length, 1);
});

test('an object that cannot be planned for does not hold up the others', async () => {
  const store = openMemoryStore();
  let poisoned = true;
  const view = new Proxy(store.view, {
    get(target, name) {
      if (name === 'tasksOfService') {
        return (id: string) => {
          if (id === 'bad' && poisoned) throw new Error('poison');
          return target.tasksOfService(id);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await using cluster = new MiniCluster({ store: { ...seen(store, () => {}), view } });
  await cluster.addNode('n1');
  await cluster.addService('bad', {});
  await cluster.addService('good', {});
  cluster.start();
  await cluster.advance(60_000);
  assert.deepEqual(
    [...store.view.tasksOfService('good')].map((task) => task.Status.State),
    ['running'],
  );
  assert.match(cluster.logged[0]!, /^planning for service bad failed; trying again in 100 ms: Error: poison/);
  assert.ok(cluster.logged.length < 15);
  poisoned = false;
  await cluster.advance(30_000);
  assert.equal(cluster.running('bad').length, 1);
});

test('passes become smaller while they keep the process for long, and larger again', async () => {
  const clock = new VirtualClock();
  const memory = openMemoryStore();
  const sizes: number[] = [];
  let took = 40;
  const store = seen(memory, ({ changes }) => {
    clock.pause(took);
    sizes.push(changes.length);
  });
  const now = () => timestamp(clock.now());
  await memory.commit({ changes: [{ op: 'put', kind: 'node', object: makeNode('n1', now()) }] });
  const web = makeService('web', { Mode: { Replicated: { Replicas: 2400 } } }, now());
  await memory.commit({ changes: [{ op: 'put', kind: 'service', object: web }] });
  const stop = new AbortController();
  let ids = 0;
  const done = startControl({
    store,
    clock,
    newId: () => `t${++ids}`,
    signal: stop.signal,
    yieldTo: async () => {
      if (sizes.length === 5) took = 0;
    },
  });
  await clock.advance(1000);
  stop.abort();
  await done;
  assert.deepEqual(sizes, [500, 250, 125, 100, 100, 100, 200, 400, 500, 125]);
});
