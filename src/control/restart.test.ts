import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fate, MiniCluster } from '../../test/support/mini-cluster.ts';
import type { RestartPolicy } from '../model/spec.ts';

const SECOND = 1e9;

async function failing(policy: RestartPolicy | undefined, fate: Fate, replicas = 1): Promise<MiniCluster> {
  const cluster = new MiniCluster({ fate: () => fate });
  await cluster.addNode('n1');
  await cluster.addNode('n2');
  await cluster.addService('web', {
    Mode: { Replicated: { Replicas: replicas } },
    TaskTemplate: { ContainerSpec: { Image: 'busybox' }, RestartPolicy: policy ?? null },
  });
  cluster.start();
  await cluster.advance(300);
  return cluster;
}

const states = (cluster: MiniCluster) =>
  cluster.tasks('web').map((task) => `${task.DesiredState}/${task.Status.State}`);

/** Of all tasks that there were, not only of those that are kept to be seen. */
const restarts = (cluster: MiniCluster) => cluster.tasks('web').at(-1)!.internal.restartCount;

test('a failed task is replaced after five seconds, prepared before', async () => {
  await using cluster = await failing(undefined, { state: 'failed', after: 50 });
  assert.deepEqual(states(cluster), ['shutdown/failed', 'ready/ready']);
  await cluster.advance(4700);
  assert.deepEqual(states(cluster), ['shutdown/failed', 'ready/ready']);
  cluster.fate = () => undefined;
  await cluster.advance(500);
  assert.deepEqual(states(cluster), ['shutdown/failed', 'running/running']);
  assert.equal(cluster.tasks('web')[1]!.Slot, 1);
});

test('a task that is rejected while it waits is not replaced before its delay is over', async () => {
  await using cluster = await failing({ Delay: 10 * SECOND }, { state: 'rejected', after: 20 });
  await cluster.advance(9000);
  assert.deepEqual(states(cluster), ['shutdown/rejected', 'ready/rejected']);
  await cluster.advance(1100);
  assert.deepEqual(states(cluster), ['shutdown/rejected', 'shutdown/rejected', 'ready/rejected']);
  await cluster.advance(100_000);
  assert.equal(cluster.tasks('web').length, 5);
});

test('a delay that a manager with a clock ahead has written down is not waited for beyond its length', async () => {
  await using cluster = await failing({ Delay: 10 * SECOND }, { state: 'failed', after: 50 });
  cluster.fate = () => undefined;
  const waiting = cluster.tasks('web')[1]!;
  const internal = { ...waiting.internal, notBefore: waiting.internal.notBefore! + 300_000 };
  await cluster.store.commit({ changes: [{ op: 'put', kind: 'task', object: { ...waiting, internal } }] });
  await cluster.advance(10_000);
  assert.deepEqual(states(cluster), ['shutdown/failed', 'running/running']);
});

test('no delay means at once', async () => {
  await using cluster = await failing({ Delay: 0 }, { state: 'failed', after: 5000 });
  await cluster.advance(5050);
  cluster.fate = () => undefined;
  await cluster.advance(150);
  assert.deepEqual(states(cluster), ['shutdown/failed', 'running/running']);
});

const conditions: Array<[condition: string, state: 'failed' | 'complete', restarts: boolean]> = [
  ['none', 'failed', false],
  ['none', 'complete', false],
  ['on-failure', 'complete', false],
  ['on-failure', 'failed', true],
  ['any', 'complete', true],
  ['', 'complete', true],
];
for (const [condition, state, restarts] of conditions) {
  test(`condition '${condition}', task ${state}: ${restarts ? 'replaced' : 'left'}, whatever happens later`, async () => {
    await using cluster = await failing({ Condition: condition }, { state, after: 50 });
    assert.equal(cluster.tasks('web').length, restarts ? 2 : 1);
    if (restarts) return;
    await cluster.stop();
    cluster.start();
    await cluster.setNode('n1', 'down');
    await cluster.advance(60_000);
    assert.deepEqual(states(cluster), [`shutdown/${state}`]);
    // A slot that is done still counts when others are added, and a new spec takes it up.
    cluster.fate = () => undefined;
    await cluster.updateService('web', (spec) => ({ ...spec, Mode: { Replicated: { Replicas: 2 } } }));
    await cluster.advance(1000);
    assert.deepEqual(
      cluster.running('web').map((task) => task.Slot),
      [2],
    );
    await cluster.updateService('web', (spec) => ({
      ...spec,
      TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { Image: 'other' } },
    }));
    await cluster.advance(30_000);
    assert.deepEqual(
      cluster
        .running('web')
        .map((task) => task.Slot)
        .sort(),
      [1, 2],
    );
  });
}

test('after as many attempts as allowed a task is left, and all attempts stay to be seen', async () => {
  await using cluster = await failing({ Delay: SECOND, MaxAttempts: 7 }, { state: 'failed', after: 50 });
  await cluster.advance(60_000);
  assert.deepEqual(states(cluster), Array(8).fill('shutdown/failed'));
  assert.equal(restarts(cluster), 7);
  await cluster.stop();
  cluster.start();
  await cluster.advance(60_000);
  assert.equal(restarts(cluster), 7);
});

test('attempts are counted within the window', async () => {
  const policy = { Delay: SECOND, MaxAttempts: 2, Window: 60 * SECOND };
  await using cluster = await failing(policy, { state: 'failed', after: 50 });
  await cluster.advance(60_000);
  assert.equal(restarts(cluster), 2);

  // Slower than the window allows: it goes on for ever.
  await using slow = await failing(policy, { state: 'failed', after: 40_000 });
  await slow.advance(10 * 60_000);
  assert.ok(slow.tasks('web').some((task) => task.DesiredState === 'running'));
});

test('a new spec forgets the attempts', async () => {
  await using cluster = await failing({ Delay: SECOND, MaxAttempts: 1 }, { state: 'failed', after: 50 });
  await cluster.advance(10_000);
  assert.equal(cluster.tasks('web').length, 2);
  await cluster.updateService('web', (spec) => ({
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, ForceUpdate: 1 },
    UpdateConfig: { Parallelism: 1, FailureAction: 'continue' },
  }));
  await cluster.advance(60_000);
  const version = cluster.view.get('service', 'web')!.internal.specVersion;
  assert.equal(cluster.tasks('web').filter((task) => task.internal.specVersion === version).length, 2);
});

test('a replacement waits a minute at most for its predecessor to stop', async () => {
  await using cluster = await failing(undefined, undefined, 1);
  const [old] = cluster.running('web');
  // The agent does not obey.
  cluster.fate = () => undefined;
  cluster.report = async (id, status) => {
    if (id !== old!.ID) await MiniCluster.prototype.report.call(cluster, id, status);
  };
  await cluster.setNode(old!.NodeID!, 'ready', { Availability: 'drain' });
  await cluster.advance(59_000);
  assert.deepEqual(states(cluster), ['shutdown/running', 'ready/ready']);
  await cluster.advance(1_500);
  assert.deepEqual(states(cluster), ['shutdown/running', 'running/running']);
});

test('a predecessor whose node is lost is not waited for', async () => {
  await using cluster = await failing(undefined, undefined, 1);
  const [old] = cluster.running('web');
  cluster.report = async (id, status) => {
    if (id !== old!.ID) await MiniCluster.prototype.report.call(cluster, id, status);
  };
  await cluster.setNode(old!.NodeID!, 'ready', { Availability: 'drain' });
  await cluster.advance(1000);
  await cluster.setNode(old!.NodeID!, 'down', { Availability: 'drain' });
  await cluster.advance(500);
  assert.equal(cluster.running('web').length, 1);
});

test('a node where a service keeps failing gets its tasks last', async () => {
  await using cluster = new MiniCluster({
    fate: (task) => (task.NodeID === 'bad' ? { state: 'failed', after: 20 } : undefined),
  });
  await cluster.addNode('bad');
  await cluster.addService('web', {
    Mode: { Replicated: { Replicas: 1 } },
    TaskTemplate: { ContainerSpec: { Image: 'busybox' }, RestartPolicy: { Delay: SECOND } },
  });
  cluster.start();
  await cluster.advance(10_000);
  await cluster.addNode('good');
  await cluster.addService('other', { Mode: { Replicated: { Replicas: 4 } } });
  await cluster.advance(10_000);
  // `good` has more tasks by far, and yet it is preferred.
  assert.deepEqual(
    cluster.running('web').map((task) => task.NodeID),
    ['good'],
  );
});

test('the history holds the last five of a slot', async () => {
  await using cluster = await failing({ Delay: SECOND }, { state: 'failed', after: 50 });
  await cluster.advance(60_000);
  const tasks = cluster.tasks('web');
  assert.equal(tasks.length, 5);
  assert.ok(tasks.every((task) => (task.internal.restarts?.length ?? 0) <= 60));
  assert.deepEqual(cluster.logged, []);
});
