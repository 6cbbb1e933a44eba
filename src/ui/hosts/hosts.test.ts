/** What is on all hosts, at the port of the web interface: two simulated engines, and what is asked of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { eventually } from '../../../test/support/lab.ts';
import { SimulatedEngine } from '../../classic/testing/simulated-engine.ts';
import { registryAuth } from '../../control/registries.ts';
import { sampleNode } from '../../store/samples.ts';
import type { ContainerRow, HostOutcome, ImageRow, VolumeRow } from '../protocol.ts';
import { TestPort } from '../testing/port.ts';

describe('what is on all hosts', () => {
  const engines = { n2: new SimulatedEngine('node2'), n3: new SimulatedEngine('node3') };
  let port: TestPort;

  before(async () => {
    const clients = Object.entries(engines).map(([id, { client }]) => [id, client] as const);
    port = await TestPort.start(undefined, Object.fromEntries(clients));
    await run(engines.n2, 'web', { Env: ['PASSWORD=hush'] });
    await run(engines.n3, 'db');
    engines.n3.images.push('postgres:16');
    engines.n3.volumes.push('data');
    await port.cluster.put(
      { op: 'put', kind: 'node', object: { ...sampleNode('n2', 'node2') } },
      { op: 'put', kind: 'node', object: { ...sampleNode('n3', 'node3') } },
    );
    await eventually(
      'both hosts are known',
      20_000,
      async () => (await rows<ContainerRow>('containers')).length === 2,
    );
  });
  after(() => port?.[Symbol.asyncDispose]());

  async function run({ client }: SimulatedEngine, name: string, config: object = {}): Promise<void> {
    const body = { Image: 'busybox', ...config };
    const { Id } = await client.json<{ Id: string }>('POST', '/containers/create', { query: { name }, body });
    await client.json('POST', `/containers/${Id}/start`);
  }
  async function rows<R>(list: string, as = 'viewer'): Promise<R[]> {
    const { status, text } = await port.ask('GET', `/essaim/${list}`, { as });
    assert.equal(status, 200, text);
    return JSON.parse(text);
  }
  const idOf = (engine: SimulatedEngine, name: string): string =>
    [...engine.containers.values()].find((each) => each.name === name)!.id;
  const outcomesOf = (text: string): HostOutcome[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('lists tell of each thing on which host it is', async () => {
    const containers = await rows<ContainerRow>('containers');
    assert.deepEqual(containers.map(({ name, nodeName, state }) => [name, nodeName, state]).sort(), [
      ['db', 'node3', 'running'],
      ['web', 'node2', 'running'],
    ]);
    const images = await rows<ImageRow>('images');
    assert.deepEqual(
      images.map(({ tags, hosts }) => [tags[0], hosts.map(({ name }) => name).sort()]),
      [
        ['busybox:latest', ['node2', 'node3']],
        ['postgres:16', ['node3']],
      ],
    );
    const volumes = await rows<VolumeRow>('volumes');
    assert.deepEqual(
      volumes.map(({ name, nodeName }) => [name, nodeName]),
      [['data', 'node3']],
    );
  });

  test('a container of another host is looked at, without its secrets by who may only look, and started', async () => {
    const path = `/essaim/nodes/node2/containers/${idOf(engines.n2, 'web')}`;
    assert.match((await port.ask('GET', `${path}/json`, { as: 'viewer' })).text, /PASSWORD=\(hidden\)/);
    assert.match((await port.ask('GET', `${path}/json`, { as: 'operator' })).text, /PASSWORD=hush/);
    const started = await port.ask('POST', `${path}/start`, { as: 'operator', body: {} });
    assert.equal(started.status, 204, started.text);
    for (const as of ['viewer', 'deployer'])
      assert.equal((await port.ask('POST', `${path}/start`, { as, body: {} })).status, 403);
    const none = await port.ask('POST', `/essaim/nodes/node9/containers/x/start`, {
      as: 'operator',
      body: {},
    });
    assert.deepEqual([none.status, JSON.parse(none.text).message], [404, 'there is no node node9']);
    const gone = await port.ask('POST', `/essaim/nodes/n3/containers/nothing/start`, {
      as: 'operator',
      body: {},
    });
    assert.deepEqual([gone.status, JSON.parse(gone.text).message], [404, 'No such container: nothing']);
  });

  test('what is done everywhere says what has come of it on each host', async () => {
    engines.n2.answers['/images/create'] = { status: 'Status: Downloaded newer image for busybox:1' };
    engines.n3.answers['/images/create'] = { error: 'manifest unknown' };
    const pull = (body: object) => port.ask('POST', '/essaim/images/pull', { as: 'operator', body });
    assert.deepEqual(
      outcomesOf((await pull({ image: 'busybox:1' })).text)
        .map(({ name, ok, message }) => [name, ok, message])
        .sort(),
      [
        ['node2', true, 'Downloaded newer image for busybox:1'],
        ['node3', false, 'manifest unknown'],
      ],
    );
    assert.equal(outcomesOf((await pull({ image: 'busybox:1', nodes: ['node2'] })).text).length, 1);
    assert.equal((await pull({})).status, 400);
    assert.equal((await pull({ image: 'x', nodes: ['node9'] })).status, 404);
    assert.equal((await port.ask('DELETE', '/essaim/images/nothing:1', { as: 'operator' })).status, 404);
  });

  test('a volume is made on the hosts that are named, with its options', async () => {
    const make = (body: object, as = 'operator') => port.ask('POST', '/essaim/volumes/create', { as, body });
    for (const as of ['viewer', 'deployer']) assert.equal((await make({ name: 'x' }, as)).status, 403);
    assert.equal((await make({})).status, 400);
    const made = await make({ name: 'logs', options: { type: 'nfs' }, nodes: ['node2'] });
    assert.deepEqual(
      outcomesOf(made.text).map(({ name, ok, message }) => [name, ok, message]),
      [['node2', true, 'made']],
    );
    assert.deepEqual([engines.n2.volumes, engines.n3.volumes], [['logs'], ['data']]);
  });

  test('a file goes into a volume as it comes, larger than what is kept of a body; only for operators', async () => {
    const path = '/essaim/nodes/node3/volumes/data/file?path=a%2Fb%20c';
    const headers = { 'content-type': 'application/octet-stream' };
    for (const as of ['viewer', 'deployer'])
      assert.equal((await port.ask('PUT', path, { as, body: Buffer.from('x'), headers })).status, 403);
    const body = Buffer.alloc(9 << 20, 'x');
    const { status, text } = await port.ask('PUT', path, { as: 'operator', body, headers });
    assert.equal(status, 204, text);
    const kept = engines.n3.put['/essaim/host/volumes/data/file?path=a%2Fb+c'];
    assert.equal(kept?.length, body.length);
    const session = await port.signedIn('operator');
    const write = (site: string) =>
      port.ask('PUT', path, {
        session,
        body: Buffer.from('y'),
        headers: { ...headers, 'sec-fetch-site': site },
      });
    assert.equal((await write('cross-site')).status, 403);
    assert.equal((await write('same-origin')).status, 204);
    assert.equal(
      (await port.ask('PUT', path.replace('node3', 'node9'), { as: 'operator', body, headers })).status,
      404,
    );
  });

  test('credentials of a registry go in, and never come out; each host tries them and pulls with them', async () => {
    const keep = (body: object, as = 'operator') => port.ask('POST', '/essaim/registries', { as, body });
    const login = { host: 'Registry.example.com:5000', user: 'ci', password: 'hush' };
    assert.equal((await keep(login, 'viewer')).status, 403);
    assert.equal((await keep({ ...login, host: 'https://x/' })).status, 400);
    assert.equal((await keep({ ...login, password: '' })).status, 400);
    assert.equal((await keep(login)).status, 204);
    const listed = await port.ask('GET', '/essaim/registries', { as: 'operator' });
    assert.match(listed.text, /"host":"registry.example.com:5000","user":"ci"/);
    assert.ok(!listed.text.includes('hush') && !listed.text.includes('auth'));
    assert.equal((await port.ask('GET', '/essaim/registries', { as: 'viewer' })).status, 403);
    engines.n2.answers['/auth'] = { Status: 'Login Succeeded' };
    const tried = await port.ask('POST', '/essaim/registries/try', {
      as: 'operator',
      body: { host: 'registry.example.com:5000' },
    });
    assert.deepEqual(
      outcomesOf(tried.text)
        .map(({ name, ok, message }) => [name, ok, message])
        .sort(),
      [
        ['node2', true, 'Login Succeeded'],
        ['node3', false, 'page not found'],
      ],
    );
    assert.match(
      Buffer.from(
        registryAuth(port.cluster.store.view, 'registry.example.com:5000/x:1')!,
        'base64url',
      ).toString(),
      /"password":"hush"/,
    );
    assert.equal(registryAuth(port.cluster.store.view, 'x:1'), undefined);
    const forgotten = await port.ask('DELETE', '/essaim/registries/registry.example.com:5000', {
      as: 'operator',
    });
    assert.equal(forgotten.status, 204);
    assert.equal(registryAuth(port.cluster.store.view, 'registry.example.com:5000/x:1'), undefined);
  });

  test('the log of a container of any host is a channel', async () => {
    const socket = await port.live({ authorization: `Bearer ${port.tokens.viewer}` });
    assert.ok(socket instanceof WebSocket);
    const ask = async (container: string): Promise<{ over?: true; error?: string }> => {
      const channel = `logs?node=node2&container=${container}`;
      socket.send(JSON.stringify({ op: 'open', channel }));
      const [data] = await once(socket, 'message');
      return JSON.parse(String(data));
    };
    assert.equal((await ask(idOf(engines.n2, 'web'))).over, true);
    assert.equal((await ask('nothing')).error, 'No such container: nothing');
    socket.terminate();
  });

  test('the live list tells what changes, and what has become of a host that is lost', async () => {
    const socket = await port.live({ authorization: `Bearer ${port.tokens.viewer}` });
    assert.ok(socket instanceof WebSocket);
    type Told = { whole?: true; rows: ContainerRow[]; gone?: string[] };
    const told: Told[] = [];
    socket.on('message', (data) => told.push(JSON.parse(String(data))));
    socket.send(JSON.stringify({ op: 'open', channel: 'containers' }));
    await eventually('the whole list', 20_000, async () => told.length === 1);
    assert.deepEqual([told[0]!.whole, told[0]!.rows.length], [true, 2]);
    await run(engines.n3, 'more');
    await eventually('the new one', 20_000, async () =>
      told.some(
        ({ whole, rows }) => !whole && rows.some(({ name, state }) => name === 'more' && state === 'running'),
      ),
    );
    await engines.n3.client.json('DELETE', `/containers/${idOf(engines.n3, 'more')}`);
    await eventually('it is gone', 20_000, async () => told.some(({ gone }) => gone?.length === 1));
    engines.n3.cut();
    await eventually('its host is lost', 60_000, async () =>
      told.some(({ rows }) => rows.some(({ name, state }) => name === 'db' && state === 'unknown')),
    );
    const refused = await port.ask('GET', `/essaim/nodes/node3/containers/x/json`, { as: 'viewer' });
    assert.equal(refused.status, 503);
    engines.n3.back();
    const closed = once(socket, 'close');
    socket.terminate();
    await closed;
  });
});
