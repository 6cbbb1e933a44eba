import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster } from '../../test/support/mini-cluster.ts';
import type { TaskState } from '../model/task-state.ts';
import { planService } from './service.ts';

test('of a service that is gone, what its agents would still start is stopped first', async () => {
  await using cluster = new MiniCluster({ agents: false });
  await cluster.addNode('n1');
  await cluster.addService('web', {
    Name: 'web',
    Mode: { Replicated: { Replicas: 8 } },
    TaskTemplate: { Resources: { Reservations: { NanoCPUs: 2e9 } } },
  });
  cluster.start();
  await cluster.advance(100);
  await cluster.stop();
  const placed = cluster.tasks('web').filter(({ NodeID }) => NodeID !== undefined);
  assert.equal(placed.length, 4);
  const states: TaskState[] = ['running', 'assigned', 'running', 'starting'];
  for (const [index, task] of placed.entries()) await cluster.report(task.ID, { State: states[index]! });
  await cluster.remove('service', 'web');
  const plan = (limit: number) =>
    planService(cluster.view, 'web', { now: cluster.clock.now(), newId: () => '', limit });
  const done = plan(100).changes.map((change) =>
    change.op === 'delete' ? 'deleted' : (change.object as { Status: { State: TaskState } }).Status.State,
  );
  assert.deepEqual(done, [
    ...['assigned', 'starting', 'running', 'running'],
    ...['deleted', 'deleted', 'deleted', 'deleted'],
  ]);
  assert.equal(plan(2).more, true);
  assert.equal(plan(2).changes.length, 2);

  cluster.start();
  await cluster.advance(1000);
  assert.deepEqual(
    cluster.tasks('web').map(({ DesiredState, NodeID }) => [DesiredState, NodeID]),
    placed.map(() => ['remove', 'n1']),
  );
});
