/** The answers that are the engine's and the cluster's together, from a real engine. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { Readable } from 'node:stream';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { startApi, type TestApi, testManager } from '../../../test/support/api.ts';
import { startEngine, type TestEngine } from '../../../test/support/engine.ts';
import { type EngineClient, readAll, unixEngine } from '../../engine/client.ts';
import { jsonLines } from '../../engine/lines.ts';
import { timestamp } from '../../model/clock.ts';
import type { Service } from '../../model/objects.ts';
import type { Store } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import {
  sampleCluster,
  sampleNetwork,
  sampleNode,
  sampleSecret,
  sampleService,
} from '../../store/samples.ts';
import { LABEL } from './attach.ts';
import { timeOfLine, timeText } from './event-times.ts';

const run = promisify(execFile);

let engine: TestEngine;
let api: TestApi;
let client: EngineClient;
before(async () => {
  engine = await startEngine();
  api = await startApi(engine.client);
  client = unixEngine(api.socket);
});
after(async () => {
  client.close();
  await api[Symbol.asyncDispose]();
  await engine.remove();
});
beforeEach(() => api.membership.become({ state: 'inactive' }));

interface Line {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: string;
  time: number;
  timeNano: number;
}

const cluster = sampleCluster('c1', 'the key', 'the token');

async function becomeManager(): Promise<Store> {
  const store = openMemoryStore();
  await store.commit({ changes: [{ op: 'put', kind: 'node', object: sampleNode('n1', 'host1') }] });
  const managers = [{ NodeID: 'n1', Addr: '10.0.0.1:2377' }];
  api.membership.become(
    { state: 'active', nodeId: 'n1', nodeAddr: '10.0.0.1', managers },
    testManager(store, cluster),
  );
  return store;
}

async function put(store: Store, service: Service): Promise<Service> {
  const now = timestamp(Date.now());
  const known = store.view.get('service', service.ID);
  const object = { ...service, CreatedAt: known?.CreatedAt ?? now, UpdatedAt: now };
  await store.commit({ changes: [{ op: 'put', kind: 'service', object }] });
  return store.view.get('service', service.ID)!;
}

function open(query: Record<string, string | number | object>): Promise<Readable> {
  return client.stream('GET', '/events', { query });
}
async function take(stream: Readable, count: number): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of jsonLines<Line>(stream)) if (lines.push(line) === count) break;
  return lines;
}
const short = ({ Type, Action, Actor }: Line): string => `${Type} ${Action} ${Actor.Attributes.name}`;

test('ping tells the place in the swarm', async () => {
  const header = async () => {
    const { headers, body } = await client.request('GET', '/_ping');
    assert.equal((await readAll(body)).toString(), 'OK');
    return headers.swarm;
  };
  assert.equal(await header(), 'inactive');
  api.membership.become({ state: 'active' });
  assert.equal(await header(), 'active/worker');
  await becomeManager();
  assert.equal(await header(), 'active/manager');
  api.membership.become({ state: 'locked' });
  assert.equal(await header(), 'locked');
});

test('version is the engine’s, with Essaim as a component', async () => {
  const mine = await client.json<{ Components: Array<{ Name: string; Version: string }> }>('GET', '/version');
  const { Components, ...rest } = mine;
  const { Components: engines, ...engineRest } = await engine.client.json<typeof mine>('GET', '/version');
  assert.deepEqual(rest, engineRest);
  assert.deepEqual(
    Components.map(({ Name }) => Name),
    [...engines.map(({ Name }) => Name), 'Essaim'],
  );
});

test('info shows the swarm and nothing secret', async () => {
  const info = () => client.json<{ Swarm: Record<string, unknown>; Driver: string }>('GET', '/info');
  const outside = await info();
  assert.equal(outside.Driver, 'overlay2');
  assert.deepEqual(outside.Swarm, {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  });
  await becomeManager();
  const { Swarm } = await info();
  const { Cluster, ...rest } = Swarm;
  assert.deepEqual(rest, {
    NodeID: 'n1',
    NodeAddr: '10.0.0.1',
    LocalNodeState: 'active',
    ControlAvailable: true,
    Error: '',
    RemoteManagers: [{ NodeID: 'n1', Addr: '10.0.0.1:2377' }],
    Nodes: 1,
    Managers: 0,
  });
  assert.equal((Cluster as { ID: string }).ID, 'c1');
  assert.doesNotMatch(JSON.stringify(Cluster), /the key|the token|internal/);
});

test('info warns of a number of managers that survives no more than one fewer', async () => {
  const warnings = async () =>
    (await client.json<{ Warnings: string[] | null }>('GET', '/info')).Warnings?.join('\n') ?? '';
  const store = await becomeManager();
  const changes = ['m1', 'm2'].map((id) => ({
    ...({ op: 'put', kind: 'node' } as const),
    object: { ...sampleNode(id), ManagerStatus: { Reachability: 'reachable', Addr: `${id}:2377` } as const },
  }));
  assert.doesNotMatch(await warnings(), /manager/);
  await store.commit({ changes });
  assert.match(await warnings(), /^WARNING: Running Swarm in a two-manager configuration/m);
});

test('an engine that is in a swarm of its own is pointed out', async () => {
  await engine.client.json('POST', '/swarm/init', {
    body: { ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' },
  });
  const { Swarm, Warnings } = await client.json<{
    Swarm: { LocalNodeState: string; Error: string };
    Warnings: string[];
  }>('GET', '/info');
  assert.equal(Swarm.LocalNodeState, 'inactive');
  assert.match(Swarm.Error, /Docker Engine is itself in swarm mode \(active\)/);
  assert.match(Warnings.join(), /itself in swarm mode/);
  await engine.client.json('POST', '/swarm/leave', { query: { force: 1 } });
});

test('containers are tasks by their label', async () => {
  const create = async (Labels: object) =>
    (await client.json<{ Id: string }>('POST', '/containers/create', { body: { Image: 'busybox', Labels } }))
      .Id;
  const task = await create({ 'com.docker.swarm.task': '', 'com.docker.swarm.task.id': 't1', a: 'b' });
  const plain = await create({ a: 'b' });
  const other = await create({});
  const list = async (filters: object, more: object = {}) =>
    (
      await client.json<Array<{ Id: string }>>('GET', '/containers/json', {
        query: { all: 1, filters, ...more },
      })
    ).map(({ Id }) => Id);
  assert.deepEqual(await list({ 'is-task': { true: true } }), [task]);
  assert.deepEqual(await list({ 'is-task': ['false'] }), [other, plain]);
  assert.deepEqual(await list({ 'is-task': ['false'], label: ['a'] }), [plain]);
  assert.deepEqual(await list({ 'is-task': ['false'] }, { limit: 1 }), [other]);
  assert.deepEqual(await list({ 'is-task': ['false'], id: [task] }), []);
  assert.deepEqual(await list({ label: ['a=b'] }), [plain, task]);
  await assert.rejects(list({ 'is-task': ['maybe'] }), {
    status: 400,
    message: "invalid filter 'is-task=[maybe]'",
  });
  for (const id of [task, plain, other]) await client.json('DELETE', `/containers/${id}`);
});

test('containers on what stands for an overlay are on the overlay', async () => {
  await becomeManager();
  const labels = { Labels: { 'essaim.network': 'o1id' } };
  const own = await engine.client.json<{ Id: string }>('POST', '/networks/create', {
    body: { Name: 'o1', ...labels },
  });
  const Ulimits = [{ Name: 'memlock', Soft: 1, Hard: 2 }];
  const created = await client.json<{ Id: string }>('POST', '/containers/create', {
    body: {
      Image: 'busybox',
      HostConfig: { NetworkMode: own.Id, Ulimits },
      NetworkingConfig: {
        EndpointsConfig: { o1: { NetworkID: own.Id, DriverOpts: { 'essaim.aliases': 'db' } } },
      },
    },
  });
  const path = `/containers/${created.Id}/json`;
  interface Shown {
    HostConfig: { NetworkMode: string; Ulimits: object[] };
    NetworkSettings: { Networks: Record<string, { NetworkID: string; Aliases: string[]; DriverOpts: null }> };
  }
  assert.equal((await engine.client.json<Shown>('GET', path)).HostConfig.NetworkMode, own.Id);
  const { HostConfig, NetworkSettings } = await client.json<Shown>('GET', path);
  assert.deepEqual([HostConfig.NetworkMode, HostConfig.Ulimits], ['o1', Ulimits]);
  assert.deepEqual(NetworkSettings.Networks.o1!.Aliases, ['db']);
  const on = async (network: string) =>
    client.json<Shown[]>('GET', '/containers/json', { query: { all: 1, filters: { network: [network] } } });
  // Of a container that never ran the engine knows the network's name alone.
  for (const name of ['o1', own.Id]) {
    const [listed] = await on(name);
    if (listed) assert.equal(listed.HostConfig.NetworkMode, 'o1');
  }
  await assert.rejects(client.json('GET', '/containers/nobody/json'), {
    ...{ status: 404, message: 'No such container: nobody' },
  });
  await client.json('DELETE', `/containers/${created.Id}`);
  await engine.client.json('DELETE', `/networks/${own.Id}`);
});

test('a host that has a part in an overlay shows its own endpoint on it', async () => {
  const store = await becomeManager();
  const body = { Name: 'app', Driver: 'overlay' };
  const { Id } = await client.json<{ Id: string }>('POST', '/networks/create', { body });
  const node = store.view.get('node', 'n1')!;
  const object = { ...node, internal: { networks: { [Id]: ['10.0.1.4/24'] } } };
  await store.commit({ changes: [{ op: 'put', kind: 'node', object }] });
  const shown = async () =>
    (await client.json<{ Containers: object | null }>('GET', `/networks/${Id}`)).Containers;
  assert.equal(await shown(), null);
  const here = await engine.client.json<{ Id: string }>('POST', '/networks/create', {
    body: { Name: 'app-here', Labels: { 'essaim.network': Id } },
  });
  assert.deepEqual(Object.keys((await shown()) ?? {}), ['lb-app']);
  await engine.client.json('DELETE', `/networks/${here.Id}`);
});

test('what stands for a network that is no more is not shown, nor removed by its name', async () => {
  const store = await becomeManager();
  const body = { Name: 'gone', Driver: 'overlay', Attachable: true };
  const overlay = await client.json<{ Id: string }>('POST', '/networks/create', { body });
  const here = await engine.client.json<{ Id: string }>('POST', '/networks/create', {
    body: { Name: 'gone', Labels: { [LABEL]: overlay.Id } },
  });
  const local = { query: { scope: 'local' } };
  const missing = { status: 404, message: 'network gone not found' };
  await assert.rejects(client.json('GET', '/networks/gone', local), missing);
  await store.commit({
    changes: [
      {
        op: 'delete',
        kind: 'network',
        id: overlay.Id,
        revision: store.view.get('network', overlay.Id)!.Version.Index,
      },
    ],
  });
  await assert.rejects(client.json('GET', '/networks/gone'), missing);
  await assert.rejects(client.json('DELETE', '/networks/gone'), missing);
  await engine.client.json('DELETE', `/networks/${here.Id}`);
});

test('networks are the engine’s and the cluster’s in one list', async () => {
  const create = (body: object) => client.json<{ Id: string }>('POST', '/networks/create', { body });
  const names = async (filters: object = {}) => {
    const all = await client.json<Array<{ Name: string }>>('GET', '/networks', { query: { filters } });
    // The last one is there where an engine on this machine has been in a swarm.
    return all
      .map(({ Name }) => Name)
      .filter((name) => name !== 'docker_gwbridge')
      .sort();
  };
  const { Id } = await create({ Name: 'plain', Labels: { a: 'b' } });
  assert.equal((await engine.client.json<{ Name: string }>('GET', `/networks/${Id}`)).Name, 'plain');
  await client.json('DELETE', '/networks/plain');
  await assert.rejects(create({ Name: 'x', Driver: 'overlay' }), {
    status: 403,
    message: /^This node is not a swarm manager\. Use/,
  });
  await assert.rejects(create({ Name: 'x', Scope: 'swarm' }), {
    status: 403,
    message: 'cannot create a swarm scoped network when swarm is not active',
  });
  api.membership.become({ state: 'active' });
  await assert.rejects(create({ Name: 'x', Driver: 'overlay' }), {
    status: 403,
    message: /^This node is not a swarm manager\. Use "docker swarm init"/,
  });
  const store = await becomeManager();
  for (const Name of ['none', 'default'])
    await assert.rejects(create({ Name, Driver: 'overlay' }), {
      status: 403,
      message: `operation is not permitted on predefined ${Name} network`,
    });
  await create({ Name: 'form', Driver: 'overlay', ConfigOnly: true });
  const form = await client.json<{ Driver: string; ConfigOnly: boolean }>('GET', '/networks/form');
  assert.deepEqual([form.Driver, form.ConfigOnly], ['null', true]);
  await client.json('DELETE', '/networks/form');
  const overlay = await create({ Name: 'x', Driver: 'overlay', Labels: { c: 'd' } });
  assert.match(overlay.Id, /^[a-z0-9]{25}$/);
  assert.deepEqual(await names(), ['bridge', 'host', 'none', 'x']);
  assert.deepEqual(await names({ scope: ['swarm'] }), ['x']);
  assert.deepEqual(await names({ name: ['x'], driver: ['overlay'], label: ['c=d'] }), ['x']);
  assert.deepEqual(await names({ type: ['builtin'] }), ['bridge', 'host', 'none']);
  await assert.rejects(names({ foo: ['x'] }), { status: 400, message: /nvalid filter 'foo'/ });
  const taken = { status: 409, message: 'network with name x already exists' };
  await assert.rejects(create({ Name: 'x', Driver: 'overlay' }), taken);
  await assert.rejects(create({ Name: 'x' }), taken);
  await assert.rejects(create({}), { message: /name/ });
  const config = [{ Subnet: '10.77.0.0/24', Gateway: '10.77.0.1' }];
  await create({ Name: 'y', Driver: 'overlay', IPAM: { Config: config } });
  const { IPAM } = await client.json<{ IPAM: { Config: object[] } }>('GET', '/networks/y');
  assert.deepEqual(IPAM.Config, config, 'as it was asked for, before it is allocated');
  await client.json('DELETE', '/networks/y');
  const found = await client.json<{ Scope: string; Driver: string }>(
    'GET',
    `/networks/${overlay.Id.slice(0, 6)}`,
  );
  assert.deepEqual([found.Scope, found.Driver], ['swarm', 'overlay']);
  await assert.rejects(client.json('GET', '/networks/x', { query: { scope: 'local' } }), { status: 404 });
  const another = await engine.client.json<{ Id: string }>('POST', '/networks/create', {
    body: { Name: 'x' },
  });
  await assert.rejects(client.json('GET', '/networks/x'), {
    ...{ status: 400, message: 'network x is ambiguous (2 matches found based on name)' },
  });
  for (const [id, query] of [
    [overlay.Id, {}],
    [another.Id, {}],
    ['x', { scope: 'swarm' }],
    ['x', { scope: 'local' }],
  ] as const)
    assert.equal((await client.json<{ Name: string }>('GET', `/networks/${id}`, { query })).Name, 'x');
  await engine.client.json('DELETE', `/networks/${another.Id}`);
  const local = await engine.client.json<{ Id: string }>('POST', '/networks/create', {
    body: { Name: 'z' },
  });
  const same = { Name: 'z', Driver: 'overlay' };
  const z = { status: 409, message: 'network with name z already exists' };
  const create41 = (body: object) => client.json('POST', '/networks/create', { body, apiVersion: '1.41' });
  await assert.rejects(create41({ ...same, CheckDuplicate: true }), z);
  await create41({ ...same, IPAM: { Options: { a: 'b' } } });
  const withOptions = await client.json<{ IPAM: object }>('GET', '/networks/z', {
    query: { scope: 'swarm' },
  });
  assert.deepEqual(withOptions.IPAM, { Driver: 'default', Options: { a: 'b' }, Config: null });
  await assert.rejects(client.json('DELETE', '/networks/z'), { status: 400, message: /is ambiguous/ });
  await engine.client.json('DELETE', `/networks/${local.Id}`);
  await client.json('DELETE', '/networks/z');
  await put(store, {
    ...sampleService('s1', 'web'),
    Spec: { Name: 'web', Networks: [{ Target: overlay.Id }] },
  });
  await assert.rejects(client.json('DELETE', '/networks/x'), {
    status: 400,
    message: `rpc error: code = FailedPrecondition desc = network ${overlay.Id} is in use by service s1`,
  });
  const prune = async () => {
    const { NetworksDeleted } = await client.json<{ NetworksDeleted: string[] | null }>(
      'POST',
      '/networks/prune',
    );
    return (NetworksDeleted ?? []).filter((name) => name !== 'docker_gwbridge').sort();
  };
  assert.deepEqual(await prune(), []);
  await store.commit({
    changes: [
      { op: 'delete', kind: 'service', id: 's1', revision: store.view.get('service', 's1')!.Version.Index },
    ],
  });
  await create({ Name: 'y', Driver: 'overlay' });
  await client.json('DELETE', '/networks/y');
  await create({ Name: 'local', Labels: { a: 'b' } });
  assert.deepEqual(await prune(), ['local', 'x']);
});

test('filters of a worker’s list are about networks of the cluster as that shows them', async () => {
  api.membership.become({ state: 'active' });
  const clusters = 'abcdefghijklmnopqrstuvwxy';
  const body = { Name: 'lan', Labels: { [LABEL]: clusters } };
  const { Id } = await engine.client.json<{ Id: string }>('POST', '/networks/create', { body });
  const listed = async (filters: object) => {
    const all = await client.json<Array<{ Name: string }>>('GET', '/networks', { query: { filters } });
    return all.map(({ Name }) => Name).filter((name) => name !== 'docker_gwbridge');
  };
  assert.deepEqual(await listed({ scope: ['swarm'] }), ['lan']);
  assert.deepEqual((await listed({ scope: ['local'] })).sort(), ['bridge', 'host', 'none']);
  assert.deepEqual(await listed({ id: [clusters.slice(0, 12)] }), ['lan']);
  assert.deepEqual(await listed({ id: [Id] }), []);
  assert.deepEqual((await listed({ driver: ['bridge'] })).sort(), ['bridge', 'lan']);
  assert.deepEqual(await listed({ driver: ['essaim'] }), []);
  assert.deepEqual(await listed({ driver: ['bridge'], name: ['lan'] }), ['lan']);
  await assert.rejects(listed({ foo: ['x'] }), { status: 400, message: /nvalid filter 'foo'/ });
  await engine.client.json('DELETE', `/networks/${Id}`);
});

test('events of the cluster and of the engine come in one stream', async () => {
  const store = await becomeManager();
  const stream = await open({});
  const reading = take(stream, 7);
  const service = await put(store, sampleService('s1', 'web'));
  await client.json('POST', '/volumes/create', { body: { Name: 'v1' } });
  await put(store, {
    ...service,
    Spec: {
      ...service.Spec,
      Mode: { Replicated: { Replicas: 7 } },
      TaskTemplate: { ContainerSpec: { Image: 'new' } },
    },
  });
  await store.commit({ changes: [{ op: 'put', kind: 'secret', object: sampleSecret('x1', 'ZGF0YQ==') }] });
  await store.commit({ changes: [{ op: 'put', kind: 'network', object: sampleNetwork('w1', 'net') }] });
  await client.json('DELETE', '/volumes/v1');
  const known = store.view.get('service', 's1')!;
  await store.commit({
    changes: [{ op: 'delete', kind: 'service', id: 's1', revision: known.Version.Index }],
  });
  const lines = await reading;
  assert.deepEqual(
    lines.filter(({ Type }) => Type !== 'volume').map(({ Type, Action }) => `${Type} ${Action}`),
    ['service create', 'service update', 'secret create', 'network create', 'service remove'],
  );
  assert.equal(lines.filter(({ Type }) => Type === 'volume').length, 2);
  const [create, update, , , remove] = lines.filter(({ Type }) => Type !== 'volume');
  assert.deepEqual(create!.Actor, { ID: 's1', Attributes: { name: 'web' } });
  assert.equal(update!.Actor.Attributes['replicas.new'], '7');
  assert.equal(update!.Actor.Attributes['image.new'], 'new');
  assert.deepEqual(remove!.Actor.Attributes, { name: 'web' });
  for (const line of lines) {
    assert.equal(line.scope, line.Type === 'volume' ? 'local' : 'swarm');
    assert.ok(Math.abs(line.time - Date.now() / 1000) < 60);
    assert.equal(Math.floor(line.timeNano / 1e9), line.time);
  }
});

test('changes of a node name what has changed', async () => {
  const store = await becomeManager();
  const stream = await open({ filters: { type: ['node'] } });
  const reading = take(stream, 1);
  const node = store.view.get('node', 'n1')!;
  const changed = {
    ...node,
    Spec: { ...node.Spec, Availability: 'drain' },
    Status: { ...node.Status, State: 'down' as const },
  };
  await store.commit({ changes: [{ op: 'put', kind: 'node', object: changed }] });
  assert.deepEqual((await reading)[0]!.Actor, {
    ID: 'n1',
    Attributes: {
      name: 'host1',
      'availability.old': 'active',
      'availability.new': 'drain',
      'state.old': 'ready',
      'state.new': 'down',
    },
  });
});

test('since and until bring what was, filters choose', async () => {
  const store = await becomeManager();
  const from = Date.now() / 1000;
  await put(store, sampleService('s1', 'web'));
  await put(store, sampleService('s2', 'db'));
  await client.json('POST', '/volumes/create', { body: { Name: 'v2' } });
  await client.json('DELETE', '/volumes/v2');
  const past = async (filters: object, since = from) => {
    const stream = await open({ since, until: Date.now() / 1000 + 0.3, filters });
    return (await take(stream, Infinity)).map(
      (line) => `${line.Type} ${line.Action} ${line.Actor.Attributes.name ?? ''}`,
    );
  };
  assert.deepEqual(await past({ scope: ['swarm'] }), ['service create web', 'service create db']);
  assert.deepEqual(await past({ type: ['service'], service: ['db'] }), ['service create db']);
  assert.deepEqual(await past({ service: ['we'] }), ['service create web']);
  const both = await past({ event: ['create'], type: ['service', 'volume'] });
  assert.deepEqual(both.slice(0, 3), ['service create web', 'service create db', 'volume create ']);
  assert.deepEqual(await past({ event: ['remove'], type: ['service'] }), []);
  assert.deepEqual(await past({ type: ['service'] }, Date.now() / 1000 + 0.1), []);
  assert.deepEqual(
    (await past({ scope: ['local'] })).filter((line) => line.startsWith('service')),
    [],
  );
  for (const docker of ['docker', '/usr/bin/docker']) {
    const { stdout } = await run(docker, [
      '-H',
      `unix://${api.socket}`,
      'events',
      '--since',
      '1m',
      '--until',
      '0s',
      '--filter',
      'type=service',
    ]);
    assert.match(stdout, /service create s1 \(name=web\)\n.*service create s2 \(name=db\)/s);
  }
});

test('what was comes in the order of its times, and goes on without a gap from any of them', async () => {
  const store = await becomeManager();
  const from = Date.now() / 1000;
  for (const name of ['one', 'two', 'three']) {
    // The cluster's times are whole milliseconds, the engine's are not.
    for (const now = Date.now(); Date.now() === now; ) await new Promise(setImmediate);
    await put(store, sampleService(name));
    await client.json('POST', '/volumes/create', { body: { Name: name } });
    await client.json('DELETE', `/volumes/${name}`);
  }
  const lines = async (query: Record<string, string | number>): Promise<string[]> => {
    const text = (await readAll(await open(query))).toString();
    return text.split('\n').filter(Boolean);
  };
  const seconds = (line: string): string => timeText(timeOfLine(line));
  // The engine's last one may be later than the whole millisecond that it is now.
  const all = await lines({ since: from, until: (Date.now() + 1) / 1000 });
  assert.deepEqual(
    all.map((line) => (JSON.parse(line) as Line).Type),
    ['one', 'two', 'three'].flatMap(() => ['service', 'volume', 'volume']),
  );
  for (const [index, line] of all.entries()) {
    assert.deepEqual(await lines({ since: seconds(line), until: seconds(all.at(-1)!) }), all.slice(index));
  }
  // The same for a stream that goes on.
  const rest = take(await open({ since: seconds(all[4]!) }), 7);
  await put(store, sampleService('four'));
  await client.json('POST', '/volumes/create', { body: { Name: 'four' } });
  await client.json('DELETE', '/volumes/four');
  assert.deepEqual(
    (await rest).map(({ Type }) => Type),
    [...['volume', 'volume', 'service', 'volume', 'volume'], ...['service', 'volume']],
  );
});

test('until alone brings all that is remembered', async () => {
  const store = await becomeManager();
  await put(store, sampleService('before'));
  const stream = await open({ until: Date.now() / 1000 + 0.001, filters: { service: ['before'] } });
  assert.deepEqual((await take(stream, Infinity)).map(short), ['service create before']);
});

test('a stream that was opened before the host became a manager tells the cluster’s events too', async () => {
  const stream = await open({ filters: { type: ['service'] } });
  const reading = take(stream, 1);
  const store = await becomeManager();
  await put(store, sampleService('s9', 'late'));
  assert.deepEqual((await reading).map(short), ['service create late']);
});

test('what is wrong with a query of events is the engine’s to say', async () => {
  await becomeManager();
  for (const query of [
    { since: 'yesterday' },
    { filters: 'x' },
    { filters: '[]' },
    { since: 20, until: 10 },
  ]) {
    const status = async (of: EngineClient): Promise<unknown> => {
      const response = await of.request('GET', '/events', { query });
      const answer = {
        status: response.status,
        text: response.status === 200 ? '' : (await readAll(response.body)).toString(),
      };
      response.body.destroy();
      return answer;
    };
    assert.deepEqual(await status(client), await status(engine.client), JSON.stringify(query));
  }
});

test('a reader of events that stops reading is cut off, memory stays', async () => {
  const store = await becomeManager();
  const stream = await open({ filters: { type: ['service'] } });
  stream.pause();
  const broken = new Promise((resolve) => stream.once('close', resolve));
  let service = await put(store, sampleService('s1', 'web'));
  // The name makes each event large; the kernel's and the client's own buffers fill first.
  for (let i = 0; i < 200; i++) {
    const Name = `web-${i}-${'x'.repeat(20_000)}`;
    service = await put(store, { ...service, Spec: { ...service.Spec, Name } });
    await new Promise(setImmediate);
  }
  stream.on('error', () => undefined);
  stream.resume();
  await broken;
});

test('what is no container cannot be connected to an overlay', async () => {
  const { membership } = api;
  const never = () => Promise.reject(new Error('no place is asked for'));
  membership.networks = { attach: never, refresh: never, ending: never };
  try {
    for (const [body, status, message] of [
      [{}, 400, 'invalid name or ID supplied: ""'],
      [{ Container: '' }, 400, 'invalid name or ID supplied: ""'],
      [{ Container: 5 }, 400, 'invalid name or ID supplied: ""'],
      [{ Container: 'nope' }, 404, 'No such container: nope'],
      [{ Container: '..' }, 404, 'page not found'],
    ] as const) {
      const error = { name: 'ApiError', status, message };
      await assert.rejects(client.json('POST', '/networks/app/connect', { body }), error);
    }
  } finally {
    membership.networks = undefined;
  }
});

test('a request about a network of the cluster reaches the engine with its body', async () => {
  api.membership.become({ state: 'active' });
  const body = { Name: 'stands', Driver: 'bridge', Labels: { [LABEL]: 'n123' } };
  const { Id } = await engine.client.json<{ Id: string }>('POST', '/networks/create', { body });
  const signal = AbortSignal.timeout(10_000);
  const leave = client.json('POST', '/networks/n123/disconnect', { body: { Container: 'nosuch' }, signal });
  await assert.rejects(leave, /No such container: nosuch/);
  await engine.client.request('DELETE', `/networks/${Id}`);
});
