import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MiniCluster } from '../../test/support/mini-cluster.ts';
import { modeOf } from '../model/defaults.ts';
import { isTaskDirty } from '../model/dirty.ts';
import type { Task } from '../model/objects.ts';
import type { ServiceSpec } from '../model/spec.ts';
import { compareStates, isTerminal } from '../model/task-state.ts';
import type { StoreEvent } from '../store/contract.ts';
import { isWaiting, MOST_WAITING } from './ahead.ts';
import { isLive } from './slots.ts';

const NODES = ['n1', 'n2', 'n3', 'n4'];
const SERVICES = ['a', 'b', 'c'];

const EXCESS = MOST_WAITING + 200;

const specs = fc.record({
  /** Undefined: global. The last is more than there is room for, where something is reserved. */
  replicas: fc.oneof(
    { weight: 9, arbitrary: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }) },
    { weight: 1, arbitrary: fc.constant(EXCESS) },
  ),
  image: fc.constantFrom('v1', 'v2', 'flaky'),
  order: fc.constantFrom('stop-first', 'start-first'),
  parallelism: fc.integer({ min: 0, max: 2 }),
  action: fc.constantFrom('pause', 'continue', 'rollback'),
  condition: fc.constantFrom('any', 'on-failure', 'none'),
  attempts: fc.constantFrom(0, 0, 2),
  cpus: fc.constantFrom(0, 0, 2, 3),
  port: fc.constantFrom(0, 0, 8080),
  constraint: fc.constantFrom('', '', 'node.labels.disk==ssd'),
});
type Wish = typeof specs extends fc.Arbitrary<infer T> ? T : never;

const actions = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      service: fc.constantFrom(...SERVICES),
      wish: specs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('remove' as const), service: fc.constantFrom(...SERVICES) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('node' as const),
      node: fc.constantFrom(...NODES),
      state: fc.constantFrom('ready' as const, 'ready' as const, 'down' as const, 'unknown' as const),
      availability: fc.constantFrom('active', 'active', 'pause', 'drain'),
      disk: fc.constantFrom('ssd', 'hdd'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete' as const), node: fc.constantFrom(...NODES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      index: fc.nat(20),
      state: fc.constantFrom('failed' as const, 'complete' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(5, 40, 90, 160, 1000, 6000),
    }),
  },
);
type Action = typeof actions extends fc.Arbitrary<infer T> ? T : never;

function specOf(wish: Wish, name: string): ServiceSpec {
  return {
    Name: name,
    Mode: wish.replicas === undefined ? { Global: {} } : { Replicated: { Replicas: wish.replicas } },
    UpdateConfig: { Parallelism: wish.parallelism, Order: wish.order, FailureAction: wish.action },
    TaskTemplate: {
      ContainerSpec: { Image: wish.image },
      RestartPolicy: { Condition: wish.condition, MaxAttempts: wish.attempts, Delay: 1e9 },
      Resources: { Reservations: { NanoCPUs: (wish.replicas === EXCESS ? 3 : wish.cpus) * 1e9 } },
      Placement: { Constraints: wish.constraint ? [wish.constraint] : [] },
    },
    EndpointSpec: wish.port
      ? { Ports: [{ PublishMode: 'host', TargetPort: 80, PublishedPort: wish.port, Protocol: 'tcp' }] }
      : null,
  };
}

async function perform(cluster: MiniCluster, action: Action): Promise<void> {
  const { view } = cluster;
  switch (action.do) {
    case 'write': {
      const service = view.get('service', action.service);
      const spec = specOf(action.wish, action.service);
      // Ids are not used twice: not before nothing is left of the service that had it.
      if (!service && cluster.tasks(action.service).length > 0) return;
      if (!service) await cluster.addService(action.service, spec);
      else if (modeOf(service.Spec).kind === modeOf(spec).kind)
        await cluster.updateService(action.service, () => spec);
      return;
    }
    case 'remove':
      if (view.get('service', action.service)) await cluster.remove('service', action.service);
      return;
    case 'node': {
      const spec = { Availability: action.availability, Labels: { disk: action.disk } };
      if (!view.get('node', action.node)) await cluster.addNode(action.node, { spec });
      await cluster.setNode(action.node, action.state, spec);
      return;
    }
    case 'delete':
      if (view.get('node', action.node)) await cluster.remove('node', action.node);
      return;
    case 'fail': {
      const running = [...view.all('task')].filter((task) => task.Status.State === 'running');
      const task = running[action.index % Math.max(running.length, 1)];
      if (task) await cluster.report(task.ID, { State: action.state });
      return;
    }
    case 'restart':
      await cluster.stop();
      cluster.start();
      return;
    case 'wait':
      await cluster.advance(action.ms);
  }
}

const occupies = (task: Task) =>
  compareStates(task.Status.State, 'assigned') >= 0 && compareStates(task.Status.State, 'running') <= 0;

/** Looks at what a commit has done to one task. */
function checkStep({ kind, before, after }: StoreEvent): void {
  if (kind !== 'task' || !before || !after) return;
  assert.ok(
    compareStates(after.Status.State, before.Status.State) >= 0,
    `${after.ID} was observed going back`,
  );
  assert.ok(compareStates(after.DesiredState, before.DesiredState) >= 0, `${after.ID} was wanted back`);
  if (before.NodeID !== undefined) assert.equal(after.NodeID, before.NodeID, `${after.ID} changed its node`);
}

function checkPlaced({ view }: MiniCluster, { kind, before, after }: StoreEvent): void {
  if (kind !== 'task' || !after?.NodeID || before?.NodeID) return;
  assert.ok(view.get('service', after.ServiceID), `${after.ID} was placed although its service is gone`);
}

/** Why a task has no node may have become another reason since it was last looked at. */
function isReason({ kind, before, after }: StoreEvent): boolean {
  return kind === 'task' && before?.Status.State === 'pending' && after?.Status.State === 'pending';
}

/** Looks at the cluster as it is after each commit. */
function checkState(cluster: MiniCluster): void {
  const { view } = cluster;
  for (const service of view.all('service')) {
    const ahead = cluster
      .tasks(service.ID)
      .filter((task) => isWaiting(task) && !isTaskDirty(service, task, undefined));
    // Those that take the place of others are made whatever else waits.
    const made = ahead.filter(({ internal }) => !internal.update && !internal.restartCount);
    assert.ok(made.length <= MOST_WAITING, `${made.length} tasks of ${service.ID} wait`);
  }
  const slots = new Map<string, number>();
  for (const task of view.all('task')) {
    const service = view.get('service', task.ServiceID);
    if (!service || !isLive(task)) continue;
    const key = `${task.ServiceID} ${task.Slot ?? task.NodeID}`;
    slots.set(key, (slots.get(key) ?? 0) + 1);
    assert.ok(slots.get(key)! <= 2, `${slots.get(key)} tasks are wanted in slot ${key}`);
  }
  for (const node of view.all('node')) {
    const tasks = [...view.tasksOfNode(node.ID)].filter(occupies);
    const cpus = tasks.reduce((sum, task) => sum + (task.Spec.Resources?.Reservations?.NanoCPUs ?? 0), 0);
    assert.ok(cpus <= node.Description!.Resources.NanoCPUs, `${node.ID} is overcommitted`);
    const ports = tasks.filter((task) => task.internal.endpoint);
    assert.ok(ports.length <= 1, `${node.ID} has its port taken ${ports.length} times`);
  }
}

/** Faults have ended and time has passed: every service has what it asks for, as far as there is room. */
function checkConverged(cluster: MiniCluster): void {
  const { view } = cluster;
  for (const service of view.all('service')) {
    const mode = modeOf(service.Spec);
    const tasks = cluster.tasks(service.ID);
    const paused = service.UpdateStatus?.State.endsWith('paused');
    for (const task of tasks.filter(isLive)) {
      const waits = task.Status.State === 'pending' && task.Status.Err;
      // Without agents that start them, tasks of a paused update may still be what they were.
      assert.ok(task.Status.State === 'running' || waits || paused, `${task.ID} is ${task.Status.State}`);
    }
    if (mode.kind !== 'replicated' || paused) continue;
    const filled = new Set(
      tasks.filter((task) => isLive(task) || task.internal.finished).map((task) => task.Slot),
    );
    const waiting = tasks.filter(isWaiting);
    const unmade = tasks.flatMap(({ internal }) => internal.unmade ?? []);
    if (waiting.length >= MOST_WAITING && filled.size < mode.replicas)
      assert.deepEqual(unmade, [mode.replicas - filled.size], `what ${service.ID} says of tasks not made`);
    else {
      assert.equal(filled.size, mode.replicas, `${service.ID} has ${filled.size} slots of ${mode.replicas}`);
      assert.deepEqual(unmade, []);
    }
  }
  for (const task of view.all('task')) {
    assert.ok(view.get('service', task.ServiceID), `${task.ID} outlived its service`);
    if (!isLive(task))
      assert.ok(isTerminal(task.Status.State) || !occupies(task), `${task.ID} was not stopped`);
  }
}

test('whatever happens, no rule is broken, and what was asked for comes about', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(actions, { minLength: 5, maxLength: 40 }), async (script) => {
      await using cluster = new MiniCluster({
        fate: (task) =>
          task.Spec.ContainerSpec!.Image === 'flaky' ? { state: 'failed', after: 30 } : undefined,
      });
      const problems: unknown[] = [];
      cluster.store.watch(0, ({ events }) => {
        try {
          for (const event of events) {
            checkStep(event);
            checkPlaced(cluster, event);
          }
        } catch (error) {
          problems.push(error);
        }
      });
      for (const id of NODES) await cluster.addNode(id, { spec: { Labels: { disk: 'ssd' } } });
      cluster.start();
      for (const action of script) {
        await perform(cluster, action);
        checkState(cluster);
        if (problems.length > 0) throw problems[0];
        assert.deepEqual(cluster.logged, []);
      }
      cluster.fate = () => undefined;
      for (const node of [...cluster.view.all('node')]) {
        await cluster.setNode(node.ID, 'ready', { Availability: 'active' });
      }
      await cluster.advance(5 * 60_000);
      checkState(cluster);
      checkConverged(cluster);
      const { revision } = cluster.view;
      await cluster.advance(10 * 60_000);
      assert.equal(cluster.view.revision, revision, 'it goes on changing things');
      cluster.store.watch(revision, ({ events }) =>
        problems.push(...events.filter((event) => !isReason(event))),
      );
      await cluster.stop();
      cluster.start();
      await cluster.advance(60_000);
      assert.deepEqual(problems, [], 'a restart of the control plane changes things');
      assert.deepEqual(cluster.logged, []);
    }),
    { numRuns: 200, endOnFailure: false },
  );
});
