/** Links for a screen on the wall: what they show, and all that they do not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { sampleService, sampleTask } from '../store/samples.ts';
import { TestPort } from './testing/port.ts';

describe('a link for the wall', () => {
  let port: TestPort;
  let secret: string;
  before(async () => {
    port = await TestPort.start();
    const service = sampleService('s', 'web');
    await port.cluster.put(
      { op: 'put', kind: 'service', object: service },
      { op: 'put', kind: 'task', object: sampleTask('t', service, { NodeID: 'n' }) },
    );
    const made = await port.ask('POST', '/essaim/walls', { as: 'operator', body: { name: 'kitchen' } });
    assert.equal(made.status, 201, made.text);
    ({ secret } = JSON.parse(made.text));
  });
  after(() => port?.[Symbol.asyncDispose]());

  /** The socket, or the status with which it is refused. */
  function open(
    link: string,
    path = '/essaim/live',
    origin = `https://${port.host}`,
  ): Promise<WebSocket | number> {
    const options = { origin, rejectUnauthorized: false };
    const socket = new WebSocket(`wss://${port.host}${path}`, ['essaim-wall', link], options);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode!));
      socket.on('error', reject);
    });
  }
  async function asked(socket: WebSocket, channel: string): Promise<{ error?: string; rows?: object[] }> {
    socket.send(JSON.stringify({ op: 'open', channel }));
    const [data] = await once(socket, 'message');
    return JSON.parse(String(data));
  }

  test('shows tasks and hosts on the map, and no other list or log', async () => {
    const socket = await open(secret);
    assert.ok(socket instanceof WebSocket);
    assert.equal(socket.protocol, 'essaim-wall', 'the secret is not said again');
    const { rows } = await asked(socket, 'tiles');
    assert.deepEqual(
      rows!.map((row) => Object.keys(row).sort()),
      [['desired', 'id', 'name', 'node', 'service', 'serviceName', 'state', 'version']],
    );
    assert.equal((await asked(socket, 'places')).rows!.length, 1);
    for (const channel of [
      'tasks',
      'services',
      'nodes',
      'networks',
      'secrets',
      'audit',
      'containers',
      'events',
    ])
      assert.equal((await asked(socket, channel)).error, 'you may not see this', channel);
    assert.equal((await asked(socket, 'logs?service=s')).error, 'you may not see this');
    socket.terminate();
  });

  test('opens nothing else, and is no token', async () => {
    assert.equal(await open(secret, '/essaim/console?container=x'), 401);
    assert.equal(await open(secret, '/essaim/live', 'https://evil.example'), 403);
    assert.equal(await open('nonsense'), 401);
    for (const path of ['/services', '/essaim/session', '/essaim/walls', '/swarm'])
      assert.equal((await port.ask('GET', path, { as: secret })).status, 401, path);
    assert.equal((await port.ask('GET', '/services', { session: secret })).status, 401);
  });

  test('is made and withdrawn by operators alone; its screen goes dark at once', async () => {
    for (const as of ['viewer', 'deployer', 'administrator, reading']) {
      assert.equal((await port.ask('POST', '/essaim/walls', { as, body: { name: 'x' } })).status, 403);
      assert.equal((await port.ask('DELETE', '/essaim/walls/kitchen', { as })).status, 403);
    }
    const listed = await port.ask('GET', '/essaim/walls', { as: 'operator' });
    assert.ok(listed.text.includes('kitchen') && !listed.text.includes(secret));
    const again = await port.ask('POST', '/essaim/walls', { as: 'operator', body: { name: 'kitchen' } });
    assert.equal(again.status, 409);
    const socket = await open(secret);
    assert.ok(socket instanceof WebSocket);
    const closed = once(socket, 'close');
    assert.equal((await port.ask('DELETE', '/essaim/walls/kitchen', { as: 'operator' })).status, 204);
    await closed;
    assert.equal(await open(secret), 401);
  });
});
