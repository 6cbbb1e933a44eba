import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await new TestCluster().found();
});

test('the swarm is shown with its tokens and without its keys', async () => {
  const { text, body } = await cluster.ask('GET', '/swarm');
  assert.doesNotMatch(text, /internal|hidden|secret key/);
  const { Spec, JoinTokens } = body as { Spec: object; JoinTokens: object };
  assert.deepEqual(JoinTokens, { Worker: 'SWMTKN-1-w', Manager: 'SWMTKN-1-m' });
  assert.deepEqual(Spec, {
    Name: 'default',
    Labels: {},
    Orchestration: { TaskHistoryRetentionLimit: 0 },
    Raft: { KeepOldSnapshots: 0, ElectionTick: 0, HeartbeatTick: 0 },
    Dispatcher: {},
    CAConfig: { NodeCertExpiry: 7776e12 },
    TaskDefaults: {},
    EncryptionConfig: { AutoLockManagers: false },
  });
});

test('init passes on what the API version has, and answers the bare id of the node', async () => {
  cluster.reach = 'inactive';
  const body = {
    ListenAddr: '0.0.0.0:2377',
    DataPathPort: 5000,
    SubnetSize: 26,
    Spec: { Labels: { a: 'b' } },
  };
  const { status, text } = await cluster.ask('POST', '/swarm/init', { body });
  assert.deepEqual([status, text], [200, '"newnode"']);
  assert.deepEqual(cluster.inits, [body]);
  await cluster.ask('POST', '/swarm/init', { body, apiVersion: '1.38' });
  const { DataPathPort, SubnetSize } = cluster.inits[1]!;
  assert.deepEqual([DataPathPort, SubnetSize], [undefined, undefined]);
});

test('init and join want addresses', async () => {
  cluster.reach = 'inactive';
  const refusals: Array<[string, object, string]> = [
    ['/swarm/init', {}, 'invalid ListenAddr "": invalid empty address'],
    ['/swarm/join', {}, 'invalid ListenAddr "": invalid empty address'],
    ['/swarm/join', { ListenAddr: '0.0.0.0' }, 'at least 1 RemoteAddr is required to join'],
    [
      '/swarm/join',
      { ListenAddr: '0.0.0.0', RemoteAddrs: [''] },
      'invalid remoteAddr "": invalid empty address',
    ],
  ];
  for (const [path, body, message] of refusals) {
    const answer = await cluster.ask('POST', path, { body });
    assert.deepEqual([answer.status, answer.body], [400, { message }]);
  }
  const body = { ListenAddr: '0.0.0.0', RemoteAddrs: ['10.0.0.1:2377'], JoinToken: 't' };
  assert.equal((await cluster.ask('POST', '/swarm/join', { body })).status, 200);
  assert.deepEqual(cluster.joins, [body]);
});

test('who is in a swarm cannot init or join', async () => {
  for (const path of ['/swarm/init', '/swarm/join']) {
    const { status, text } = await cluster.ask('POST', path, { body: {} });
    assert.equal(status, 503);
    assert.match(text, /^\{"message":"This node is already part of a swarm/);
  }
});

test('leave', async () => {
  await cluster.ask('POST', '/swarm/leave');
  await cluster.ask('POST', '/swarm/leave?force=1');
  assert.deepEqual(cluster.leaves, [false, true]);
});

test('update replaces the whole spec and may rotate tokens', async () => {
  const update = (query: string, body: object = {}) => cluster.ask('POST', `/swarm/update${query}`, { body });
  assert.equal((await update('?version=7&rotateWorkerToken=true', { Name: 'default' })).status, 200);
  assert.deepEqual(cluster.updates, [
    {
      version: 7,
      spec: { Name: 'default', Orchestration: { TaskHistoryRetentionLimit: 0 } },
      rotateWorkerToken: true,
      rotateManagerToken: false,
      rotateUnlockKey: false,
    },
  ]);
  const bad = await update('?version=7&rotateManagerToken=x');
  assert.deepEqual([bad.status, bad.body], [400, { message: 'invalid value for rotateManagerToken: x' }]);
  const version = await update('');
  const message = `invalid swarm version '': strconv.ParseUint: parsing "": invalid syntax`;
  assert.deepEqual([version.status, version.body], [400, { message }]);
});

test('the lock', async () => {
  assert.equal((await cluster.ask('GET', '/swarm/unlockkey')).text, '{"UnlockKey":""}');
  cluster.unlockKey = 'SWMKEY-1-x';
  assert.equal((await cluster.ask('GET', '/swarm/unlockkey')).text, '{"UnlockKey":"SWMKEY-1-x"}');
  await cluster.ask('POST', '/swarm/update?version=7&rotateManagerUnlockKey=true', { body: {} });
  assert.equal(cluster.updates[0]?.rotateUnlockKey, true);
  const unlock = () => cluster.ask('POST', '/swarm/unlock', { body: { UnlockKey: 'x' } });
  const { status, body } = await unlock();
  assert.deepEqual([status, body], [409, { message: 'swarm is not locked' }]);
  cluster.reach = 'locked';
  assert.equal((await unlock()).status, 200);
  assert.deepEqual(cluster.unlocks, ['x']);
});

test('only managers answer', async () => {
  const paths = cluster.router
    .list()
    .filter(({ path }) => !/init|join|leave|unlock$|distribution|networks/.test(path));
  assert.ok(paths.length > 25);
  const texts: Array<[TestCluster['reach'], RegExp]> = [
    [
      'worker',
      /^This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state/,
    ],
    ['inactive', /^This node is not a swarm manager. Use "docker swarm init" or "docker swarm join"/],
    ['locked', /^Swarm is encrypted and needs to be unlocked/],
  ];
  const body = {
    Role: 'worker',
    Availability: 'active',
    TaskTemplate: { ContainerSpec: { Image: 'a' } },
    Data: 'YQ==',
  };
  for (const [reach, text] of texts) {
    cluster.reach = reach;
    for (const { method, path } of paths) {
      const answer = await cluster.ask(method, `${path.replace('{id}', 'x')}?version=1&stdout=1`, { body });
      assert.equal(answer.status, 503, `${method} ${path}`);
      assert.match((answer.body as { message: string }).message, text);
    }
  }
});
