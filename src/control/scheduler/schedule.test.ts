import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeNode, makeService } from '../../../test/support/mini-cluster.ts';
import type { Task } from '../../model/objects.ts';
import type { Store, View } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { newTask } from '../new-task.ts';
import { SchedulerIndex } from './index.ts';
import { schedule } from './schedule.ts';

const NONE = new Map<string, Task>();

async function storeWith(nodes: number): Promise<Store> {
  const store = openMemoryStore();
  for (let n = 1; n <= nodes; n++) {
    await store.commit({ changes: [{ op: 'put', kind: 'node', object: makeNode(`n${n}`, '') }] });
  }
  for (const id of ['a', 'b', 'c', 'd'])
    await store.commit({ changes: [{ op: 'put', kind: 'service', object: makeService(id, {}, '') }] });
  return store;
}

function pending(service: string, count: number, cpus = 0): Task[] {
  const made = makeService(
    service,
    {
      TaskTemplate: { Resources: { Reservations: { NanoCPUs: cpus * 1e9 } } },
    },
    '',
  );
  return Array.from({ length: count }, (_, n) => {
    const task = newTask(undefined, made, { id: `${service}${n}`, now: 0, slot: n + 1, desired: 'running' });
    return { ...task, Status: { ...task.Status, State: 'pending' as const } };
  });
}

const put = (tasks: readonly Task[]) => ({
  changes: tasks.map((object) => ({ op: 'put', kind: 'task', object }) as const),
});

/** What an index says, in a form that can be compared. */
function contents(index: SchedulerIndex, view: View): unknown {
  return {
    loads: [...view.all('node')].map(({ ID }) => {
      const { nanoCPUs, memoryBytes, tasks, byService, ports } = index.load(ID);
      return { ID, nanoCPUs, memoryBytes, tasks, byService: sorted(byService), ports: sorted(ports) };
    }),
    groups: sorted(new Map([...index.groups].map(([key, { tasks }]) => [key, [...tasks].sort()]))),
    preassigned: sorted(new Map([...index.preassigned].map(([key, tasks]) => [key, [...tasks].sort()]))),
    fresh: [...index.fresh].sort(),
  };
}

function sorted<T>(map: ReadonlyMap<string, T>): Array<[string, T]> {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

test('small and large groups are spread alike, never beyond what a node has, whatever is decided at once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 9 }), fc.nat(3)), {
        maxLength: 4,
      }),
      fc.integer({ min: 1, max: 12 }),
      async (nodes, wanted, limit) => {
        const store = await storeWith(nodes);
        const index = new SchedulerIndex(store.view);
        store.watch(store.view.revision, (commit) => index.apply(commit));
        const groups = new Map(wanted.map(([name, count, cpus]) => [name, pending(name, count, cpus)]));
        for (const tasks of groups.values()) await store.commit(put(tasks));
        for (let turn = 0; index.hasWork(); turn++) {
          assert.ok(turn < 100, 'it does not come to an end');
          const placed = schedule(store.view, index, NONE, 0, limit);
          if (placed.length > 0) await store.commit(put(placed));
          assert.deepEqual(contents(index, store.view), contents(new SchedulerIndex(store.view), store.view));
        }
        for (const node of store.view.all('node')) assert.ok(index.load(node.ID).nanoCPUs <= 8e9);
        const all = [...store.view.all('task')];
        assert.ok(all.every((task) => task.NodeID !== undefined || task.Status.Err !== undefined));
        for (const [name, tasks] of groups) {
          if (tasks[0]!.Spec.Resources!.Reservations!.NanoCPUs !== 0) continue;
          const counts = [...store.view.all('node')].map(({ ID }) => index.load(ID).byService.get(name) ?? 0);
          assert.ok(
            Math.max(...counts) - Math.min(...counts) <= 1,
            `${name} is not spread evenly: ${counts}`,
          );
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('what is planned but not committed is placed with the rest, and decided again if it was not committed', async () => {
  const store = await storeWith(2);
  const index = new SchedulerIndex(store.view);
  store.watch(store.view.revision, (commit) => index.apply(commit));
  const planned = new Map(pending('a', 3, 8).map((task) => [task.ID, task]));
  const first = schedule(store.view, index, planned, 0, 10);
  assert.deepEqual(
    first.map((task) => task.NodeID),
    ['n1', 'n2', undefined],
  );
  const again = schedule(store.view, index, planned, 0, 10);
  assert.deepEqual(
    again.map((task) => task.NodeID),
    ['n1', 'n2', undefined],
  );
  await store.commit(put(again));
  assert.equal(index.load('n1').nanoCPUs, 8e9);
  assert.deepEqual(schedule(store.view, index, NONE, 0, 10), []);
  assert.equal(index.hasWork(), false);
});

test('a node gets as many tasks at once as it has room for', async () => {
  const store = await storeWith(2);
  const index = new SchedulerIndex(store.view);
  store.watch(store.view.revision, (commit) => index.apply(commit));
  const placed = schedule(
    store.view,
    index,
    new Map(pending('a', 6, 3).map((task) => [task.ID, task])),
    0,
    10,
  );
  // Each has eight processors.
  assert.deepEqual(
    placed.map((task) => task.NodeID),
    ['n1', 'n2', 'n1', 'n2', undefined, undefined],
  );
});

test('a task that is to go is not placed', async () => {
  const store = await storeWith(1);
  const index = new SchedulerIndex(store.view);
  store.watch(store.view.revision, (commit) => index.apply(commit));
  await store.commit(put(pending('a', 2)));
  const [one, two] = [...store.view.all('task')];
  const planned = new Map<string, Task | undefined>([
    [one!.ID, { ...one!, DesiredState: 'remove' }],
    [two!.ID, undefined],
  ]);
  assert.deepEqual(schedule(store.view, index, planned, 0, 10), []);
});

test('nothing of a service that is gone is placed, and its tasks are no work', async () => {
  const store = await storeWith(1);
  const index = new SchedulerIndex(store.view);
  store.watch(store.view.revision, (commit) => index.apply(commit));
  const own = pending('a', 2).map((task, n) => (n === 0 ? task : { ...task, NodeID: 'n1' }));
  await store.commit(put(own));
  const { Version } = store.view.get('service', 'a')!;
  await store.commit({ changes: [{ op: 'delete', kind: 'service', id: 'a', revision: Version.Index }] });
  const planned = new Map(pending('a', 4).map((task) => [task.ID, task]));
  assert.deepEqual(schedule(store.view, index, planned, 0, 10), []);
  assert.equal(index.hasWork(), false);
});

test('an index made anew knows the failures of the tasks that are gone', async () => {
  const store = await storeWith(2);
  const [task] = pending('a', 1);
  const restarts = [1, 2, 3, 4, 5].map((at) => ({ at, node: 'n1' }));
  const failed = { ...task!, internal: { ...task!.internal, restarts, restartCount: 5 } };
  await store.commit(put([failed]));
  const index = new SchedulerIndex(store.view);
  assert.deepEqual(
    schedule(store.view, index, NONE, 10, 10).map((placed) => placed.NodeID),
    ['n2'],
  );
  const later = new SchedulerIndex(store.view);
  assert.deepEqual(
    schedule(store.view, later, NONE, 400_000, 10).map((placed) => placed.NodeID),
    ['n1'],
  );
});
