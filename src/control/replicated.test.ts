import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster } from '../../test/support/mini-cluster.ts';
import type { Task } from '../model/objects.ts';
import type { ServiceSpec, TaskSpec } from '../model/spec.ts';

const image = { ContainerSpec: { Image: 'busybox' } };

function spec(Replicas: number, template: TaskSpec = {}): ServiceSpec {
  return { Name: 'web', Mode: { Replicated: { Replicas } }, TaskTemplate: { ...image, ...template } };
}

async function running(nodes: number, service: ServiceSpec): Promise<MiniCluster> {
  const cluster = new MiniCluster();
  for (let n = 1; n <= nodes; n++) await cluster.addNode(`n${n}`);
  await cluster.addService('web', service);
  cluster.start();
  await cluster.advance(300);
  return cluster;
}

function scale(cluster: MiniCluster, Replicas: number): Promise<void> {
  return cluster.updateService('web', (old) => ({ ...old, Mode: { Replicated: { Replicas } } }));
}

const slots = (tasks: Task[]) => tasks.map((task) => task.Slot!).sort((a, b) => a - b);
const perNode = (tasks: Task[]) =>
  ['n1', 'n2', 'n3'].map((id) => tasks.filter((task) => task.NodeID === id).length);

test('scaling up fills holes first, restarts nothing and is no update', async () => {
  await using cluster = await running(2, spec(3));
  const before = cluster.running('web').map((task) => task.ID);
  await scale(cluster, 2);
  await cluster.advance(2000);
  assert.deepEqual(slots(cluster.tasks('web')), [1, 2]);
  await scale(cluster, 5);
  await cluster.advance(2000);
  assert.deepEqual(slots(cluster.running('web')), [1, 2, 3, 4, 5]);
  assert.ok(before.slice(0, 2).every((id) => cluster.running('web').some((task) => task.ID === id)));
  assert.equal(cluster.view.get('service', 'web')!.UpdateStatus, undefined);
});

test('scaling down takes from the fullest nodes', async () => {
  await using cluster = await running(3, spec(7));
  await scale(cluster, 3);
  await cluster.advance(2000);
  assert.deepEqual(perNode(cluster.tasks('web')), [1, 1, 1]);
});

test('scaling down takes tasks that do not run before those that do, and high slots before low', async () => {
  await using cluster = await running(1, spec(2, { Resources: { Reservations: { NanoCPUs: 3e9 } } }));
  await scale(cluster, 4);
  await cluster.advance(500);
  assert.deepEqual(slots(cluster.running('web')), [1, 2]);
  await scale(cluster, 3);
  await cluster.advance(1000);
  assert.deepEqual(slots(cluster.tasks('web')), [1, 2, 3]);
  await scale(cluster, 1);
  await cluster.advance(1000);
  assert.deepEqual(slots(cluster.tasks('web')), [1]);
});

test('scaled to zero and removed: nothing is left, and stopped tasks were to be seen for a while', async () => {
  await using cluster = await running(2, spec(4));
  await cluster.remove('service', 'web');
  await cluster.advance(200);
  assert.deepEqual(
    cluster.tasks('web').map((task) => [task.DesiredState, task.Status.State]),
    Array(4).fill(['remove', 'shutdown']),
  );
  await cluster.advance(1000);
  assert.deepEqual(cluster.tasks('web'), []);
});

test('tasks of a removed service go although their node is lost', async () => {
  await using cluster = await running(1, spec(2));
  await cluster.setNode('n1', 'down');
  await cluster.advance(100);
  await cluster.remove('service', 'web');
  await cluster.advance(100);
  assert.deepEqual(cluster.tasks('web'), []);
});

test('a drained node is emptied at once, each replacement after its predecessor; a paused one is left alone', async () => {
  await using cluster = await running(3, spec(6));
  await cluster.setNode('n1', 'ready', { Availability: 'pause' });
  await cluster.advance(100);
  assert.deepEqual(perNode(cluster.running('web')), [2, 2, 2]);
  await cluster.setNode('n2', 'ready', { Availability: 'drain' });
  await cluster.advance(20);
  const waiting = cluster.tasks('web').filter((task) => task.DesiredState === 'ready');
  assert.deepEqual(perNode(waiting), [0, 0, 2]);
  await cluster.advance(1000);
  assert.deepEqual(perNode(cluster.running('web')), [2, 0, 4]);
});

test('a task without a node says why, gets one when there is, and its reason is written once', async () => {
  await using cluster = await running(2, spec(1, { Placement: { Constraints: ['node.labels.disk==ssd'] } }));
  const [pending] = cluster.tasks('web');
  assert.deepEqual(
    { ...pending!.Status, Timestamp: '' },
    {
      Timestamp: '',
      State: 'pending',
      Message: 'pending task scheduling',
      Err: 'no suitable node (scheduling constraints not satisfied on 2 nodes)',
      PortStatus: {},
    },
  );
  const { revision } = cluster.view;
  await cluster.advance(60_000);
  assert.equal(cluster.view.revision, revision);
  await cluster.setNode('n2', 'ready', { Labels: { disk: 'ssd' } });
  await cluster.advance(300);
  assert.deepEqual(
    cluster.running('web').map((task) => [task.NodeID, task.Status.Err]),
    [['n2', undefined]],
  );
});

test('without any node there is no reason to give', async () => {
  await using cluster = await running(0, spec(1));
  assert.equal(cluster.tasks('web')[0]!.Status.Err, 'no suitable node');
});

test('freed resources go to tasks that wait for them, and named ones are given out once', async () => {
  await using cluster = new MiniCluster();
  const generic = ['a', 'b'].map((Value) => ({ NamedResourceSpec: { Kind: 'gpu', Value } }));
  await cluster.addNode('n1');
  await cluster.change('node', 'n1', (node) => ({
    ...node,
    Description: {
      ...node.Description!,
      Resources: { NanoCPUs: 8e9, MemoryBytes: 1e9, GenericResources: generic },
    },
  }));
  const wanted = [{ DiscreteResourceSpec: { Kind: 'gpu', Value: 1 } }];
  await cluster.addService('web', spec(3, { Resources: { Reservations: { GenericResources: wanted } } }));
  cluster.start();
  await cluster.advance(300);
  const names = () =>
    cluster
      .running('web')
      .map((task) => task.AssignedGenericResources?.[0]?.NamedResourceSpec?.Value)
      .sort();
  assert.deepEqual(names(), ['a', 'b']);
  await cluster.report(cluster.running('web')[0]!.ID, { State: 'failed' });
  await cluster.advance(300);
  assert.deepEqual(names(), ['a', 'b']);
  assert.deepEqual(cluster.logged, []);
});

test('of a deleted node the tasks are orphaned and replaced', async () => {
  await using cluster = await running(2, spec(2));
  await cluster.setNode('n2', 'down');
  await cluster.advance(300);
  await cluster.remove('node', 'n2');
  await cluster.advance(300);
  assert.deepEqual(perNode(cluster.running('web')), [2, 0, 0]);
  assert.ok(cluster.tasks('web').some((task) => task.Status.State === 'orphaned'));
});

test('tasks on a node that is down for a day are orphaned', async () => {
  await using cluster = await running(2, spec(2));
  await cluster.setNode('n2', 'down');
  await cluster.advance(24 * 3600_000 - 1000);
  const lost = () => cluster.tasks('web').find((task) => task.NodeID === 'n2')!.Status.State;
  assert.equal(lost(), 'running');
  await cluster.advance(2000);
  assert.equal(lost(), 'orphaned');
});

test('a node that no longer meets the constraints or has too little loses tasks', async () => {
  await using cluster = await running(0, spec(1));
  await cluster.addNode('n1', { spec: { Labels: { disk: 'ssd' } } });
  await cluster.addNode('n2');
  await cluster.addService('db', {
    Mode: { Replicated: { Replicas: 1 } },
    TaskTemplate: { ...image, Placement: { Constraints: ['node.labels.disk==ssd'] } },
  });
  await cluster.addService('big', {
    Mode: { Replicated: { Replicas: 2 } },
    TaskTemplate: { ...image, Resources: { Reservations: { MemoryBytes: 20e9 } } },
  });
  await cluster.advance(300);
  await cluster.change('node', 'n1', (node) => ({
    ...node,
    Spec: { ...node.Spec, Labels: {} },
    Description: { ...node.Description!, Resources: { NanoCPUs: 8e9, MemoryBytes: 10e9 } },
  }));
  await cluster.advance(20);
  for (const service of ['db', 'big']) {
    const rejected = cluster.tasks(service).find((task) => task.Status.State === 'rejected')!;
    assert.equal(rejected.Status.Err, 'assigned node no longer meets constraints');
    assert.equal(rejected.Status.Message, 'task rejected by constraint enforcer');
    assert.equal(rejected.DesiredState, 'shutdown');
  }
  await cluster.advance(6000);
  assert.equal(cluster.running('web').length, 1);
  assert.equal(
    cluster.tasks('big').find((task) => task.Status.State === 'pending')!.Status.Err,
    'no suitable node (insufficient resources on 2 nodes)',
  );
});

test('host ports: one task a node, and no more', async () => {
  await using cluster = await running(2, {
    ...spec(3),
    EndpointSpec: { Ports: [{ PublishMode: 'host', TargetPort: 80, PublishedPort: 8080, Protocol: 'tcp' }] },
  });
  assert.deepEqual(perNode(cluster.running('web')), [1, 1, 0]);
  const pending = cluster.tasks('web').find((task) => task.Status.State === 'pending')!;
  assert.equal(pending.Status.Err, 'no suitable node (host-mode port already in use on 2 nodes)');
});
