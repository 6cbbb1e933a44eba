import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../model/objects.ts';
import type { Change } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleNode, sampleService, sampleTask } from '../../store/samples.ts';
import { drainPlan } from './drain.ts';

const GIB = 2 ** 30;
const node = (id: string, memory: number) => {
  const plain = sampleNode(id);
  const Resources = { NanoCPUs: 4e9, MemoryBytes: memory };
  return { ...plain, Description: { ...plain.Description!, Resources } };
};
const service = (
  id: string,
  TaskTemplate: object,
  Mode: object = { Replicated: { Replicas: 2 } },
): Service => {
  const base = sampleService(id, id);
  return { ...base, Spec: { ...base.Spec, Mode, TaskTemplate: TaskTemplate as never } };
};
const on = (NodeID: string, id: string, of: Service, Slot?: number) =>
  sampleTask(id, of, {
    ...{ NodeID, Slot, Spec: of.Spec.TaskTemplate!, DesiredState: 'running' },
    Status: { Timestamp: '', State: 'running', Message: 'started', PortStatus: {} },
  });

test('of the tasks of a node: where each fits, which do not and why, what stays behind, who has none left', async () => {
  const store = openMemoryStore();
  const big = service('big', { Resources: { Reservations: { MemoryBytes: 2 * GIB } } });
  const kept = service('kept', {
    Placement: { Constraints: ['node.hostname==a'] },
    ContainerSpec: { Image: 'db', Mounts: [{ Type: 'volume', Source: 'data', Target: '/data' }] },
  });
  const everywhere = service('everywhere', {}, { Global: {} });
  const objects = [
    ...['a', 'b'].map((id) => ({ op: 'put', kind: 'node', object: node(id, 3 * GIB) }) as const),
    ...[big, kept, everywhere].map((object) => ({ op: 'put', kind: 'service', object }) as const),
    ...[
      on('a', 'big1', big, 1),
      on('a', 'big2', big, 2),
      on('a', 'kept1', kept, 1),
      on('a', 'all-a', everywhere),
    ].map((object) => ({ op: 'put', kind: 'task', object }) as const),
    { op: 'put', kind: 'task', object: on('b', 'all-b', everywhere) },
    { op: 'put', kind: 'task', object: { ...on('a', 'gone', big, 3), DesiredState: 'shutdown' } },
  ] as Change[];
  await store.commit({ changes: objects });
  const { tasks, emptied } = drainPlan(store.view.get('node', 'a')!, store.view);
  const by = Object.fromEntries(tasks.map((row) => [row.task, row]));
  assert.deepEqual(Object.keys(by).toSorted(), ['all-a', 'big1', 'big2', 'kept1']);
  // The first one takes the place of the second one.
  assert.deepEqual([by.big1!.fits, by.big2!.fits], [['b'], []]);
  assert.deepEqual(by.big2!.why, ['b: memory: needs 2 GiB, 1 GiB free']);
  assert.deepEqual(by.kept1!.why, ['b: it does not meet node.hostname==a']);
  assert.deepEqual(by.kept1!.volumes, ['data']);
  assert.equal(by['all-a']!.isGlobal, true);
  assert.deepEqual(emptied, ['kept']);
});
