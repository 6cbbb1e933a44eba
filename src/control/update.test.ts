import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fate, MiniCluster } from '../../test/support/mini-cluster.ts';
import type { Task } from '../model/objects.ts';
import type { ServiceSpec, UpdateConfig } from '../model/spec.ts';

const SECOND = 1e9;

async function start(
  replicas: number,
  update: UpdateConfig = {},
  more: ServiceSpec = {},
): Promise<MiniCluster> {
  const cluster = new MiniCluster();
  for (const id of ['n1', 'n2', 'n3']) await cluster.addNode(id);
  await cluster.addService('web', {
    Mode: { Replicated: { Replicas: replicas } },
    UpdateConfig: { Parallelism: 1, ...update },
    ...more,
  });
  cluster.start();
  await cluster.advance(500);
  return cluster;
}

function setImage(cluster: MiniCluster, image: string, more: ServiceSpec = {}): Promise<void> {
  return cluster.updateService('web', (spec) => ({
    ...spec,
    ...more,
    TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { Image: image } },
  }));
}

const imageOf = (task: Task) => task.Spec.ContainerSpec!.Image!;
const bad = (fate: Fate) => (task: Task) => (imageOf(task) === 'bad' ? fate : undefined);
const update = (cluster: MiniCluster) => {
  const status = cluster.view.get('service', 'web')!.UpdateStatus;
  return status && `${status.State}: ${status.Message}`;
};
const images = (cluster: MiniCluster) => cluster.running('web').map(imageOf).sort().join(' ');

/** The fewest tasks that ran and the most that were wanted in one slot while time went on. */
async function observe(cluster: MiniCluster, ms: number): Promise<{ least: number; most: number }> {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let at = 0; at < ms; at += 10) {
    await cluster.advance(10);
    const tasks = cluster.tasks('web');
    least = Math.min(least, tasks.filter((task) => task.Status.State === 'running').length);
    const perSlot = new Map<string | number | undefined, number>();
    for (const task of tasks) {
      if (task.DesiredState !== 'running' && task.DesiredState !== 'ready') continue;
      const slot = task.Slot ?? task.NodeID;
      perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1);
    }
    most = Math.max(most, ...perSlot.values());
  }
  return { least, most };
}

test('one slot after the other, the old one stopped first; completed once the last was watched', async () => {
  await using cluster = await start(3);
  await setImage(cluster, 'v2');
  await cluster.advance(10);
  assert.equal(update(cluster), 'updating: update in progress');
  const { least, most } = await observe(cluster, 800);
  assert.deepEqual({ least, most }, { least: 2, most: 1 });
  assert.equal(images(cluster), 'v2 v2 v2');
  assert.equal(update(cluster), 'updating: update in progress');
  await cluster.advance(5000);
  assert.equal(update(cluster), 'completed: update completed');
  const service = cluster.view.get('service', 'web')!;
  assert.ok(service.UpdateStatus!.StartedAt! < service.UpdateStatus!.CompletedAt!);
  assert.equal(service.internal.update, undefined);
  assert.deepEqual(cluster.logged, []);
});

test('start-first never runs fewer, and two in a slot at most', async () => {
  await using cluster = await start(3, { Order: 'start-first' });
  await setImage(cluster, 'v2');
  assert.deepEqual(await observe(cluster, 1000), { least: 3, most: 2 });
  assert.equal(images(cluster), 'v2 v2 v2');
});

for (const Parallelism of [1, 2, 0]) {
  test(`stop-first, ${Parallelism} at a time: slots stay where they are, evenly spread`, async () => {
    await using cluster = await start(6, { Parallelism });
    const places = () => {
      const running = cluster.running('web').map(({ Slot, NodeID }) => [Slot, NodeID] as const);
      return running.sort(([a], [b]) => a! - b!);
    };
    const before = places();
    assert.equal(before.length, 6);
    for (const image of ['v2', 'v3']) {
      await setImage(cluster, image);
      await cluster.advance(10_000);
      assert.equal(images(cluster), Array(6).fill(image).join(' '));
      assert.deepEqual(places(), before);
    }
  });
}

test('all at once with parallelism 0', async () => {
  await using cluster = await start(6, { Parallelism: 0 });
  await setImage(cluster, 'v2');
  await cluster.advance(10);
  assert.equal(cluster.tasks('web').filter((task) => imageOf(task) === 'v2').length, 6);
});

test('the delay holds between slots, and failures during it count', async () => {
  await using cluster = await start(4, { Parallelism: 2, Delay: 10 * SECOND });
  await setImage(cluster, 'v2');
  await cluster.advance(9000);
  assert.equal(images(cluster), 'busybox busybox v2 v2');
  await cluster.advance(2000);
  assert.equal(images(cluster), 'v2 v2 v2 v2');

  cluster.fate = bad({ state: 'failed', after: 8000 });
  await setImage(cluster, 'bad');
  await cluster.advance(9000);
  assert.match(update(cluster)!, /^paused: update paused due to failure or early termination of task t\d+$/);
});

for (const fate of [
  { state: 'rejected', after: 10 },
  { state: 'failed', after: 2000 },
  { state: 'complete', after: 2000 },
] as const) {
  test(`a task that is ${fate.state} early pauses the update`, async () => {
    await using cluster = await start(3);
    cluster.fate = bad(fate);
    await setImage(cluster, 'bad');
    await cluster.advance(60_000);
    const [, id] = /^paused: update paused due to failure or early termination of task (\w+)$/.exec(
      update(cluster)!,
    )!;
    assert.match(id!, /^t\d+$/);
    const changed = new Set(
      cluster
        .tasks('web')
        .filter((task) => imageOf(task) === 'bad')
        .map((task) => task.Slot),
    );
    if (fate.state === 'rejected') assert.equal(changed.size, 1);

    await setImage(cluster, 'good');
    await cluster.advance(60_000);
    assert.equal(update(cluster), 'completed: update completed');
    assert.equal(images(cluster), 'good good good');
  });
}

test('a task that fails after it was watched does not', async () => {
  await using cluster = await start(2);
  cluster.fate = bad({ state: 'failed', after: 6000 });
  await setImage(cluster, 'bad');
  await cluster.advance(60_000);
  assert.equal(update(cluster), 'completed: update completed');
});

test('as many may fail as the ratio says', async () => {
  await using cluster = await start(4, { MaxFailureRatio: 0.25 });
  const failing = new Set<number>([2]);
  cluster.fate = (task) =>
    failing.has(task.Slot!) && imageOf(task) === 'v2' ? { state: 'failed', after: 100 } : undefined;
  await setImage(cluster, 'v2');
  await cluster.advance(60_000);
  assert.equal(update(cluster), 'completed: update completed');
  failing.add(3);
  await setImage(cluster, 'v1');
  await cluster.advance(60_000);
  await setImage(cluster, 'v2');
  await cluster.advance(60_000);
  assert.match(update(cluster)!, /^paused/);
});

test('on failure it goes back, and the previous spec is no more', async () => {
  await using cluster = await start(3, { FailureAction: 'rollback' });
  const untouched = () => cluster.running('web').filter((task) => task.internal.specVersion === 1).length;
  cluster.fate = bad({ state: 'rejected', after: 10 });
  await setImage(cluster, 'bad');
  await cluster.advance(100);
  assert.match(
    update(cluster)!,
    /^rollback_started: update rolled back due to failure or early termination of task t\d+$/,
  );
  await cluster.advance(10_000);
  assert.equal(update(cluster), 'rollback_completed: rollback completed');
  assert.equal(images(cluster), 'busybox busybox busybox');
  assert.equal(untouched(), 3);
  const service = cluster.view.get('service', 'web')!;
  assert.equal(service.PreviousSpec, undefined);
  assert.equal(service.Spec.TaskTemplate!.ContainerSpec!.Image, 'busybox');
});

test('a rollback that fails pauses', async () => {
  await using cluster = await start(
    2,
    { FailureAction: 'rollback' },
    { RollbackConfig: { Parallelism: 1, FailureAction: 'rollback' } },
  );
  cluster.fate = (task) => (task.internal.update ? { state: 'rejected', after: 10 } : undefined);
  await setImage(cluster, 'bad');
  await cluster.advance(60_000);
  assert.match(
    update(cluster)!,
    /^rollback_paused: update paused due to failure or early termination of task t\d+$/,
  );
});

test('registry credentials go back with the spec', async () => {
  await using cluster = await start(1, { FailureAction: 'rollback' });
  const at = cluster.now();
  await cluster.write({
    op: 'put',
    kind: 'credential',
    object: {
      ID: 'web',
      Version: { Index: 0 },
      CreatedAt: at,
      UpdatedAt: at,
      auth: 'new',
      previousAuth: 'old',
      internal: {},
    },
  });
  cluster.fate = bad({ state: 'rejected', after: 10 });
  await setImage(cluster, 'bad');
  await cluster.advance(1000);
  const { auth, previousAuth } = cluster.view.get('credential', 'web')!;
  assert.deepEqual({ auth, previousAuth }, { auth: 'old', previousAuth: undefined });
});

test('a rollback by hand uses its own configuration', async () => {
  await using cluster = await start(4, { Parallelism: 0 }, { RollbackConfig: { Parallelism: 2 } });
  await setImage(cluster, 'v2');
  await cluster.advance(10_000);
  await cluster.change('service', 'web', (service) => ({
    ...service,
    Spec: service.PreviousSpec!,
    PreviousSpec: service.Spec,
    UpdateStatus: {
      State: 'rollback_started',
      StartedAt: cluster.now(),
      Message: 'manually requested rollback',
    },
    internal: {
      ...service.internal,
      specVersion: service.internal.previousSpecVersion!,
      previousSpecVersion: service.internal.specVersion,
    },
  }));
  await cluster.advance(60);
  assert.equal(update(cluster), 'rollback_started: manually requested rollback');
  assert.equal(
    cluster.tasks('web').filter((task) => task.DesiredState === 'running' && imageOf(task) === 'v2').length,
    2,
  );
  await cluster.advance(10_000);
  assert.equal(update(cluster), 'rollback_completed: rollback completed');
  assert.equal(images(cluster), 'busybox busybox busybox busybox');
});

test('going on whatever fails', async () => {
  await using cluster = await start(3, { FailureAction: 'continue' });
  cluster.fate = bad({ state: 'failed', after: 50 });
  await setImage(cluster, 'bad');
  await cluster.advance(60_000);
  assert.ok(
    cluster
      .tasks('web')
      .filter((task) => task.DesiredState !== 'shutdown')
      .every((task) => imageOf(task) === 'bad'),
  );
  assert.equal(update(cluster), 'completed: update completed');
});

test('start-first keeps what runs as long as nothing new does', async () => {
  await using cluster = await start(2, { Order: 'start-first', FailureAction: 'continue', Parallelism: 0 });
  cluster.fate = bad({ state: 'rejected', after: 10 });
  await setImage(cluster, 'bad');
  await cluster.advance(60_000);
  assert.equal(images(cluster), 'busybox busybox');
  cluster.fate = () => undefined;
  await cluster.advance(20_000);
  assert.equal(images(cluster), 'bad bad');
  assert.equal(update(cluster), 'completed: update completed');
});

for (const Order of ['stop-first', 'start-first']) {
  test(`${Order}: an update amid another replaces it`, async () => {
    await using cluster = await start(5, { Order, Parallelism: 2 });
    const observed = observe(cluster, 2000);
    await setImage(cluster, 'v2');
    await cluster.clock.advance(130);
    await setImage(cluster, 'v3');
    assert.ok((await observed).most <= (Order === 'start-first' ? 2 : 1));
    await cluster.advance(10_000);
    assert.equal(images(cluster), 'v3 v3 v3 v3 v3');
    assert.equal(update(cluster), 'completed: update completed');
  });
}

test('a host lost in the middle of an update does not hold it up', async () => {
  await using cluster = await start(6, { Delay: SECOND });
  await setImage(cluster, 'v2');
  await cluster.advance(1_130);
  await cluster.setNode('n2', 'down');
  await cluster.advance(30_000);
  assert.equal(images(cluster), 'v2 v2 v2 v2 v2 v2');
  assert.equal(update(cluster), 'completed: update completed');
});

test('the control plane may be restarted at any time of an update', async () => {
  await using cluster = await start(6, { Delay: SECOND / 2, Parallelism: 2 });
  await setImage(cluster, 'v2');
  for (let n = 0; n < 60; n++) {
    await cluster.advance(37);
    await cluster.stop();
    cluster.start();
  }
  await cluster.advance(10_000);
  assert.equal(images(cluster), 'v2 v2 v2 v2 v2 v2');
  assert.equal(update(cluster), 'completed: update completed');
  assert.equal(cluster.tasks('web').length, 12);
});

test('scaled while it is updated: new slots are made from the new spec', async () => {
  await using cluster = await start(3, { Delay: SECOND });
  await setImage(cluster, 'v2');
  await cluster.advance(200);
  await cluster.updateService('web', (spec) => ({ ...spec, Mode: { Replicated: { Replicas: 5 } } }));
  await cluster.advance(30_000);
  assert.equal(images(cluster), 'v2 v2 v2 v2 v2');
  assert.equal(update(cluster), 'completed: update completed');
});

test('a change of constraints that all nodes meet restarts nothing', async () => {
  await using cluster = await start(3);
  await cluster.updateService('web', (spec) => ({
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, Placement: { Constraints: ['node.role==worker'] } },
  }));
  await cluster.advance(10_000);
  assert.equal(cluster.tasks('web').length, 3);
  assert.equal(update(cluster), undefined);
});

test('host ports: stop-first hands a port over on a single node', async () => {
  await using cluster = await start(
    3,
    {},
    { EndpointSpec: { Ports: [{ PublishMode: 'host', TargetPort: 80, PublishedPort: 80 }] } },
  );
  await setImage(cluster, 'v2');
  await cluster.advance(10_000);
  assert.equal(images(cluster), 'v2 v2 v2');
});

test('a task that never had a node is shut down as soon as it is replaced', async () => {
  const nowhere = { TaskTemplate: { Placement: { Constraints: ['node.role==manager'] } } };
  await using cluster = await start(2, {}, nowhere);
  const reason = 'no suitable node (scheduling constraints not satisfied on 3 nodes)';
  await setImage(cluster, 'v2', nowhere);
  await cluster.advance(1000);
  const status = ({ DesiredState, Status }: Task) => [DesiredState, Status.State, Status.Err];
  assert.deepEqual(cluster.tasks('web').map(status).sort(), [
    ['running', 'pending', reason],
    ['running', 'pending', reason],
    ['shutdown', 'shutdown', undefined],
  ]);
});

test('slots without a running task are updated first', async () => {
  const port = {
    EndpointSpec: { Ports: [{ PublishMode: 'host' as const, TargetPort: 80, PublishedPort: 80 }] },
  };
  await using cluster = await start(3, {}, port);
  await cluster.updateService('web', (spec) => ({ ...spec, Mode: { Replicated: { Replicas: 5 } } }));
  await cluster.advance(1000);
  const running = cluster.running('web').map(({ ID }) => ID);
  assert.equal(running.length, 3);
  // There is no place for slots 4 and 5, before or after: what runs goes on running.
  await setImage(cluster, 'v2');
  await cluster.advance(10_000);
  assert.deepEqual(
    cluster.running('web').map(({ ID }) => ID),
    running,
  );
  // Now there is one: the new tasks show that they run, and the others follow.
  await cluster.addNode('n4');
  await cluster.addNode('n5');
  await cluster.advance(20_000);
  assert.equal(images(cluster), 'v2 v2 v2 v2 v2');
});
