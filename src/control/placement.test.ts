import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeNode, makeService } from '../../test/support/mini-cluster.ts';
import type { Change } from '../store/contract.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleCluster, sampleNetwork } from '../store/samples.ts';
import { newTask } from './new-task.ts';
import { Placement } from './placement.ts';

const NOW = 1_000;

async function rig() {
  const store = openMemoryStore();
  const placement = new Placement(store.view);
  store.watch(store.view.revision, (commit) => placement.apply(commit, store.view));
  const commit = (changes: readonly Change[]) => store.commit({ changes });
  // With a published port there is something to be given to networks, services and hosts as well.
  const ports = { EndpointSpec: { Ports: [{ Protocol: 'tcp', TargetPort: 80 }] } };
  const service = makeService('web', ports, '');
  const node = makeNode('n1', '');
  node.Description!.Engine.Plugins = [{ Type: 'Network', Name: 'overlay' }];
  const ingress = sampleNetwork('ingress');
  ingress.Spec = { ...ingress.Spec, Driver: 'overlay', Ingress: true };
  await commit([
    { op: 'put', kind: 'cluster', object: sampleCluster('cluster', '', '') },
    { op: 'put', kind: 'network', object: ingress },
    { op: 'put', kind: 'node', object: node },
    { op: 'put', kind: 'service', object: service },
  ]);
  const tasks = [1, 2].map((slot): Change => {
    const object = newTask(undefined, service, { id: `t${slot}`, now: 0, slot, desired: 'running' });
    return { op: 'put', kind: 'task', object };
  });
  return {
    store,
    placement,
    commit,
    tasks,
    place: (changes: readonly Change[]) => placement.place(store.view, changes, NOW, 100),
  };
}

function nodesOf(changes: readonly Change[]): Record<string, string | undefined> {
  const puts = changes.filter((change) => change.kind === 'task' && change.op === 'put');
  return Object.fromEntries(puts.map(({ object }) => [object.ID, object.NodeID]));
}

test('new tasks get their node in the transaction that makes them, and then nothing waits', async () => {
  const { placement, commit, tasks, place } = await rig();
  const changes = place(tasks);
  assert.deepEqual(nodesOf(changes), { t1: 'n1', t2: 'n1' });
  await commit(changes);
  placement.done();
  assert.deepEqual(place([]), []);
  assert.equal(placement.hasWork(), false);
});

test('what was decided and could not be committed is decided again', async () => {
  const { placement, commit, tasks, place } = await rig();
  await commit(tasks);
  const changed = () => {
    const changes = place([]);
    assert.deepEqual(nodesOf(changes), { t1: 'n1', t2: 'n1' });
    return changes.map((change) => `${change.kind} ${change.op === 'put' && change.object.ID}`);
  };
  const all = ['network ingress', 'service web', 'node n1', 'task t1', 'task t2'];
  assert.deepEqual(changed(), all);
  placement.undo();
  assert.equal(placement.hasWork(), true);
  assert.deepEqual(changed(), all);
});

test('what was committed is not undone by a later failure', async () => {
  const { placement, commit, tasks, place } = await rig();
  await commit(place(tasks));
  placement.done();
  placement.undo();
  assert.deepEqual(place([]), []);
});
