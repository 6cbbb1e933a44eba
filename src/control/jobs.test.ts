import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fate, MiniCluster } from '../../test/support/mini-cluster.ts';
import type { ServiceMode, TaskSpec } from '../model/spec.ts';

async function start(mode: ServiceMode, fate: Fate, template: TaskSpec = {}): Promise<MiniCluster> {
  const cluster = new MiniCluster({ fate: () => fate });
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('job', {
    Mode: mode,
    TaskTemplate: { ContainerSpec: { Image: 'busybox' }, ...template },
  });
  await cluster.change('service', 'job', (service) => ({
    ...service,
    JobStatus: { JobIteration: { Index: 0 }, LastExecution: cluster.now() },
  }));
  cluster.start();
  await cluster.advance(150);
  return cluster;
}

async function again(cluster: MiniCluster): Promise<void> {
  await cluster.updateService('job', (spec) => spec);
  await cluster.change('service', 'job', (service) => ({
    ...service,
    JobStatus: {
      JobIteration: { Index: service.JobStatus!.JobIteration.Index + 1 },
      LastExecution: cluster.now(),
    },
  }));
}

const states = (cluster: MiniCluster) =>
  cluster.tasks('job').map((task) => `${task.Slot ?? task.NodeID} ${task.DesiredState}/${task.Status.State}`);
const ends: Fate = { state: 'complete', after: 1000 };

test('as many at a time as allowed, until all are complete', async () => {
  await using cluster = await start({ ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 3 } }, ends);
  assert.deepEqual(states(cluster), ['0 complete/running', '1 complete/running']);
  await cluster.advance(1100);
  assert.deepEqual(states(cluster), ['0 complete/complete', '1 complete/complete', '2 complete/running']);
  await cluster.advance(60_000);
  assert.equal(cluster.tasks('job').length, 3);
  assert.equal(cluster.view.get('service', 'job')!.UpdateStatus, undefined);
  assert.deepEqual(cluster.logged, []);
});

test('a new iteration runs everything again and drops what is not complete', async () => {
  await using cluster = await start({ ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 2 } }, ends);
  await cluster.advance(1100);
  assert.deepEqual(states(cluster), ['0 complete/complete', '1 complete/running']);
  await again(cluster);
  await cluster.advance(1000);
  assert.deepEqual(states(cluster), ['0 complete/complete', '0 complete/running']);
  await cluster.advance(5000);
  assert.deepEqual(states(cluster), ['0 complete/complete', '0 complete/complete', '1 complete/complete']);
  assert.deepEqual(
    cluster.tasks('job').map((task) => task.JobIteration!.Index),
    [0, 1, 1],
  );
});

test('a new iteration of a global job takes the place of what the one before has left', async () => {
  await using cluster = await start({ GlobalJob: {} }, ends);
  await cluster.advance(1100);
  await again(cluster);
  await cluster.advance(5000);
  assert.deepEqual(
    states(cluster).sort(),
    ['n1', 'n2', 'n3'].map((node) => `${node} complete/complete`),
  );
  assert.ok(cluster.tasks('job').every((task) => task.JobIteration!.Index === 1));
});

test('what failed in an iteration before is not tried again beside the new one', async () => {
  const fails: Fate = { state: 'failed', after: 100 };
  const template = { RestartPolicy: { Condition: 'on-failure', Delay: 5e9 } };
  await using cluster = await start(
    { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
    fails,
    template,
  );
  await cluster.advance(500);
  const waiting = cluster.tasks('job').find((task) => task.DesiredState === 'ready')!;
  await cluster.change('task', waiting.ID, (task) => ({
    ...task,
    Status: { ...task.Status, State: 'rejected' },
  }));
  await again(cluster);
  for (let i = 0; i < 100; i++) {
    await cluster.advance(100);
    const live = cluster
      .tasks('job')
      .filter(({ DesiredState, Status }) => DesiredState !== 'shutdown' && Status.State !== 'failed');
    assert.ok(live.length <= 1, `${live.length} tasks in one slot`);
  }
});

test('a failed task is tried again after its delay, as often as allowed', async () => {
  await using cluster = await start(
    { ReplicatedJob: { MaxConcurrent: 1 } },
    { state: 'failed', after: 20 },
    { RestartPolicy: { Delay: 1e9, MaxAttempts: 2 } },
  );
  await cluster.advance(60_000);
  assert.deepEqual(states(cluster), Array(3).fill('0 shutdown/failed'));
  await cluster.stop();
  cluster.start();
  await cluster.advance(60_000);
  assert.equal(cluster.tasks('job').length, 3);
});

test('what ran on a lost host is run elsewhere', async () => {
  await using cluster = await start(
    { ReplicatedJob: { MaxConcurrent: 1 } },
    { state: 'complete', after: 5000 },
  );
  const [task] = cluster.tasks('job');
  await cluster.setNode(task!.NodeID!, 'down');
  await cluster.advance(10_000);
  assert.deepEqual(states(cluster), ['0 shutdown/running', '0 complete/complete']);
});

test('a global job ends once on each node, also on those that come later', async () => {
  await using cluster = await start({ GlobalJob: {} }, ends);
  await cluster.advance(2000);
  assert.deepEqual(states(cluster), ['n1 complete/complete', 'n2 complete/complete', 'n3 complete/complete']);
  await cluster.addNode('n4');
  await cluster.setNode('n1', 'down');
  await cluster.advance(100);
  await cluster.setNode('n1', 'ready');
  await cluster.advance(2000);
  assert.deepEqual(states(cluster).slice(3), ['n4 complete/complete']);
});

test('a node that the constraints turn from is no longer waited for', async () => {
  const Placement = { Constraints: ['node.labels.x!=y'] };
  const fate: Fate = { state: 'complete', after: 5000 };
  await using cluster = await start({ GlobalJob: {} }, fate, { Placement });
  await cluster.change('node', 'n1', (node) => ({ ...node, Spec: { ...node.Spec, Labels: { x: 'y' } } }));
  await cluster.advance(10_000);
  assert.deepEqual(
    states(cluster).filter((state) => !state.endsWith('complete/complete')),
    ['n1 shutdown/rejected'],
  );
  await cluster.change('node', 'n1', (node) => ({ ...node, Spec: { ...node.Spec, Labels: {} } }));
  await cluster.advance(10_000);
  assert.equal(states(cluster).filter((state) => state.endsWith('complete/complete')).length, 3);
});
