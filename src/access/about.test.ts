import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../store/memory.ts';
import { sampleConfig, sampleNode, sampleService, sampleTask } from '../store/samples.ts';
import { aboutOf } from './about.ts';

test('what a path names by id has its name, what it has made too; nothing else has one', async () => {
  const store = openMemoryStore();
  const service = sampleService('s1', 'web');
  const ContainerStatus = { ContainerID: 'c'.repeat(64), PID: 1, ExitCode: 0 };
  const Status = { ...sampleTask('t1', service).Status, State: 'running' as const, ContainerStatus };
  await store.commit(() => ({
    changes: [
      { op: 'put', kind: 'service', object: service },
      { op: 'put', kind: 'node', object: sampleNode('n1', 'host1') },
      { op: 'put', kind: 'config', object: sampleConfig('page', '') },
      { op: 'put', kind: 'task', object: sampleTask('t1', service, { NodeID: 'n1', Status }) },
    ],
  }));
  const said = (path: string, made?: string) => aboutOf(store.view, path, made);
  assert.equal(said('/services/s1/update'), 'web');
  assert.equal(said('/services/create', 's1'), 'web');
  assert.equal(said('/essaim/services/s1/plan'), 'web');
  assert.equal(said('/nodes/n1'), 'host1');
  assert.equal(said('/configs/page'), 'page');
  assert.equal(said(`/containers/${'c'.repeat(64)}/exec`), 'web.1');
  assert.equal(said(`/essaim/nodes/n1/containers/${'c'.repeat(64)}/stop`), 'web.1');
  for (const path of ['/services/create', '/services/gone', '/swarm/init', '/containers/prune', '/', ''])
    assert.equal(said(path), undefined, path);
});
