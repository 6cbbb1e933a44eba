import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import net from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterPort, describeHost, startClusterPort } from '../../test/support/cluster-port.ts';
import type { ManagerSession } from '../agent/contract.ts';
import { createManagerLink } from '../agent/link.ts';
import { call, connectAs } from '../agent/wire.ts';
import { EngineClient } from '../engine/client.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError } from '../model/errors.ts';
import { newId } from '../model/id.ts';
import type { Node } from '../model/objects.ts';
import { soleOffice } from './office.ts';
import { createClusterServer } from './server.ts';
import { Tunnels } from './tunnels.ts';

/** Reads to the end. */
async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('tunnels to an engine', () => {
  let port: ClusterPort;
  let session: ManagerSession;
  let link: ReturnType<typeof createManagerLink>;
  let identity: NodeIdentity;
  let nodeId: string;
  const asked: string[] = [];
  /** What the "engine" does with each connection. */
  let serve: (socket: net.Socket) => void;
  const engine = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });

  before(async () => {
    port = await startClusterPort({ timeout: 500 });
    engine.listen(0, '127.0.0.1');
    await once(engine, 'listening');
    identity = await port.join();
    nodeId = identity.certificate.nodeId;
    link = createManagerLink({
      identity,
      managers: () => [port.address],
      learned: () => {},
      isEarlier: () => false,
      connectEngine(door) {
        asked.push(door);
        const { port } = engine.address() as net.AddressInfo;
        return net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      },
      checkNetworks: () => Promise.reject(new Error('not here')),
      renew: () => assert.fail('no renewal was expected'),
      onError: (error) => port.errors.push(error),
    });
    session = await link.open({ description: describeHost('w') }, AbortSignal.timeout(30_000));
  });
  after(async () => {
    session.close();
    await port.close();
    engine.close();
    assert.deepEqual(port.errors, []);
  });
  test('a request with a body comes whole to an engine that has no connection yet', async () => {
    const heads: string[] = [];
    serve = (socket) =>
      socket.on('data', (data) => {
        heads.push(data.toString('latin1'));
        socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
      });
    const client = new EngineClient({ connect: () => port.tunnels.open(nodeId), name: 'w' });
    for (let i = 0; i < 20; i++) {
      const body = '{"Cmd":["true"]}';
      const headers = ['Host', 'd', 'Content-Length', String(body.length), 'Filler', 'f'.repeat(120)];
      const request = client.raw({ method: 'POST', path: `/v1.41/containers/${i}/exec`, headers });
      request.flushHeaders();
      Readable.from([Buffer.from(body)]).pipe(request);
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.resume();
      await once(answer, 'close');
    }
    client.close();
    assert.deepEqual(
      heads.map((head) => head.slice(0, 30)),
      heads.map((_, i) => `POST /v1.41/containers/${i}/exec HTTP/1.1`.slice(0, 30)),
    );
  });

  test('bytes go both ways, and each way ends by itself', async () => {
    const question = randomBytes(300_000);
    const answer = randomBytes(300_000);
    serve = async (socket) => {
      const got = await all(socket);
      socket.end(got.equals(question) ? answer : 'wrong');
    };
    const stream = await port.tunnels.open(nodeId);
    // The client ends its side first and then waits: the answer still comes.
    stream.end(question);
    assert.ok((await all(stream)).equals(answer));
  });

  test('the agent is told whether the engine is meant or the API of its host', async () => {
    serve = (socket) => socket.end('here');
    asked.length = 0;
    for (const door of [undefined, 'api', 'engine'] as const) {
      assert.equal(String(await all(await port.tunnels.open(nodeId, door))), 'here');
    }
    assert.deepEqual(asked, ['engine', 'api', 'engine']);
  });

  test('the engine may end its side first', async () => {
    const got = Promise.withResolvers<Buffer>();
    serve = (socket) => {
      socket.end('bye');
      all(socket).then(got.resolve, got.reject);
    };
    const stream = await port.tunnels.open(nodeId);
    assert.equal(String(await all(stream)), 'bye');
    stream.write('still ');
    stream.end('here');
    assert.equal(String(await got.promise), 'still here');
  });

  test('a reader who does not read holds back the writer, and nobody else', async () => {
    let written = 0;
    serve = (socket) => {
      const chunk = Buffer.alloc(256 * 1024, 1);
      const more = () => {
        while (written < 200 * 1024 * 1024 && socket.write(chunk)) written += chunk.length;
      };
      socket.on('drain', more);
      more();
    };
    const stuck = await port.tunnels.open(nodeId);
    await once(stuck, 'readable');
    let before = -1;
    while (before !== written) {
      before = written;
      await delay(200);
    }
    assert.ok(written < 30 * 1024 * 1024, `${written} bytes are held somewhere`);
    serve = (socket) => socket.end('quick');
    assert.equal(String(await all(await port.tunnels.open(nodeId))), 'quick');
    await session.report({ statuses: [] });
    stuck.destroy();
  });

  test('a break on either side reaches the other', async () => {
    const accepted = Promise.withResolvers<net.Socket>();
    serve = (socket) => accepted.resolve(socket);
    const stream = await port.tunnels.open(nodeId);
    stream.on('error', () => {});
    const socket = await accepted.promise;
    socket.resume();
    stream.destroy();
    await once(socket, 'end');
    socket.destroy();

    serve = (other) => other.resetAndDestroy();
    const second = await port.tunnels.open(nodeId);
    second.on('error', () => {});
    second.resume();
    await once(second, 'close');
  });

  test('two hundred at once', async () => {
    serve = (socket) => socket.pipe(socket);
    const streams = await Promise.all(Array.from({ length: 200 }, () => port.tunnels.open(nodeId)));
    const echoes = await Promise.all(
      streams.map((stream, index) => {
        stream.end(`number ${index}`);
        return all(stream);
      }),
    );
    assert.deepEqual(
      echoes.map(String),
      streams.map((_, index) => `number ${index}`),
    );
  });

  test('it lasts when the session is over, as when another manager leads', async () => {
    serve = (socket) => socket.pipe(socket);
    const stream = await port.tunnels.open(nodeId);
    port.server.endSessions('this manager does not lead the swarm any more');
    await assert.rejects(session.report({ statuses: [] }), /lost|session/);
    stream.write('still here');
    assert.equal(String((await once(stream, 'data'))[0]), 'still here');
    stream.destroy();
    session = await link.open({ description: describeHost('w') }, AbortSignal.timeout(30_000));
  });

  test('it lasts for longer than a connection that nothing goes over', { timeout: 60_000 }, async () => {
    serve = (socket) => socket.pipe(socket);
    const stream = await port.tunnels.open(nodeId);
    const unused = await connectAs(identity, port.address);
    await once(unused, 'close');
    stream.write('still here');
    assert.equal(String((await once(stream, 'data'))[0]), 'still here');
    stream.destroy();
  });

  test('a node that has no session just now is waited for', async () => {
    serve = (socket) => socket.end('here');
    session.close();
    const opening = port.tunnels.open(nodeId);
    session = await link.open({ description: describeHost('w') }, AbortSignal.timeout(30_000));
    assert.equal(String(await all(await opening)), 'here');
  });

  test('when the node is down, its tunnels end, and nobody waits for it', async () => {
    serve = (socket) => socket.pipe(socket);
    const stream = await port.tunnels.open(nodeId);
    stream.on('error', () => {});
    stream.write('there');
    await once(stream, 'data');
    const node = port.store.view.get('node', nodeId)!;
    const put = (object: Node) => port.store.commit({ changes: [{ op: 'put', kind: 'node', object }] });
    const ended = once(stream, 'close');
    await put({ ...node, Status: { ...node.Status, State: 'down' } });
    stream.resume();
    await ended;
    await put({ ...port.store.view.get('node', nodeId)!, Status: node.Status });
  });

  test('another manager is given one that the leader has told the node to open', async (t) => {
    serve = (socket) => socket.end('here');
    const leader = await connectAs(port.identity, port.address);
    // Or else a test that fails would never end.
    t.after(() => leader.destroy());
    const own = port.store.view.get('node', port.identity.certificate.nodeId)!;
    const tunnels = new Tunnels({
      async order(id, dial) {
        await call(leader, 'POST', `/dial/${id}/${dial.to}/${dial.key}`, {});
        return new AbortController().signal;
      },
      isDown: () => false,
    });
    await assert.rejects(tunnels.open(nodeId), /is not among the managers/);
    const server = await createClusterServer({
      ...{ identity: port.identity, store: port.store, office: soleOffice('another one'), tunnels, newId },
      duties: () => undefined,
      serveApi: (connection) => connection.destroy(),
      ...{ host: '127.0.0.1', port: 0 },
      onError: (error) => port.errors.push(error),
    });
    t.after(() => server.close());
    const ManagerStatus = { Reachability: 'reachable' as const, Addr: `127.0.0.1:${server.port}` };
    const change = { op: 'put', kind: 'node', object: { ...own, ManagerStatus } } as const;
    await port.store.commit({ changes: [change] });
    assert.equal(String(await all(await tunnels.open(nodeId))), 'here');
  });

  test('nobody else is given it', async (t) => {
    const keys: string[] = [];
    const tunnels = new Tunnels({
      async order(_id, { key }) {
        keys.push(key);
        return new AbortController().signal;
      },
      isDown: () => false,
    });
    const opening = tunnels.open(nodeId);
    const stream = {} as ServerHttp2Stream;
    const refused = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
    assert.throws(() => tunnels.joined('another node', keys[0]!, stream), refused);
    assert.throws(() => tunnels.joined(nodeId, keys[0]!.replace(/./g, '0'), stream), refused);
    tunnels.close();
    await assert.rejects(opening, /the manager is stopping/);
    const worker = await connectAs(identity, port.address);
    t.after(() => worker.destroy());
    await assert.rejects(call(worker, 'POST', `/tunnel/${keys[0]}`, {}), refused);
    const path = `/dial/${nodeId}/engine/${keys[0]}`;
    await assert.rejects(call(worker, 'POST', path, {}), /not good for this/);
  });

  test('it ends with the agent, whose session has ended before', async () => {
    serve = (socket) => socket.pipe(socket);
    const ending = new AbortController();
    session = await link.open({ description: describeHost('w') }, ending.signal);
    const stream = await port.tunnels.open(nodeId);
    stream.on('error', () => {});
    stream.write('there');
    await once(stream, 'data');
    port.server.endSessions('the manager does not lead any more');
    session = await link.open({ description: describeHost('w') }, AbortSignal.timeout(30_000));
    const ended = once(stream, 'close');
    ending.abort();
    stream.resume();
    await ended;
  });

  test('one that is removed is not waited for any more', async () => {
    const leaving = await port.join();
    const { nodeId: id } = leaving.certificate;
    const tunnels = new Tunnels({ order: async () => new AbortController().signal, isDown: () => false });
    const opening = tunnels.open(id);
    tunnels.lost('another node');
    tunnels.lost(id);
    await assert.rejects(opening, /is down, or gone/);
    // The server says so of a node that is not in the store any more.
    const asked = port.tunnels.open(id);
    const revision = port.store.view.get('node', id)!.Version.Index;
    await port.store.commit({ changes: [{ op: 'delete', kind: 'node', id, revision }] });
    await assert.rejects(asked, /is down, or gone/);
  });

  test('one that is down is not waited for', async () => {
    for (const isDown of [true, false]) {
      let asked = 0;
      const order = async (): Promise<never> => {
        if (++asked < 3) throw new ApiError(503, 'no session');
        throw new ApiError(404, 'enough');
      };
      await assert.rejects(new Tunnels({ order, isDown: () => isDown }).open(nodeId));
      assert.equal(asked, isDown ? 1 : 3);
    }
  });

  test('without a session: 503', async () => {
    const nobody = await port.join();
    await assert.rejects(
      port.tunnels.open(nobody.certificate.nodeId),
      (error) => error instanceof ApiError && error.status === 503,
    );
  });
});
