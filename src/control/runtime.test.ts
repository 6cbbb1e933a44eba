import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster } from '../../test/support/mini-cluster.ts';

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
