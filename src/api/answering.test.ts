import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { startApi } from '../../test/support/api.ts';
import { EngineClient } from '../engine/client.ts';
import type { RouteModule } from './router.ts';

const engine = new EngineClient({ name: 'none', connect: () => Promise.reject(new Error('no engine')) });

/** More than a socket takes at once. */
const LARGE = Buffer.alloc(4 * 1024 * 1024, 'x');

const routes: RouteModule = (router) => {
  router.get('/large', () => ({ status: 200, text: LARGE.toString() }));
  router.get('/parts', () => ({ status: 200, stream: endless() }));
  router.get('/follow', () => ({ status: 200, stream: endless(), lasting: true }));
};

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield LARGE;
}

async function ask(path: string, socket: string): Promise<Socket> {
  const client = connect(socket);
  client.write(`GET ${path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`);
  await once(client, 'readable');
  return client;
}

test('clients are being answered while something is on its way to them that will end', async () => {
  await using api = await startApi(engine, [routes]);
  const becomes = async (answering: boolean) => {
    while (api.server.answering !== answering) await setImmediate();
  };
  assert.equal(api.server.answering, false);
  const large = await ask('/large', api.socket);
  assert.equal(api.server.answering, true);
  large.resume();
  await becomes(false);

  const parts = await ask('/parts', api.socket);
  assert.equal(api.server.answering, true);
  parts.destroy();
  await becomes(false);

  const follow = await ask('/follow', api.socket);
  assert.equal(api.server.answering, false);
  follow.destroy();
});

test('what other managers wait for is answered before the server is settled', async () => {
  const { promise: decided, resolve: decide } = Promise.withResolvers<void>();
  const slow: RouteModule = (router) => {
    router.get('/slow', async () => {
      await decided;
      return { status: 204 };
    });
  };
  await using api = await startApi(engine, [slow, routes]);
  const pair = (): [Duplex, Duplex] => duplexPair();
  await api.server.settled(1);

  const [follower, here] = pair();
  api.server.serve(here);
  follower.write('GET /slow HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
  let isSettled = false;
  const settled = api.server.settled(60_000).then(() => {
    isSettled = true;
  });
  await api.server.settled(20);
  assert.equal(isSettled, false, 'not for longer than it is asked to');
  decide();
  const [answer] = (await once(follower, 'data')) as [Buffer];
  assert.match(String(answer), /^HTTP\/1\.1 204 /);
  follower.destroy();
  here.destroy();
  await settled;

  const [viewer, stream] = pair();
  api.server.serve(stream);
  viewer.write('GET /follow HTTP/1.1\r\nHost: d\r\n\r\n');
  await once(viewer, 'readable');
  await api.server.settled(60_000);
  viewer.destroy();
  stream.destroy();
});
