import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalService } from '../api/swarm/services/spec/service.ts';
import type { Change } from '../store/contract.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleConfig, sampleService, sampleTask } from '../store/samples.ts';
import { contentVersions, servicePlan } from './rollout.ts';

const base = sampleService('s', 'web');
const service = {
  ...base,
  Spec: canonicalService({
    ...base.Spec,
    Mode: { Replicated: { Replicas: 2 } },
    TaskTemplate: {
      ContainerSpec: {
        Image: 'nginx:1',
        Configs: [{ ConfigID: 'c', ConfigName: 'c', File: { Name: 'c', UID: '0', GID: '0', Mode: 0o444 } }],
      },
    },
    UpdateConfig: { Parallelism: 0, Delay: 10e9 },
  }),
};

async function cluster() {
  const store = openMemoryStore();
  const tasks = ['a', 'b'].map((id) => {
    const task = sampleTask(id, service, {
      Spec: service.Spec.TaskTemplate!,
      Status: { Timestamp: '', State: 'running', Message: '', PortStatus: {} },
      DesiredState: 'running',
    });
    return { ...task, internal: { ...task.internal, contents: { c: 1 } } };
  });
  const config = { ...sampleConfig('c', 'bmV3'), internal: { contentVersion: 2 } };
  const old = {
    ...{ ID: 'c.1', Version: { Index: 0 }, CreatedAt: 'then', UpdatedAt: 'then' },
    ...{ of: 'c', version: 1, Data: 'b2xk', internal: { services: ['s'] } },
  };
  const changes: Change[] = [
    { op: 'put', kind: 'config', object: config },
    { op: 'put', kind: 'oldContent', object: old },
    { op: 'put', kind: 'service', object: { ...service, internal: { specVersion: 1, contents: { c: 1 } } } },
    ...tasks.map((object): Change => ({ op: 'put', kind: 'task', object })),
  ];
  await store.commit({ changes });
  return store.view;
}

test('what a spec would change, how many tasks for it, and by which rules', async () => {
  const view = await cluster();
  const live = view.get('service', 's')!;
  const { Spec } = live;
  assert.deepEqual(servicePlan(live, Spec, view).changes, []);
  const scaled = servicePlan(live, { ...Spec, Mode: { Replicated: { Replicas: 5 } } }, view);
  assert.deepEqual(
    [scaled.changes.map(({ field }) => field), scaled.restarts],
    [['Mode.Replicated.Replicas'], 0],
  );
  const container = { ...Spec.TaskTemplate!.ContainerSpec, Image: 'nginx:2' };
  const newer = servicePlan(live, { ...Spec, TaskTemplate: { ContainerSpec: container } }, view);
  assert.equal(newer.restarts, 2);
  assert.deepEqual(newer.rollout, {
    ...{ id: 's', name: 'web', running: 2 },
    rules: {
      ...{ parallelism: 0, order: 'stop-first', delay: 10_000, monitor: 11_000 },
      failureAction: 'pause',
    },
  });
});

test('versions of a config, with who stands for which; of a secret nothing is told but that', async () => {
  const view = await cluster();
  const { versions, rollouts } = contentVersions('config', 'c', view);
  assert.deepEqual(
    versions.map(({ version, data, services }) => [version, data, services]),
    [
      [2, 'bmV3', []],
      [1, 'b2xk', ['web']],
    ],
  );
  assert.deepEqual(
    rollouts.map(({ name }) => name),
    ['web'],
  );
});
