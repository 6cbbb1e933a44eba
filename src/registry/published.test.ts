import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record } from '../classic/testing/hosts.ts';
import type { ContainerRecord, ContainerState } from '../fleet/records.ts';
import type { Node, Task } from '../model/objects.ts';
import type { TaskState } from '../model/task-state.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleNode, sampleService, sampleTask } from '../store/samples.ts';
import type { Status } from './instances.ts';
import { hostEntry, publishedOn } from './published.ts';

const TASK_ID = 'com.docker.swarm.task.id';
const { state: running } = record('c', 'web');

function container(state: Partial<ContainerState>, labels: Record<string, string> = {}): ContainerRecord {
  const { listed } = record('c', 'web');
  const Ports = [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }];
  return record('c', 'web', { state: { ...running, ...state }, labels, listed: { ...listed, Ports } });
}

/** What becomes of a container; undefined: it is not there. */
const health = (status: string) => ({ Running: true, Health: { Status: status } });
const STATES: Array<[string, Partial<ContainerState>, Status | undefined]> = [
  ['runs, without a check', { Running: true }, 'passing'],
  ['healthy', health('healthy'), 'passing'],
  ['its check has not succeeded yet', health('starting'), 'critical'],
  ['its check fails', health('unhealthy'), 'critical'],
  ['paused', { Running: true, Paused: true }, 'critical'],
  ['about to be restarted', { Running: true, Restarting: true }, undefined],
  ['stopped', { Running: false }, undefined],
];

for (const [what, state, expected] of STATES)
  test(`a container: ${what}: ${expected ?? 'not published'}`, () => {
    const [found] = publishedOn([container(state)], openMemoryStore().view);
    assert.equal(found?.status, expected);
  });

const WANTED: Array<[TaskState, Status]> = [
  ['running', 'passing'],
  ['shutdown', 'critical'],
  ['remove', 'critical'],
];

for (const [wanted, expected] of WANTED)
  test(`the container of a task that is to be ${wanted}: ${expected}`, async () => {
    const store = openMemoryStore();
    const service = sampleService('s');
    const task: Task = sampleTask('t', service, { DesiredState: wanted });
    await store.commit({
      changes: [
        { op: 'put', kind: 'service', object: service },
        { op: 'put', kind: 'task', object: task },
      ],
    });
    const [found] = publishedOn([container({ Running: true }, { [TASK_ID]: 't' })], store.view);
    assert.equal(found!.status, expected);
  });

test('only until its health check has said something it is starting', () => {
  const starting = (said: string) =>
    publishedOn([container(health(said))], openMemoryStore().view)[0]!.isStarting;
  assert.deepEqual(['starting', 'unhealthy', 'healthy'].map(starting), [true, undefined, undefined]);
});

test('the container of a task that nobody knows any more is about to go', () => {
  const [found] = publishedOn([container({ Running: true }, { [TASK_ID]: 'gone' })], openMemoryStore().view);
  assert.equal(found!.status, 'critical');
});

const HOSTS: Array<[Node['Status']['State'], Status]> = [
  ['ready', 'passing'],
  ['unknown', 'warning'],
  ['disconnected', 'critical'],
  ['down', 'critical'],
];

for (const [State, expected] of HOSTS)
  test(`a host that is ${State}: ${expected}`, () => {
    const node: Node = { ...sampleNode('n'), Status: { State, Addr: '10.0.0.1' } };
    assert.equal(hostEntry(node, new Set()).status, expected);
  });
