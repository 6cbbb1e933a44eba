import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '../../model/objects.ts';
import type { Store } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import {
  sampleConfig,
  sampleCredential,
  sampleSecret,
  sampleService,
  sampleTask,
} from '../../store/samples.ts';
import { AssignmentSet, type Need, needOf } from './assignments.ts';

const service = sampleService('s');
const withSecret = {
  ContainerSpec: { Image: 'i', Secrets: [{ SecretID: 'se' }], Configs: [{ ConfigID: 'co' }] },
};

function task(id: string, changes: Partial<Task> = {}): Task {
  return status(sampleTask(id, service, { NodeID: 'n', ...changes }), 'assigned');
}

function status(of: Task, State: Task['Status']['State']): Task {
  return { ...of, Status: { ...of.Status, State } };
}

async function put(store: Store, ...tasks: Task[]): Promise<void> {
  await store.commit({ changes: tasks.map((object) => ({ op: 'put', kind: 'task', object })) });
}

async function storeWith(...tasks: Task[]): Promise<Store> {
  const store = openMemoryStore();
  await store.commit({
    changes: [
      { op: 'put', kind: 'secret', object: sampleSecret('se', 'x') },
      { op: 'put', kind: 'config', object: sampleConfig('co', 'y') },
      { op: 'put', kind: 'credential', object: sampleCredential('s', 'token') },
    ],
  });
  await put(store, ...tasks);
  return store;
}

const tell = (...ids: string[]) => new Map(ids.map((id): [string, Need] => [id, 'tell']));

test('all that is assigned to the node is sent first, with what it uses', async () => {
  const store = await storeWith(
    task('a', { Spec: withSecret }),
    status(task('old', { Spec: withSecret, DesiredState: 'shutdown' }), 'shutdown'),
    status(task('early'), 'pending'),
    task('elsewhere', { NodeID: 'm' }),
  );
  const full = new AssignmentSet('n').full(store.view);
  assert.equal(full.full, true);
  assert.deepEqual(
    full.tasks.map(({ task: { ID }, auth }) => [ID, auth]),
    [
      ['a', 'token'],
      ['old', 'token'],
    ],
  );
  assert.deepEqual([full.secrets.map(({ ID }) => ID), full.configs.map(({ ID }) => ID)], [['se'], ['co']]);
});

test('what tasks use is sent with the first and taken back with the last of them', async () => {
  const store = await storeWith();
  const set = new AssignmentSet('n');
  set.full(store.view);
  await put(store, task('a', { Spec: withSecret }));
  assert.deepEqual(
    set.changes(store.view, tell('a'))?.secrets.map(({ ID }) => ID),
    ['se'],
  );
  await put(store, task('b', { Spec: withSecret }));
  const second = set.changes(store.view, tell('b'))!;
  assert.deepEqual([second.tasks.length, second.secrets, second.configs], [1, [], []]);

  await put(store, { ...store.view.get('task', 'a')!, DesiredState: 'shutdown' });
  assert.deepEqual(set.changes(store.view, tell('a'))?.removedSecrets, []);
  await put(store, status(store.view.get('task', 'b')!, 'failed'));
  const last = set.changes(store.view, new Map([['b', 'release']]))!;
  assert.deepEqual([last.tasks, last.removedSecrets, last.removedConfigs], [[], ['se'], ['co']]);
  assert.equal(set.changes(store.view, new Map([['b', 'release']])), undefined);
});

test('a task that the agent never heard of is not taken back from it', async () => {
  const store = await storeWith(task('a'));
  const set = new AssignmentSet('n');
  set.full(store.view);
  const { Version } = store.view.get('task', 'a')!;
  await store.commit({ changes: [{ op: 'delete', kind: 'task', id: 'a', revision: Version.Index }] });
  assert.deepEqual(set.changes(store.view, tell('a', 'never'))?.removedTasks, ['a']);
  assert.equal(set.changes(store.view, tell('a')), undefined);
});

test('only what an agent acts on is worth telling', () => {
  const before = task('a');
  const cases: Array<[Task | undefined, Task | undefined, Need | undefined]> = [
    [undefined, before, 'tell'],
    [before, undefined, 'tell'],
    [undefined, status(before, 'pending'), undefined],
    [status(before, 'pending'), undefined, undefined],
    [status(before, 'pending'), before, 'tell'],
    [before, status(before, 'running'), undefined],
    [before, status(before, 'failed'), 'release'],
    [before, { ...before, DesiredState: 'shutdown' }, 'tell'],
    [before, { ...before, UpdatedAt: 'later' }, undefined],
    [before, { ...before, internal: { ...before.internal, restarts: [] } }, undefined],
    [before, structuredClone(before), undefined],
    [before, { ...before, NetworksAttachments: [] }, 'tell'],
  ];
  for (const [from, to, need] of cases) assert.equal(needOf(from, to), need);
});

test('each task comes with the content that it stands for, once per content', async () => {
  const { internal } = task('x');
  const newer = { Spec: withSecret, internal: { ...internal, contents: { co: 1 } } };
  const store = await storeWith(task('a', { Spec: withSecret }));
  const before = store.view.get('config', 'co')!;
  await store.commit({
    changes: [
      {
        op: 'put',
        kind: 'config',
        object: { ...before, Spec: { Name: 'co', Data: 'z' }, internal: { contentVersion: 1 } },
      },
      {
        op: 'put',
        kind: 'oldContent',
        object: {
          ...before,
          Version: { Index: 0 },
          of: 'co',
          version: 0,
          Data: 'y',
          internal: { services: [] },
        },
      },
    ],
  });
  await put(store, task('b', newer), task('c', newer));
  const set = new AssignmentSet('n');
  const { configs, secrets } = set.full(store.view);
  assert.deepEqual(
    configs.map(({ ID, Spec, internal: { contentVersion } }) => [ID, contentVersion, Spec]),
    [
      ['co', 0, { Name: 'co', Data: 'y' }],
      ['co', 1, { Name: 'co', Data: 'z' }],
    ],
  );
  assert.equal(secrets.length, 1);
  await put(store, { ...store.view.get('task', 'a')!, DesiredState: 'shutdown' });
  assert.deepEqual(set.changes(store.view, tell('a'))?.removedConfigs, ['co']);
  await put(
    store,
    { ...store.view.get('task', 'b')!, DesiredState: 'shutdown' },
    { ...store.view.get('task', 'c')!, DesiredState: 'shutdown' },
  );
  assert.deepEqual(set.changes(store.view, tell('b', 'c'))?.removedConfigs, ['co.1']);
});
