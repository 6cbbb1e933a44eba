import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster } from '../../test/support/mini-cluster.ts';
import type { ServiceSpec } from '../model/spec.ts';

async function start(more: ServiceSpec = {}): Promise<MiniCluster> {
  const cluster = new MiniCluster();
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', { Mode: { Global: {} }, ...more });
  cluster.start();
  await cluster.advance(500);
  return cluster;
}

const where = (cluster: MiniCluster) =>
  cluster
    .running('web')
    .map((task) => task.NodeID)
    .sort()
    .join(' ');

test('one task on each node, also on those that come later', async () => {
  await using cluster = await start();
  assert.equal(where(cluster), 'n1 n2 n3');
  const [task] = cluster.running('web');
  assert.equal(task!.Slot, undefined);
  await cluster.addNode('n4');
  await cluster.advance(500);
  assert.equal(where(cluster), 'n1 n2 n3 n4');
  assert.equal(cluster.tasks('web').length, 4);
  assert.deepEqual(cluster.logged, []);
});

test('not on drained, lost or deleted nodes, and not doubled when they are back', async () => {
  await using cluster = await start();
  await cluster.setNode('n1', 'ready', { Availability: 'drain' });
  await cluster.setNode('n2', 'down');
  await cluster.advance(500);
  assert.equal(where(cluster), 'n3');
  await cluster.setNode('n1', 'ready', { Availability: 'active' });
  await cluster.setNode('n2', 'ready');
  await cluster.advance(500);
  assert.equal(where(cluster), 'n1 n2 n3');
  await cluster.setNode('n2', 'down');
  await cluster.advance(100);
  await cluster.remove('node', 'n2');
  await cluster.advance(1000);
  assert.ok(cluster.tasks('web').every((task) => task.NodeID !== 'n2'));
});

test('a paused node keeps its task and gets no other', async () => {
  await using cluster = await start();
  const before = cluster.running('web').map((task) => task.ID);
  await cluster.setNode('n1', 'ready', { Availability: 'pause' });
  await cluster.addNode('n4', { spec: { Availability: 'pause' } });
  await cluster.advance(500);
  assert.equal(where(cluster), 'n1 n2 n3');
  await cluster.updateService('web', (spec) => ({
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, ForceUpdate: 1 },
  }));
  await cluster.advance(20_000);
  const kept = cluster.running('web').filter((task) => before.includes(task.ID));
  assert.deepEqual(
    kept.map((task) => task.NodeID),
    ['n1'],
  );
  await cluster.setNode('n1', 'ready', { Availability: 'active' });
  await cluster.advance(20_000);
  assert.equal(cluster.running('web').filter((task) => before.includes(task.ID)).length, 0);
});

test('only on nodes that meet the constraints', async () => {
  await using cluster = await start({
    TaskTemplate: {
      ContainerSpec: { Image: 'busybox' },
      Placement: { Constraints: ['node.labels.disk==ssd'] },
    },
  });
  assert.deepEqual(cluster.tasks('web'), []);
  await cluster.setNode('n2', 'ready', { Labels: { disk: 'ssd' } });
  await cluster.advance(500);
  assert.equal(where(cluster), 'n2');
  await cluster.setNode('n2', 'ready', { Labels: {} });
  await cluster.advance(10_000);
  assert.equal(where(cluster), '');
  assert.deepEqual(
    cluster.tasks('web').map((task) => `${task.DesiredState}/${task.Status.State}`),
    ['shutdown/rejected'],
  );
});

test('a node that cannot take its task says why, and takes it when it can', async () => {
  await using cluster = await start({
    TaskTemplate: { ContainerSpec: { Image: 'busybox' }, Resources: { Reservations: { NanoCPUs: 9e9 } } },
  });
  const errors = () => cluster.tasks('web').map((task) => task.Status.Err);
  assert.deepEqual(errors(), Array(3).fill('insufficient resources on 1 node'));
  await cluster.change('node', 'n2', (node) => ({
    ...node,
    Description: { ...node.Description!, Resources: { NanoCPUs: 16e9, MemoryBytes: 1e9 } },
  }));
  await cluster.advance(500);
  assert.equal(where(cluster), 'n2');
});

test('an update goes from node to node', async () => {
  await using cluster = await start({ UpdateConfig: { Parallelism: 1, Delay: 1e9 } });
  await cluster.updateService('web', (spec) => ({
    ...spec,
    TaskTemplate: { ContainerSpec: { Image: 'v2' } },
  }));
  const updated = () => cluster.running('web').filter((t) => t.Spec.ContainerSpec!.Image === 'v2').length;
  await cluster.advance(900);
  assert.equal(updated(), 1);
  await cluster.advance(10_000);
  assert.equal(updated(), 3);
  assert.equal(cluster.view.get('service', 'web')!.UpdateStatus!.State, 'completed');
});

test('a failed task comes back on its node, and one that is done does not', async () => {
  await using cluster = await start({
    TaskTemplate: { ContainerSpec: { Image: 'busybox' }, RestartPolicy: { Condition: 'on-failure' } },
  });
  const on = (id: string) => cluster.running('web').find((task) => task.NodeID === id)?.ID;
  await cluster.report(on('n1')!, { State: 'failed' });
  await cluster.report(on('n2')!, { State: 'complete' });
  await cluster.advance(10_000);
  assert.equal(where(cluster), 'n1 n3');
  await cluster.stop();
  cluster.start();
  await cluster.advance(10_000);
  assert.equal(where(cluster), 'n1 n3');
});
