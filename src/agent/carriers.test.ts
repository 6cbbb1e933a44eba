import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Session } from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Carriers } from './carriers.ts';
import { responseTo } from './wire.ts';

/** A manager that takes every stream, behind a network of which connections can be cut. */
async function manager(t: TestContext) {
  const server = createServer();
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    stream.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ways: net.Socket[] = [];
  const network = net.createServer((near) => {
    const far = net.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      from.on('error', () => {});
      from.on('data', (data) => to.write(data));
      from.on('close', () => to.destroy());
      ways.push(from);
    }
  });
  network.listen(0, '127.0.0.1');
  await once(network, 'listening');
  t.after(() => {
    for (const way of ways) way.destroy();
    network.close();
    server.close();
  });
  return {
    sessions,
    address: `127.0.0.1:${(network.address() as AddressInfo).port}`,
    cut: () => ways.forEach((way) => void way.pause()),
    mend: () => ways.forEach((way) => void way.resume()),
  };
}

async function connectTo(address: string): Promise<ClientHttp2Session> {
  const session = connect(`http://${address}`);
  session.on('error', () => {});
  await once(session, 'connect');
  return session;
}

test('a manager has one connection, whatever it carries', async (t) => {
  const { address, sessions } = await manager(t);
  const carriers = new Carriers(connectTo);
  t.after(() => carriers.close());
  // More than HTTP/2 lets a connection be asked at a time whether it answers.
  const many = Array.from({ length: 50 }, (_, i) => `/tunnel/${i}`);
  for (let i = 0; i < 2; i++)
    await Promise.all(many.map(async (path) => responseTo(await carriers.open(address, path))));
  assert.equal(sessions.length, 1);
});

test('a connection that does not answer takes nothing new, and keeps what it carries', async (t) => {
  const { address, sessions, cut, mend } = await manager(t);
  const carriers = new Carriers(connectTo, { patience: 50 });
  const old = await carriers.open(address, '/tunnel/1');
  await responseTo(old);
  cut();
  const next = await carriers.open(address, '/tunnel/2');
  await responseTo(next);
  assert.equal(sessions.length, 2);
  mend();
  old.end();
  old.resume();
  assert.equal(old.destroyed, false);
  carriers.close();
  await Promise.all([old, next].map((stream) => stream.closed || once(stream, 'close')));
});
