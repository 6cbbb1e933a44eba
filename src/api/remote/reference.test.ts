import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '../../model/objects.ts';
import { sampleTask, TestCluster } from '../swarm/testing/cluster.ts';
import { findPlace } from './reference.ts';

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`;

async function cluster() {
  const { store } = await new TestCluster().found();
  const service = {
    ID: 'service000000000000000web',
    Version: { Index: 0 },
    CreatedAt: at(0),
    UpdatedAt: at(0),
    Spec: { Name: 'web', Labels: {} },
    Endpoint: { Spec: {} },
    internal: { specVersion: 0 },
  };
  await store.commit({ changes: [{ op: 'put', kind: 'service', object: service }] });
  let made = 0;
  const add = async (changes: Partial<Task>, state: Task['Status']['State'], container?: string) => {
    const object = sampleTask(service.ID, { NodeID: 'n1', Slot: 1, CreatedAt: at(++made), ...changes });
    object.Status = { ...object.Status, State: state };
    if (container) object.Status.ContainerStatus = { ContainerID: container, PID: 1, ExitCode: 0 };
    await store.commit({ changes: [{ op: 'put', kind: 'task', object }] });
    return object;
  };
  const find = (reference: string, least = 4) => {
    const place = findPlace(store.view, reference, least);
    return place && `${place.container.slice(0, 8)} on ${place.nodeId}, ${place.by}`;
  };
  return { add, find };
}

const id = (beginning: string): string => beginning.padEnd(64, '0');

test('by the id of the container, whole or its beginning', async () => {
  const { add, find } = await cluster();
  await add({}, 'running', id('abcdef12'));
  await add({ Slot: 2, NodeID: 'n2' }, 'running', id('abcd0012'));
  assert.equal(find(id('abcdef12')), 'abcdef12 on n1, full');
  assert.equal(find('abcde'), 'abcdef12 on n1, short');
  assert.equal(find('abcd00', 6), 'abcd0012 on n2, short');
  assert.equal(find('abcd00', 12), undefined);
  assert.equal(find('abc'), undefined);
  assert.throws(() => find('abcd'), {
    status: 400,
    message: 'Multiple IDs found with provided prefix: abcd',
  });
  assert.equal(find(id('abcdef13')), undefined);
});

test('by the name of the task and by its slot: the one that runs and is to go on, else the newest', async () => {
  const { add, find } = await cluster();
  assert.equal(find('web.1'), undefined);
  const old = await add({ DesiredState: 'shutdown' }, 'failed', id('aaaaaaaa'));
  assert.equal(find('web.1'), 'aaaaaaaa on n1, short');
  await add({ DesiredState: 'shutdown' }, 'running', id('bbbbbbbb'));
  await add({ NodeID: 'n2' }, 'starting', id('cccccccc'));
  assert.equal(find('web.1'), 'bbbbbbbb on n1, short');
  await add({ NodeID: 'n3' }, 'running', id('dddddddd'));
  await add({ NodeID: undefined }, 'pending');
  assert.equal(find('web.1'), 'dddddddd on n3, short');
  assert.equal(find(`web.1.${old.ID}`), 'aaaaaaaa on n1, full');
  assert.equal(find(`web.2.${old.ID}`), undefined);
  for (const none of ['web.2', 'web', 'we.1', 'web.1.x', 'web.1.x.y', 'WEB.1', '.', 'web.', '..'])
    assert.equal(find(none), undefined, none);
});

test('tasks of global services are called by their node; a container without a reported id by its name', async () => {
  const { add, find } = await cluster();
  await add({ Slot: undefined, NodeID: 'n7' }, 'starting');

  assert.match(find('web.n7')!, /^web\.n7\./);
});

test('by the id of the task, which comes after containers of such a name', async () => {
  const { add, find } = await cluster();
  const task = await add({ ID: 'feed56789012345678901zzzz' }, 'running', id('12345678'));
  assert.equal(find(task.ID), '12345678 on n1, task');
  assert.equal(find('feed5'), '12345678 on n1, task');
  await add({ Slot: 2 }, 'running', id('feed5'));
  assert.equal(find('feed5'), 'feed5000 on n1, short');
  await add({ ID: 'unplaced', NodeID: undefined }, 'pending');
  assert.equal(find('unplaced'), undefined);
});
