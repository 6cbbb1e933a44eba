import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { TestRegistry } from '../testing/registry.ts';
import { durationOf } from './contract.ts';

interface Answer {
  status: number;
  index: string | null;
  text: string;
}

describe("the registry's HTTP", { timeout: 60_000 }, () => {
  let registry: TestRegistry;
  before(async () => {
    registry = await TestRegistry.start({ hosts: ['alpha', 'beta'] });
    await run('alpha', 'web', 8080, { SERVICE_TAGS: 'v1,blue', SERVICE_REGION: 'eu' });
    await run('beta', 'web2', 8081, { SERVICE_NAME: 'busybox', SERVICE_TAGS: 'v2' });
    await until('/v1/catalog/service/busybox', (all) => (all as unknown[]).length === 2);
  });
  after(() => registry?.[Symbol.asyncDispose]());

  const run = async (host: string, name: string, port: number, labels: object): Promise<string> => {
    const engine = registry.engines.get(host)!.client;
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: String(port) }] } };
    const body = { Image: 'busybox', Labels: labels, HostConfig };
    const { Id } = await engine.json<{ Id: string }>('POST', '/containers/create', { query: { name }, body });
    await engine.json('POST', `/containers/${Id}/start`);
    return Id;
  };
  const ask = async (path: string, method = 'GET', body?: string): Promise<Answer> => {
    const response = await fetch(`http://${registry.address}${path}`, { method, ...(body && { body }) });
    const { status, headers } = response;
    return { status, index: headers.get('x-consul-index'), text: await response.text() };
  };
  const json = async (path: string, method = 'GET', body?: string): Promise<unknown> => {
    const { status, text } = await ask(path, method, body);
    assert.equal(status, 200, `${path}: ${text}`);
    return JSON.parse(text);
  };
  const until = async (path: string, isSo: (body: unknown) => boolean): Promise<void> => {
    let index = '0';
    for (;;) {
      const answer = await ask(`${path}?index=${index}&wait=5s`);
      index = answer.index!;
      if (isSo(JSON.parse(answer.text))) return;
    }
  };

  test('a row of the catalog has all fields of Consul’s', async () => {
    const [row] = (await json('/v1/catalog/service/busybox?tag=v1')) as Array<Record<string, unknown>>;
    const { ID, CreateIndex, ModifyIndex, ...rest } = row!;
    assert.match(String(ID), /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    assert.ok(Number(CreateIndex) > 0 && Number(ModifyIndex) >= Number(CreateIndex));
    const at = { Address: '10.0.0.1', Port: 8080 };
    assert.deepEqual(rest, {
      ...{ Node: 'alpha', Address: '10.0.0.1', Datacenter: 'dc1', NodeMeta: {}, ServiceKind: '' },
      TaggedAddresses: { lan: '10.0.0.1', lan_ipv4: '10.0.0.1', wan: '10.0.0.1', wan_ipv4: '10.0.0.1' },
      ...{ ServiceID: 'alpha:web:80', ServiceName: 'busybox', ServiceTags: ['v1', 'blue'] },
      ...{ ServiceAddress: '10.0.0.1', ServicePort: 8080, ServiceSocketPath: '' },
      ServiceTaggedAddresses: { lan_ipv4: at, wan_ipv4: at },
      ...{ ServiceWeights: { Passing: 1, Warning: 1 }, ServiceMeta: { region: 'eu' } },
      ServiceEnableTagOverride: false,
      ...{ ServiceProxy: { Mode: '', MeshGateway: {}, Expose: {} }, ServiceConnect: {} },
    });
  });

  test('health has node, service and both checks', async () => {
    const [row] = (await json('/v1/health/service/busybox?tag=v2&passing')) as Array<{
      Node: { Node: string; Meta: object };
      Service: { ID: string; Service: string; Port: number; Meta: object };
      Checks: Array<{ CheckID: string; Status: string; ServiceID: string; Node: string }>;
    }>;
    assert.equal(row!.Node.Node, 'beta');
    assert.deepEqual(
      [row!.Service.ID, row!.Service.Service, row!.Service.Port],
      ['beta:web2:80', 'busybox', 8081],
    );
    assert.deepEqual(
      row!.Checks.map(({ CheckID, Status, ServiceID, Node }) => [CheckID, Status, ServiceID, Node]),
      [
        ['serfHealth', 'passing', '', 'beta'],
        ['service:beta:web2:80', 'passing', 'beta:web2:80', 'beta'],
      ],
    );
  });

  test('tag, near, services, nodes, node, states, agent', async () => {
    const nodes = async (query: string): Promise<string[]> =>
      ((await json(`/v1/catalog/service/busybox?${query}`)) as Array<{ Node: string }>).map(
        ({ Node }) => Node,
      );
    assert.deepEqual(await nodes('near=beta'), ['beta', 'alpha']);
    assert.deepEqual(await nodes('near=_agent'), ['alpha', 'beta']);
    assert.deepEqual(await nodes('tag=v1&tag=BLUE'), ['alpha']);
    assert.deepEqual(await nodes('tag=v1&tag=v2'), []);
    assert.deepEqual(await nodes('node-meta=a:b'), []);
    assert.deepEqual(await json('/v1/catalog/services'), { busybox: ['blue', 'v1', 'v2'] });
    assert.deepEqual(await json('/v1/catalog/datacenters'), ['dc1']);
    const all = (await json('/v1/catalog/nodes')) as Array<{ Node: string; Address: string }>;
    assert.deepEqual(
      all.map(({ Node, Address }) => `${Node} ${Address}`),
      ['alpha 10.0.0.1', 'beta 10.0.0.2'],
    );
    const node = (await json('/v1/catalog/node/BETA')) as { Services: object };
    assert.deepEqual(Object.keys(node.Services), ['beta:web2:80']);
    assert.equal(await json('/v1/catalog/node/nosuch'), null);
    assert.equal(((await json('/v1/health/state/any')) as object[]).length, 4);
    assert.equal(((await json('/v1/health/state/critical')) as object[]).length, 0);
    assert.equal(((await json('/v1/health/node/alpha')) as object[]).length, 2);
    assert.deepEqual(Object.keys((await json('/v1/agent/services')) as object), ['alpha:web:80']);
    const { Config } = (await json('/v1/agent/self')) as { Config: object };
    assert.equal((Config as { NodeName: string }).NodeName, 'alpha');
    assert.equal(await json('/v1/status/leader'), '10.0.0.1:2377');
  });

  test('a lost host: critical, out of what passes, whoever waits is told', async () => {
    const { index } = await ask('/v1/health/service/busybox?passing=1');
    const waiting = ask(`/v1/health/service/busybox?passing=1&index=${index}&wait=60s`);
    const node = registry.store.view.get('node', 'beta')!;
    await registry.store.commit({
      changes: [{ op: 'put', kind: 'node', object: { ...node, Status: { ...node.Status, State: 'down' } } }],
    });
    assert.equal((JSON.parse((await waiting).text) as object[]).length, 1);
    assert.equal(((await json('/v1/catalog/service/busybox')) as object[]).length, 2);
    const state = (await json('/v1/health/state/critical')) as Array<{ CheckID: string; Output: string }>;
    assert.deepEqual(
      state.map(({ CheckID, Output }) => [CheckID, Output]),
      [['serfHealth', 'The host does not answer']],
    );
    const down = registry.store.view.get('node', 'beta')!;
    await registry.store.commit({
      changes: [{ op: 'put', kind: 'node', object: { ...down, Status: node.Status } }],
    });
  });

  test('keys: by prefix, names alone, raw, waiting', async () => {
    for (const key of ['app/a', 'app/b/c', 'app/b/d', 'apple'])
      assert.equal(await json(`/v1/kv/${key}`, 'PUT', `value of ${key}`), true);
    const [row] = (await json('/v1/kv/app/a')) as Array<Record<string, unknown>>;
    const { CreateIndex, ModifyIndex, ...rest } = row!;
    assert.equal(CreateIndex, ModifyIndex);
    const Value = Buffer.from('value of app/a').toString('base64');
    assert.deepEqual(rest, { LockIndex: 0, Key: 'app/a', Flags: 0, Value });
    assert.deepEqual(await json('/v1/kv/app/?keys'), ['app/a', 'app/b/c', 'app/b/d']);
    assert.deepEqual(await json('/v1/kv/app/?keys&separator=/'), ['app/a', 'app/b/']);
    assert.equal(((await json('/v1/kv/app?recurse')) as object[]).length, 4);
    assert.equal((await ask('/v1/kv/app/a?raw')).text, 'value of app/a');
    const { index, status } = await ask('/v1/kv/none?recurse');
    assert.equal(status, 404);
    const waiting = ask(`/v1/kv/none?recurse&index=${index}&wait=60s`);
    await json('/v1/kv/elsewhere', 'PUT', '');
    await json('/v1/kv/none/x', 'PUT', '1');
    assert.equal((JSON.parse((await waiting).text) as object[]).length, 1);
    assert.equal(await json('/v1/kv/app/?recurse', 'DELETE'), true);
    assert.deepEqual(await json('/v1/kv/?keys'), ['apple', 'elsewhere', 'none/x']);
  });

  test('sessions', async () => {
    const body = JSON.stringify({ Name: 'mine', TTL: '10s', Behavior: 'delete', LockDelay: '0s' });
    const { ID } = (await json('/v1/session/create', 'PUT', body)) as { ID: string };
    const [session] = (await json(`/v1/session/info/${ID}`)) as Array<Record<string, unknown>>;
    const { CreateIndex: _c, ModifyIndex: _m, ...rest } = session!;
    assert.deepEqual(rest, {
      ...{ ID, Name: 'mine', Node: 'alpha', LockDelay: 0, Behavior: 'delete', TTL: '10s' },
      ...{ NodeChecks: ['serfHealth'], ServiceChecks: null },
    });
    assert.equal(((await json(`/v1/session/renew/${ID}`, 'PUT')) as object[]).length, 1);
    assert.equal(await json(`/v1/kv/lock?acquire=${ID}`, 'PUT', 'x'), true);
    assert.equal(await json(`/v1/session/destroy/${ID}`, 'PUT'), true);
    assert.equal((await ask('/v1/kv/lock')).status, 404);
    // As python-consul writes it.
    const small = JSON.stringify({ name: 'small', checks: ['serfHealth'], ttl: '20s', lockdelay: '1s' });
    const other = (await json('/v1/session/create', 'PUT', small)) as { ID: string };
    const [said] = (await json(`/v1/session/info/${other.ID}`)) as Array<Record<string, unknown>>;
    assert.deepEqual([said!.Name, said!.TTL, said!.LockDelay], ['small', '20s', 1e9]);
    await json(`/v1/session/destroy/${other.ID}`, 'PUT');
    const { status, text } = await ask(`/v1/session/renew/${ID}`, 'PUT');
    assert.deepEqual([status, text], [404, `Session id '${ID}' not found`]);
    assert.deepEqual(await json('/v1/session/list'), []);
  });

  for (const [path, method, status, message] of [
    ['/v1/nosuch', 'GET', 404, /\/v1\/nosuch is not part of Essaim's registry/],
    ['/v1/catalog/register', 'PUT', 404, /containers register themselves/],
    ['/v1/agent/service/register', 'PUT', 404, /containers register themselves/],
    ['/v1/acl/tokens', 'GET', 404, /no ACLs/],
    ['/v1/connect/ca/roots', 'GET', 404, /no service mesh/],
    ['/v1/catalog/services', 'POST', 405, /method POST not allowed: use GET/],
    ['/v1/session/create', 'GET', 405, /use PUT/],
    ['/v1/catalog/services?index=x', 'GET', 400, /Invalid index: x/],
    ['/v1/catalog/services?index=-1', 'GET', 400, /Invalid index: -1/],
    ['/v1/catalog/services?index=1&wait=soon', 'GET', 400, /Invalid wait time: soon/],
    ['/v1/catalog/services?index=1&wait=10', 'GET', 400, /Invalid wait time: 10/],
    ['/v1/catalog/services?dc=elsewhere', 'GET', 500, /No path to datacenter "elsewhere"/],
    ['/v1/catalog/service/x?filter=a', 'GET', 400, /parameter filter is not supported/],
    ['/v1/catalog/nodes?node-meta=a', 'GET', 400, /node-meta takes KEY:VALUE, not a/],
    ['/v1/health/state/sad', 'GET', 400, /any, passing, warning, critical, not sad/],
    ['/v1/catalog/service/%E0%A4%A', 'GET', 400, /not well-formed/],
    ['/v1/kv/', 'GET', 400, /Missing key name/],
    ['/v1/kv/', 'PUT', 400, /Missing key name/],
    ['/v1/kv/', 'DELETE', 400, /Missing key name/],
    ['/v1/kv/a?cas=x', 'PUT', 400, /Invalid cas: x/],
    ['/v1/kv/a?cas=0', 'DELETE', 400, /cas must be above 0/],
    ['/v1/kv/a?recurse&cas=1', 'DELETE', 400, /recurse and cas/],
    ['/v1/kv/a?flags=many', 'PUT', 400, /Invalid flags: many/],
    ['/v1/kv/a?acquire=1&release=2', 'PUT', 400, /acquire and release/],
    ['/v1/kv/a?acquire=nobody', 'PUT', 500, /invalid session "nobody"/],
    ['/v1/session/renew/nobody', 'PUT', 404, /Session id 'nobody' not found/],
  ] as Array<[string, string, number, RegExp]>)
    test(`${method} ${path} is answered ${status}`, async () => {
      const before = await ask('/v1/kv/?keys');
      const answer = await ask(path, method);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.text, message);
      assert.equal((await ask('/v1/kv/?keys')).text, before.text);
    });

  for (const body of [
    '[]',
    '{',
    '{"TTL":"soon"}',
    '{"TTL":"1s"}',
    '{"Behavior":"stay"}',
    '{"Name":7}',
    '{"TTL":-1}',
    '{"TTL":1e400}',
    '{"ttl":"1s"}',
    '{"Checks":["service:web"]}',
    '{"NodeChecks":"serfHealth"}',
  ])
    test(`a session of ${body} is refused`, async () => {
      const { status, text } = await ask('/v1/session/create', 'PUT', body);
      assert.equal(status, 400, text);
      assert.notEqual(text, '');
    });

  test('a value that is too large, and what is no HTTP', async () => {
    const { status } = await ask('/v1/kv/large', 'PUT', 'x'.repeat(512 * 1024 + 1));
    assert.equal(status, 413);
    const socket = connect(Number(registry.address.split(':')[1]), '127.0.0.1');
    socket.write('what is this\r\n\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.match(String(data), /^HTTP\/1\.1 400 /);
    socket.destroy();
  });

  test('a client that goes away while it waits leaves nothing behind', async () => {
    const { index } = await ask('/v1/catalog/services');
    const over = new AbortController();
    const path = `http://${registry.address}/v1/catalog/services?index=${index}&wait=60s`;
    const waiting = fetch(path, { signal: over.signal }).catch(() => undefined);
    const { topics } = registry.follower.catalog;
    while (topics.waiting === 0) await new Promise(setImmediate);
    over.abort();
    await waiting;
    while (topics.waiting > 0) await new Promise(setImmediate);
  });

  test('whoever waits for what is served no more is to ask again', async () => {
    const other = await TestRegistry.start({ hosts: ['alone'] });
    const path = `http://${other.address}/v1/catalog/services`;
    const index = (await fetch(path)).headers.get('x-consul-index');
    const waiting = fetch(`${path}?index=${index}&wait=60s`).then(
      () => 'answered',
      () => 'cut off',
    );
    while (other.follower.catalog.topics.waiting === 0) await new Promise(setImmediate);
    await other[Symbol.asyncDispose]();
    assert.equal(await waiting, 'cut off');
  });

  test('times as Go writes them', () => {
    const said = ['10s', '5m', '1m30s', '1.5h', '100ms', '0', '10', '', 's', '-1s'].map(durationOf);
    const none = undefined;
    assert.deepEqual(said, [10_000, 300_000, 90_000, 5_400_000, 100, 0, none, none, none, none]);
  });
});
