import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { ApiError } from '../model/errors.ts';
import { LeaderLink } from './leader-link.ts';

/** A manager's cluster port that takes streams and leaves their answers to the test. */
async function manager(t: TestContext) {
  const streams: ServerHttp2Stream[] = [];
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    streams.push(stream);
    server.emit('taken');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, streams, address, taken: () => once(server, 'taken') };
}

/** A link to whoever leads. */
function linkTo(t: TestContext, first: string | undefined) {
  let leader = first;
  let tell = (): void => {};
  const link = new LeaderLink({
    address: () => leader,
    watch(listener) {
      tell = listener;
      return () => {};
    },
    async connect(address, signal): Promise<ClientHttp2Session> {
      const session = connect(`http://${address}`);
      session.on('error', () => {});
      await once(session, 'connect', { signal });
      return session;
    },
  });
  t.after(() => link.close());
  const lead = (address: string | undefined): void => {
    leader = address;
    tell();
  };
  return { link, lead };
}

const refusedWith =
  (pattern: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ApiError && error.status === 503 && pattern.test(error.message);

test('a manager that was cut off is not waited for once another one leads', async (t) => {
  const [lost, next] = [await manager(t), await manager(t)];
  const { link, lead } = linkTo(t, lost.address);
  const asked = link.connectApi();
  await lost.taken();
  lead(next.address);
  await assert.rejects(asked, refusedWith(/does not lead the swarm any more/));
  const again = link.connectApi();
  await next.taken();
  next.streams[0]!.respond({ ':status': 200 });
  (await again).destroy();
});

test('neither is one that has not taken up the connection yet', async (t) => {
  const next = await manager(t);
  let tell = (): void => {};
  let leader = 'lost';
  let aborted = false;
  const link = new LeaderLink({
    address: () => leader,
    watch(listener) {
      tell = listener;
      return () => {};
    },
    connect(_address, signal) {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => {});
    },
  });
  t.after(() => link.close());
  const asked = link.connectApi();
  leader = next.address;
  tell();
  await assert.rejects(asked, refusedWith(/does not lead the swarm any more/));
  assert.ok(aborted, 'the attempt is over');
});

test('one that hands the lead over answers what it was asked before, and is cut off after that', async (t) => {
  const [old, next] = [await manager(t), await manager(t)];
  const { link, lead } = linkTo(t, old.address);
  const [asked] = await Promise.all([
    link.connectApi(),
    old.taken().then(() => old.streams[0]!.respond({ ':status': 200 })),
  ]);
  lead(next.address);
  const heard = once(asked as Duplex, 'data');
  old.streams[0]!.write('done');
  assert.equal(String((await heard)[0]), 'done');
  await once(asked, 'close');
});

test('without a leader nobody is asked', async (t) => {
  const { link } = linkTo(t, undefined);
  const refused = refusedWith(/does not have a leader/);
  await assert.rejects(link.connectApi(), refused);
  await assert.rejects(link.dial('node', { key: 'key', to: 'engine' }), refused);
});
