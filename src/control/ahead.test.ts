import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster } from '../../test/support/mini-cluster.ts';
import type { Task } from '../model/objects.ts';
import type { ServiceSpec, TaskSpec } from '../model/spec.ts';
import { isWaiting, MOST_WAITING } from './ahead.ts';

/** Two of these fill a host. */
const LARGE: TaskSpec = { Resources: { Reservations: { NanoCPUs: 4e9 } } };

function spec(Replicas: number, template: TaskSpec = LARGE): ServiceSpec {
  const TaskTemplate = { ContainerSpec: { Image: 'busybox' }, ...template };
  return { Name: 'web', Mode: { Replicated: { Replicas } }, TaskTemplate, UpdateConfig: { Parallelism: 0 } };
}

async function running(service: ServiceSpec): Promise<MiniCluster> {
  const cluster = new MiniCluster();
  for (const id of ['n1', 'n2']) await cluster.addNode(id);
  await cluster.addService('web', service);
  cluster.start();
  await cluster.advance(2000);
  return cluster;
}

const waiting = (cluster: MiniCluster): Task[] => cluster.tasks('web').filter(isWaiting);
/** What is said of tasks that are not made, by slot. */
const noted = (cluster: MiniCluster): Array<[number, number]> =>
  cluster.tasks('web').flatMap(({ Slot, internal: { unmade } }) => (unmade ? [[Slot!, unmade]] : []));
const slots = (tasks: Task[]): number[] => tasks.map(({ Slot }) => Slot!).sort((a, b) => a - b);
const range = (length: number): number[] => Array.from({ length }, (_, n) => n + 1);

/** A host as large as need be. */
async function addLargeNode(cluster: MiniCluster, id: string, cpus: number): Promise<void> {
  await cluster.addNode(id);
  await cluster.change('node', id, (node) => {
    const { Resources, ...rest } = node.Description!;
    return { ...node, Description: { ...rest, Resources: { ...Resources, NanoCPUs: cpus * 1e9 } } };
  });
}

test('of a service that no cluster can hold some tasks are made ahead, and the last says how many are not', async () => {
  await using cluster = await running(spec(42_000));
  assert.equal(cluster.running('web').length, 4);
  assert.deepEqual(slots(cluster.tasks('web')), range(4 + MOST_WAITING));
  assert.deepEqual(noted(cluster), [[504, 41_496]]);
  const { revision } = cluster.view;
  await cluster.advance(60_000);
  assert.equal(cluster.view.revision, revision, 'it goes on changing things');
});

test('more are made as places appear, until all are there', async () => {
  await using cluster = await running(spec(2_000));
  await addLargeNode(cluster, 'n3', 40);
  await cluster.advance(2000);
  assert.deepEqual(slots(cluster.tasks('web')), range(14 + MOST_WAITING));
  assert.deepEqual(noted(cluster), [[514, 1486]]);
  // A place that is left by another service counts like a new one.
  await addLargeNode(cluster, 'n4', 10_000);
  await cluster.advance(5000);
  assert.deepEqual(slots(cluster.running('web')), range(2_000));
  assert.deepEqual(noted(cluster), []);
});

test('scaling has its effect at once, whichever way and however often', async () => {
  await using cluster = await running(spec(42_000));
  const scale = async (Replicas: number): Promise<void> => {
    await cluster.updateService('web', (old) => ({ ...old, Mode: { Replicated: { Replicas } } }));
    await cluster.advance(5000);
  };
  for (const replicas of [30_000, 50_000, 40_000]) {
    await scale(replicas);
    assert.equal(waiting(cluster).length, MOST_WAITING);
    assert.deepEqual(noted(cluster), [[504, replicas - 504]]);
  }
  await scale(300);
  assert.deepEqual(slots(cluster.tasks('web')), range(300));
  assert.deepEqual(noted(cluster), []);
  await scale(2);
  assert.deepEqual(slots(cluster.tasks('web')), [1, 2]);
  assert.equal(cluster.running('web').length, 2);
});

test('what waits of an older spec keeps nothing of the newer one from being made', async () => {
  await using cluster = await running(spec(2_000, { Placement: { Constraints: ['node.labels.disk==ssd'] } }));
  assert.equal(waiting(cluster).length, MOST_WAITING);
  await cluster.updateService('web', () => spec(2_000, {}));
  await cluster.advance(60_000);
  assert.deepEqual(slots(cluster.running('web')), range(2_000));
  assert.deepEqual(noted(cluster), []);
});

test('a spec that finds no places goes back to one that ran', async () => {
  await using cluster = await running(spec(4));
  const before = cluster.view.get('service', 'web')!.Spec;
  await cluster.updateService('web', () => ({
    ...spec(2_000, { Placement: { Constraints: ['node.labels.disk==ssd'] } }),
    UpdateConfig: { Parallelism: 1 },
  }));
  await cluster.advance(5000);
  assert.ok(waiting(cluster).length <= MOST_WAITING + 1);
  await cluster.updateService('web', () => before);
  await cluster.advance(60_000);
  assert.deepEqual(slots(cluster.running('web')), [1, 2, 3, 4]);
  assert.equal(cluster.tasks('web').filter(isWaiting).length, 0);
});

test('tasks of a job are made as there is room for them', async () => {
  await using cluster = new MiniCluster({ fate: () => ({ state: 'complete', after: 1000 }) });
  await cluster.addNode('n1');
  await cluster.addService('web', {
    ...spec(0),
    Mode: { ReplicatedJob: { MaxConcurrent: 1_200, TotalCompletions: 1_500 } },
    TaskTemplate: { ...spec(0).TaskTemplate, RestartPolicy: { Condition: 'none' } },
  });
  cluster.start();
  await cluster.advance(500);
  assert.equal(waiting(cluster).length, MOST_WAITING);
  // As many as may be under way, not as many as are to be completed.
  assert.deepEqual(noted(cluster), [[501, 1_200 - 502]]);
  await addLargeNode(cluster, 'n2', 10_000);
  await cluster.advance(20_000);
  const complete = cluster.tasks('web').filter(({ Status }) => Status.State === 'complete');
  assert.equal(complete.length, 1_500);
  assert.deepEqual(noted(cluster), []);
});
