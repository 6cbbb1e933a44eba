import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import { EngineClient, readAll, unixEngine } from './client.ts';

let engine: TestEngine;
let client: EngineClient;
before(async () => {
  engine = await startEngine();
  client = unixEngine(engine.socket);
});
after(() => engine.remove());

const containers = '/containers/create';

async function create(Cmd: string[], more: object = {}): Promise<string> {
  const { Id } = await client.json<{ Id: string }>('POST', containers, {
    body: { Image: 'busybox', Cmd, ...more },
  });
  return Id;
}

test('json, errors, status without throwing', async () => {
  assert.match(await client.apiVersion(), /^1\.\d+$/);
  const images = await client.json<Array<{ RepoTags: string[] }>>('GET', '/images/json', {
    query: { filters: { reference: ['busybox'] } },
  });
  assert.deepEqual(images[0]?.RepoTags, ['busybox:latest']);
  const missing = { name: 'ApiError', status: 404, message: 'No such container: nope' };
  await assert.rejects(client.json('GET', '/containers/nope/json'), missing);
  await assert.rejects(client.stream('GET', '/containers/nope/json'), missing);
  await assert.rejects(client.hijack('POST', '/containers/nope/attach'), missing);
  await assert.rejects(client.json('GET', '/containers/../json'), { ...missing, message: 'page not found' });
  const response = await client.request('GET', '/containers/nope/json');
  assert.equal(response.status, 404);
  response.body.resume();
});

test('a hijacked connection passes the end of input on and still brings the output after it', async () => {
  const id = await create(['sh', '-c', 'cat; sleep 0.2; echo end'], {
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
  });
  const { stream } = await client.hijack('POST', `/containers/${id}/attach`, {
    query: { stream: 1, stdin: 1, stdout: 1 },
  });
  await client.json('POST', `/containers/${id}/start`);
  stream.end('one\n');
  assert.match((await readAll(stream)).toString(), /one\n.*end\n$/s);
});

test('events come as they happen and end with the signal', async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of client.events({ filters: { type: ['volume'] }, since: 0 }, stop.signal)) {
      seen.push(`${event.Type} ${event.Action}`);
      if (event.Action === 'destroy') stop.abort();
    }
  })();
  await client.json('POST', '/volumes/create', { body: { Name: 'seen' } });
  await client.json('DELETE', '/volumes/seen');
  await reading;
  assert.deepEqual(seen, ['volume create', 'volume destroy']);
});

test('an abort ends a request, before and after its answer', async () => {
  const stop = new AbortController();
  const id = await create(['sleep', '100']);
  await client.json('POST', `/containers/${id}/start`);
  const waiting = client.json('POST', `/containers/${id}/wait`, { signal: stop.signal });
  const logs = await client.stream('GET', `/containers/${id}/logs`, {
    query: { follow: 1, stdout: 1 },
    signal: stop.signal,
  });
  logs.on('error', () => undefined);
  const closed = new Promise((resolve) => logs.once('close', resolve));
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await closed;
  await assert.rejects(client.ping(stop.signal), /enough/);
  await client.json('DELETE', `/containers/${id}`, { query: { force: 1 } });
});

test('idle connections are used again, and one that the engine has closed does no harm', async () => {
  let opened = 0;
  const counting = new EngineClient({
    name: 'counting',
    connect: async () => {
      opened++;
      const socket = connect({ path: engine.socket, allowHalfOpen: true });
      await once(socket, 'connect');
      return socket;
    },
  });
  for (let i = 0; i < 10; i++) await counting.ping();
  assert.ok(opened <= 2, `${opened} connections for ten requests one after the other`);
  await engine.kill();
  await assert.rejects(counting.ping(), {
    name: 'EngineUnavailableError',
    status: 503,
    message: 'Cannot connect to the Docker daemon at counting. Is the docker daemon running?',
  });
  await engine.start();
  await counting.ping();
  counting.close();
});

test('connections need not be sockets', async () => {
  const tunneled = new EngineClient({
    name: 'tunnel',
    connect: () => {
      const socket = connect({ path: engine.socket, allowHalfOpen: true });
      return Duplex.from({ readable: socket, writable: socket });
    },
  });
  for (let i = 0; i < 3; i++) {
    const images = await tunneled.json<unknown[]>('GET', '/images/json');
    assert.equal(images.length, 4);
    await delay(10);
  }
  tunneled.close();
});
