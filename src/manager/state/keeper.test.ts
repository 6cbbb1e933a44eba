import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../model/clock.ts';
import type { Node } from '../../model/objects.ts';
import type { Change } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleNode } from '../../store/samples.ts';
import { heirs, keepManagers } from './keeper.ts';

const manager = (ID: string, Availability = 'active', reachable = true): Node => ({
  ...sampleNode(ID),
  Spec: { Role: 'manager', Availability },
  ManagerStatus: { Reachability: reachable ? 'reachable' : 'unreachable', Addr: `${ID}:2377` },
  internal: { member: `member-${ID}` },
});
const DRAINED = { Role: 'manager', Availability: 'drain' };
const put = (object: Node): Change => ({ op: 'put', kind: 'node', object });

test('a manager whose host is drained leaves the lead to those that are there and are not', async () => {
  const store = openMemoryStore();
  const others = [manager('a'), manager('b', 'drain'), manager('c', 'active', false), manager('d', 'pause')];
  const worker: Node = { ...sampleNode('e'), Spec: { Role: 'worker', Availability: 'active' } };
  await store.commit({ changes: [manager('me'), ...others, worker].map(put) });
  assert.deepEqual(heirs(store.view, 'me'), []);
  await store.commit((view) => ({ changes: [put({ ...view.get('node', 'me')!, Spec: DRAINED })] }));
  assert.deepEqual(heirs(store.view, 'me'), ['member-a', 'member-d']);
  assert.deepEqual(heirs(store.view, 'b'), ['member-a', 'member-d']);
});

test('gives the lead away as soon as its host is drained, and leads on until then', async () => {
  const store = openMemoryStore();
  await store.commit({ changes: [manager('me'), manager('a')].map(put) });
  const stop = new AbortController();
  const { promise: offered, resolve } = Promise.withResolvers<readonly string[]>();
  const keeping = keepManagers({
    ...{ store, nodeId: 'me', clock: systemClock, signal: stop.signal },
    leave: async () => {},
    resign: () => assert.fail('it leads on until another one has it'),
    handOver: async (members) => resolve(members),
    onError: (error) => assert.fail(String(error)),
  });
  await store.commit((view) => ({ changes: [put({ ...view.get('node', 'me')!, Spec: DRAINED })] }));
  assert.deepEqual(await offered, ['member-a']);
  stop.abort();
  await keeping;
});

test('ends when it is told to while it writes', async () => {
  const store = openMemoryStore();
  const stop = new AbortController();
  const keeping = keepManagers({
    ...{ store, nodeId: 'me', clock: systemClock, signal: stop.signal },
    leave: async () => {},
    resign: () => {},
    handOver: async () => {},
    onError: (error) => assert.fail(String(error)),
  });
  // Its first transaction has been decided on and has not come back.
  stop.abort();
  await keeping;
});
