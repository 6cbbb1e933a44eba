import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { EngineUnavailableError } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import { type ApiContext, type ApiRequest, type Reply, Router } from '../router.ts';
import { sampleNode, sampleTask, TestCluster } from '../swarm/testing/cluster.ts';
import { commitRoutes } from './commit.ts';
import { connectionWithNameHere, containerWithNamesHere } from './mentions.ts';
import { FakeEngine } from './testing/engine.ts';

const OWN = 'a'.repeat(64);
const FAR = 'b'.repeat(64);

let here: FakeEngine;
let there: FakeEngine;
let context: ApiContext;
let cluster: TestCluster;
/** Slot 1 of service `web` runs here, slot 2 on host `far`. */
beforeEach(async () => {
  [here, there] = [new FakeEngine('here'), new FakeEngine('there')];
  cluster = await new TestCluster().found();
  const far = sampleNode('far', { ID: 'far' });
  const service = {
    ID: 'web',
    ...{ Version: { Index: 0 }, CreatedAt: '', UpdatedAt: '' },
    ...{ Spec: { Name: 'web', Labels: {} }, Endpoint: { Spec: {} }, internal: { specVersion: 0 } },
  };
  const task = (Slot: number, NodeID: string, ContainerID: string) => {
    const object = sampleTask('web', { Slot, NodeID });
    object.Status = {
      ...object.Status,
      State: 'running',
      ContainerStatus: { ContainerID, PID: 1, ExitCode: 0 },
    };
    return { op: 'put', kind: 'task', object } as const;
  };
  await cluster.put(
    { op: 'put', kind: 'node', object: far },
    { op: 'put', kind: 'service', object: service },
    task(1, cluster.membership.manager()!.nodeId, OWN),
    task(2, 'far', FAR),
  );
  cluster.engines.set('far', () => there.client);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  context = { engine: here.client, membership: cluster.membership, log };
});

async function commit(query: string, body = ''): Promise<Reply> {
  const router = new Router();
  commitRoutes(router, context);
  const request: Partial<ApiRequest> = {
    query: new URLSearchParams(query),
    signal: new AbortController().signal,
    bytes: async () => Buffer.from(body),
  };
  return router.match('POST', '/commit')!.handler(request as ApiRequest);
}

test('a new container’s mentions of tasks here get the names that the engine knows', async () => {
  const body = {
    Image: 'x',
    HostConfig: {
      ...{ NetworkMode: 'container:web.1', PidMode: 'container:mine', IpcMode: 'host' },
      ...{ VolumesFrom: ['web.1:ro', 'mine'], Links: ['web.1:alias'] },
    },
  };
  assert.deepEqual(await containerWithNamesHere(context, body), {
    Image: 'x',
    HostConfig: {
      ...{ NetworkMode: `container:${OWN}`, PidMode: 'container:mine', IpcMode: 'host' },
      ...{ VolumesFrom: [`${OWN}:ro`, 'mine'], Links: [`${OWN}:alias`] },
    },
  });
  const plain = { Image: 'x', hostconfig: { networkmode: 'bridge' } };
  assert.equal(await containerWithNamesHere(context, plain), plain);
});

test('mentions of tasks elsewhere are refused, and it is said where they are', async () => {
  for (const [HostConfig, message] of [
    [
      { NetworkMode: 'container:web.2' },
      /^the network of a container .* own host: web\.2 is a task on node far$/,
    ],
    [{ PidMode: `container:${FAR}` }, /^the processes of .*: b+ is a task on node far$/],
    [{ IpcMode: 'container:web.2' }, /^the IPC of /],
    [{ VolumesFrom: ['web.2:ro'] }, /^the volumes of .*: web\.2 is/],
    [{ Links: ['web.2:w'] }, /^a container can only be linked to/],
  ] as const)
    await assert.rejects(containerWithNamesHere(context, { HostConfig }), { status: 409, message });
  await assert.rejects(connectionWithNameHere(context, { Container: 'web.2' }), {
    status: 409,
    message: /on node far$/,
  });
  assert.deepEqual(await connectionWithNameHere(context, { container: 'web.1' }), { container: OWN });
});

test('a container of this host that is called like a slot comes first', async () => {
  here.containers.add('web.2');
  const body = { HostConfig: { NetworkMode: 'container:web.2' } };
  assert.equal(await containerWithNamesHere(context, body), body);
  assert.deepEqual(await commit('container=web.2'), { pass: true });
});

test('an image of a task elsewhere is had where it was asked for, with its name, and nothing stays there', async () => {
  here.images.set('sha256:other', { layer: 'other', tags: [] });
  const reply = await commit('container=web.2&repo=snap&tag=1&author=me&pause=0', '{"Env":["A=1"]}');
  assert.deepEqual(reply, { status: 201, body: { Id: 'sha256:here1' } });
  assert.deepEqual(here.images.get('sha256:here1'), { layer: 'layer 1', tags: ['snap:1'] });
  const [{ query, body }] = there.commits as [{ query: object; body: Buffer }];
  assert.deepEqual(query, { container: FAR, author: 'me', pause: '0' });
  assert.equal(body.toString(), '{"Env":["A=1"]}');
  assert.equal(there.images.size, 0);
});

test('a name that the engine does not take leaves no image anywhere', async () => {
  await assert.rejects(commit('container=web.2&repo=Snap'), { status: 400, message: /must be lowercase/ });
  assert.equal(here.images.size + there.images.size, 0);
});

test('commit: tasks of this host by their names here, all else as it came, a host that is away named', async () => {
  const forwarded = (await commit('container=web.1&repo=x')) as { forward: { query: URLSearchParams } };
  assert.equal(String(forwarded.forward.query), `container=${OWN}&repo=x`);
  assert.deepEqual(await commit('container=mine&repo=x'), { pass: true });
  assert.deepEqual(await commit('repo=x'), { pass: true });
  cluster.engines.set('far', () => {
    throw new EngineUnavailableError('the engine of node far', new ApiError(503, 'no session'));
  });
  await assert.rejects(commit('container=web.2'), {
    message:
      /^Cannot connect to the Docker daemon of node far, which has web\.2: no session\. Is the node up\?$/,
  });
});
