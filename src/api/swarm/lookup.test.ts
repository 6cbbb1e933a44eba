import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../model/objects.ts';
import { taskName } from '../../model/task-context.ts';
import { findNode, findService, findTask } from './lookup.ts';
import { meta, sampleNode, sampleTask, TestCluster } from './testing/cluster.ts';

function service(ID: string, Name: string): Service {
  return { ...meta(ID), Spec: { Name }, Endpoint: { Spec: {} }, internal: { specVersion: 0 } };
}

test('an id comes before a name, a name before the start of an id', async () => {
  const { store, put } = bound(new TestCluster());
  const objects = [
    service('abc1', 'first'),
    service('abc2', 'abc'),
    service('xyz1', 'abc1'),
    service('xyz2', 'other'),
  ];
  for (const object of objects) await put({ op: 'put', kind: 'service', object });
  assert.equal(findService(store.view, 'abc1').ID, 'abc1');
  assert.equal(findService(store.view, 'abc').ID, 'abc2');
  assert.equal(findService(store.view, 'OTHER').ID, 'xyz2');
  assert.equal(findService(store.view, 'abc2').ID, 'abc2');
  assert.throws(() => findService(store.view, 'xyz'), {
    status: 400,
    message: 'service xyz is ambiguous (2 matches found)',
  });
  assert.throws(() => findService(store.view, 'nope'), { status: 404, message: 'service nope not found' });
});

test('several nodes may have a name', async () => {
  const { store, put } = bound(new TestCluster());
  for (const name of ['twin', 'twin', 'single'])
    await put({ op: 'put', kind: 'node', object: sampleNode(name) });
  assert.equal(findNode(store.view, 'single').Description?.Hostname, 'single');
  assert.throws(() => findNode(store.view, 'twin'), {
    status: 400,
    message: 'node twin is ambiguous (2 matches found)',
  });
});

test('tasks are named after service, slot or node, and id', async () => {
  const { store, put } = bound(new TestCluster());
  const slot = sampleTask('s', { Slot: 2 });
  const global = sampleTask('s', { NodeID: 'node' });
  for (const object of [slot, global]) await put({ op: 'put', kind: 'task', object });
  assert.equal(taskName(slot), `web.2.${slot.ID}`);
  assert.equal(taskName(global), `web.node.${global.ID}`);
  assert.equal(findTask(store.view, `web.2.${slot.ID}`).ID, slot.ID);
  assert.equal(findTask(store.view, slot.ID.slice(0, 10)).ID, slot.ID);
});

function bound(cluster: TestCluster) {
  return { store: cluster.store, put: cluster.put.bind(cluster) };
}
