import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createSecureServer } from 'node:http2';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { type ClusterPort, describeHost, startClusterPort } from '../../test/support/cluster-port.ts';
import { joinCluster } from '../agent/join.ts';
import { leaveCluster } from '../agent/leave.ts';
import { createManagerLink, type LinkOptions } from '../agent/link.ts';
import { call, connectAs, connectManager, request, responseTo, textOf } from '../agent/wire.ts';
import { createRequest, createRoot, issueCertificate } from '../identity/authority.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError } from '../model/errors.ts';
import type { LeaderAnswer } from '../model/protocol.ts';
import { OWN_PROTOCOL } from '../model/protocol-version.ts';
import { theCluster } from './ca/cluster.ts';

const noEngine = () => Promise.reject(new Error('no engine in this test'));

function linkOf(port: ClusterPort, identity: NodeIdentity, more: Partial<LinkOptions> = {}) {
  return createManagerLink({
    identity,
    managers: () => [port.address],
    learned: () => {},
    isEarlier: () => false,
    connectEngine: noEngine,
    checkNetworks: () => Promise.reject(new Error('not here')),
    renew: () => assert.fail('no renewal was expected'),
    onError: (error) => port.errors.push(error),
    ...more,
  });
}

const status =
  (wanted: number, message = /./) =>
  (error: unknown) =>
    error instanceof ApiError && error.status === wanted && message.test(error.message);

const MANAGER = { Reachability: 'reachable', Addr: '127.0.0.1:2377' } as const;
const ISSUE = { ':method': 'POST', ':path': '/ca/issue', ...OWN_PROTOCOL };

describe('cluster port', () => {
  let port: ClusterPort;
  let worker: NodeIdentity;
  const open: ClientHttp2Session[] = [];

  before(async () => {
    port = await startClusterPort({ timeout: 2000 });
    worker = await port.join();
  });
  after(async () => {
    for (const session of open) session.destroy();
    await port.close();
    assert.deepEqual(port.errors, []);
  });

  async function as(identity: NodeIdentity): Promise<ClientHttp2Session> {
    const session = await connectAs(identity, port.address);
    open.push(session);
    return session;
  }
  async function stranger(): Promise<ClientHttp2Session> {
    const session = await connectManager({ address: port.address, expect: { kind: 'anybody' } });
    open.push(session);
    return session;
  }

  test('a token makes a worker with a certificate of this cluster', () => {
    const { nodeId, role, clusterId } = worker.certificate;
    const node = port.store.view.get('node', nodeId);
    assert.equal(role, 'worker');
    assert.equal(clusterId, [...port.store.view.all('cluster')][0]?.ID);
    assert.equal(node?.Spec.Role, 'worker');
    assert.deepEqual(node?.Status, { State: 'unknown', Addr: '127.0.0.1' });
  });

  test('a session carries messages down and statuses up', async () => {
    const session = await linkOf(port, worker).open(
      { description: describeHost('w1') },
      AbortSignal.timeout(30_000),
    );
    const messages = session.messages[Symbol.asyncIterator]();
    const hello = await messages.next();
    assert.equal(hello.value.type, 'session');
    const { nodeId } = worker.certificate;
    const other = port.sessions.open.get(nodeId);
    assert.ok(other);
    await other.ping();
    const node = port.store.view.get('node', nodeId)!;
    assert.deepEqual(node.Description?.TLSInfo, worker.tlsInfo());
    assert.equal(other.send({ type: 'node', node }), true);
    assert.deepEqual((await messages.next()).value, { type: 'node', node });
    const report = {
      statuses: [
        {
          taskId: 't1',
          status: { Timestamp: '2026-01-01T00:00:00Z', State: 'running', Message: 'started', PortStatus: {} },
        },
      ],
    } as const;
    await session.report({ statuses: [...report.statuses] });
    assert.deepEqual(port.sessions.statuses.at(-1), report);
    await session.describe({ ...describeHost('w1-renamed') });
    assert.equal(port.store.view.get('node', nodeId)?.Description?.Hostname, 'w1-renamed');
    session.close();
    await once(other.signal, 'abort');
    assert.equal(other.send({ type: 'node', node }), false);
    await assert.rejects(other.ping());
  });

  test('who may have been put off takes no session, and does not say that it leads', async () => {
    const connection = await as(worker);
    const leader = async () => ((await call(connection, 'GET', '/leader')) as LeaderAnswer).leader?.NodeID;
    const { nodeId } = port.identity.certificate;
    const { store } = port;
    const node = { ...store.view.get('node', nodeId)!, ManagerStatus: MANAGER };
    await store.commit({ changes: [{ op: 'put', kind: 'node', object: node }] });
    assert.equal(await leader(), nodeId);
    port.isCurrent = false;
    try {
      assert.equal(await leader(), undefined);
      const session = { description: describeHost('w1') };
      await assert.rejects(call(connection, 'POST', '/session', session), /does not have a leader/);
      assert.equal(port.sessions.open.get(worker.certificate.nodeId), undefined);
    } finally {
      port.isCurrent = true;
    }
  });

  test('a newer session of a node ends the older one', async () => {
    const link = linkOf(port, worker);
    const first = await link.open({ description: describeHost('w1') }, AbortSignal.timeout(30_000));
    const older = port.sessions.open.get(worker.certificate.nodeId)!;
    const second = await link.open({ description: describeHost('w1') }, AbortSignal.timeout(30_000));
    assert.equal(older.signal.aborted, true);
    assert.notEqual(port.sessions.open.get(worker.certificate.nodeId), older);
    await assert.rejects(first.report({ statuses: [] }));
    second.close();
  });

  describe('who may call what', () => {
    test('without a certificate: the roots and a join token’s certificate, nothing else', async () => {
      const session = await stranger();
      const { roots } = (await call(session, 'GET', '/ca')) as { roots: string };
      assert.equal(roots, port.identity.credentials.roots);
      for (const path of [
        '/session',
        '/ca/renew',
        '/leave',
        '/session/x/status',
        '/session/x/stream/1',
        '/nope',
      ])
        await assert.rejects(call(session, 'POST', path, {}), status(403), path);
    });

    test('a certificate of another cluster is a stranger’s', async () => {
      const other = await startClusterPort();
      try {
        const { key, certificate } = (await other.join()).credentials;
        const session = await connectManager({
          address: port.address,
          expect: { kind: 'anybody' },
          own: { key, certificate },
        });
        open.push(session);
        await assert.rejects(call(session, 'POST', '/ca/renew', { csr: '' }), status(403));
        // The other way round: our node does not talk to another cluster's manager.
        await assert.rejects(
          connectAs(worker, other.address),
          /transport: .*self-signed|unable to verify|certificate/,
        );
      } finally {
        await other.close();
      }
    });

    test('what is noted on a node that has joined makes no user’s first update stale', async () => {
      const { nodeId } = (await port.join()).certificate;
      const { Version, internal } = port.store.view.get('node', nodeId)!;
      assert.ok(internal.specAfter! < Version.Index);
      assert.ok(internal.specAfter! > 0);
    });

    test('a node cannot act in another node’s session', async () => {
      const second = await port.join();
      const session = await linkOf(port, second).open(
        { description: describeHost('w2') },
        AbortSignal.timeout(30_000),
      );
      const id = port.sessions.open.get(second.certificate.nodeId)!.id;
      await assert.rejects(
        call(await as(worker), 'POST', `/session/${id}/status`, { statuses: [] }),
        status(404),
      );
      session.close();
    });

    test('a worker is not taken for a manager', async () => {
      const imposter = tls.createServer({
        key: worker.credentials.key,
        cert: worker.credentials.certificate,
        ALPNProtocols: ['h2'],
      });
      imposter.listen(0, '127.0.0.1');
      await once(imposter, 'listening');
      const { port: number } = imposter.address() as net.AddressInfo;
      const second = await port.join();
      await assert.rejects(connectAs(second, `127.0.0.1:${number}`), /not that of a manager/);
      imposter.close();
    });

    test('a removed node is locked out, on its existing connections too', async () => {
      const removed = await port.join();
      const session = await as(removed);
      const linked = await linkOf(port, removed).open(
        { description: describeHost('gone') },
        AbortSignal.timeout(30_000),
      );
      const node = port.store.view.get('node', removed.certificate.nodeId)!;
      await port.store.commit({
        changes: [{ op: 'delete', kind: 'node', id: node.ID, revision: node.Version.Index }],
      });
      await assert.rejects(linked.report({ statuses: [] }), status(503));
      await assert.rejects(call(session, 'POST', '/ca/renew', { csr: '' }));
      await assert.rejects(
        linkOf(port, removed).open({ description: describeHost('gone') }, AbortSignal.timeout(30_000)),
        status(403, /not part of this cluster any more/),
      );
    });

    test('a node that leaves is locked out', async () => {
      const leaver = await port.join();
      await leaveCluster(leaver, [port.address], AbortSignal.timeout(30_000));
      assert.deepEqual(port.sessions.left, [leaver.certificate.nodeId]);
      await assert.rejects(call(await as(leaver), 'POST', '/ca/renew', { csr: '' }), status(403));
    });

    test('an expired certificate is named as what it is', async () => {
      const { csr, key } = await createRequest();
      const { internal, ID } = theCluster(port.store.view);
      const holder = {
        ...worker.certificate,
        clusterId: ID,
        notBefore: Date.now() - 7_200_000,
        notAfter: Date.now() - 3_600_000,
      };
      const certificate = issueCertificate({ cert: internal.caCert, key: internal.caKey }, csr, holder);
      const session = await connectManager({
        address: port.address,
        expect: { kind: 'anybody' },
        own: { key, certificate },
      });
      open.push(session);
      await assert.rejects(
        call(session, 'POST', '/ca/renew', { csr }),
        status(403, /its certificate has expired by the clock of this host/),
      );
    });

    test('a refused session says why it ended', async () => {
      port.sessions.refusal = new ApiError(403, 'not you');
      try {
        await assert.rejects(
          linkOf(port, worker).open({ description: describeHost('w1') }, AbortSignal.timeout(30_000)),
          status(403, /not you/),
        );
      } finally {
        port.sessions.refusal = undefined;
      }
    });
  });

  describe('unfriendly input', () => {
    test('what is not the JSON that a request takes', async () => {
      const session = await as(worker);
      for (const body of [null, [], 'x', {}, { csr: 7 }])
        await assert.rejects(call(session, 'POST', '/ca/renew', body), status(400));
      const bad = request(session, 'POST', '/ca/renew');
      await assert.rejects(
        call(session, 'POST', '/ca/renew', { csr: 'junk' }),
        status(400, /cannot certify/),
      );
      bad.close();
      await assert.rejects(call(session, 'POST', '/session', { description: {} }), status(400));
      // It goes into other hosts' commands.
      const description = describeHost('w1');
      const tunnelKey = '$(reboot)';
      await assert.rejects(call(session, 'POST', '/session', { description, tunnelKey }), status(400));
      await assert.rejects(call(session, 'POST', '/session/../ca', {}), status(404));
    });

    test('a body too large', async () => {
      const session = await stranger();
      const body = { csr: 'x'.repeat(100_000), token: '' };
      await assert.rejects(call(session, 'POST', '/ca/issue', body), status(413));
    });

    test('too many requests at once from a stranger', async () => {
      const session = await stranger();
      const waiting = Array.from({ length: 4 }, () => session.request(ISSUE, { endStream: false }));
      await assert.rejects(call(session, 'GET', '/ca'), status(429));
      for (const stream of waiting) stream.destroy();
    });

    test('a body that does not come', async () => {
      const session = await stranger();
      const stream = session.request(ISSUE, { endStream: false });
      stream.write('{"csr":');
      const headers = await responseTo(stream);
      assert.equal(headers[':status'], 408);
      assert.match(await textOf(stream), /too long/);
      stream.destroy();
    });

    test('connections that say nothing, or no TLS, or nothing after it', async () => {
      const silent = net.connect(port.server.port, '127.0.0.1');
      const garbage = net.connect(port.server.port, '127.0.0.1', () =>
        garbage.write('GET / HTTP/1.1\r\n\r\n'),
      );
      const noHttp2 = tls.connect({ port: port.server.port, host: '127.0.0.1', rejectUnauthorized: false });
      const idle = tls.connect({
        port: port.server.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      });
      await Promise.all(
        [silent, garbage, noHttp2, idle].map((socket) => {
          socket.resume();
          socket.on('error', () => {});
          return once(socket, 'close');
        }),
      );
      // And it still serves.
      assert.ok(await call(await stranger(), 'GET', '/ca'));
    });

    test('more strangers than it has room for do not keep a node out', async () => {
      const sockets = Array.from({ length: 300 }, () =>
        connect(`https://${port.address}`, { rejectUnauthorized: false }),
      );
      await Promise.all(
        sockets.map((socket) => {
          socket.on('error', () => {});
          return Promise.race([once(socket, 'remoteSettings'), once(socket, 'close')]);
        }),
      );
      const session = await as(worker);
      await assert.rejects(call(session, 'POST', '/ca/renew', { csr: '' }), status(400));
      for (const socket of sockets) socket.destroy();
    });

    test('an agent that does not read is cut off', async () => {
      const session = await as(worker);
      const stream = request(session, 'POST', '/session', { description: describeHost('lazy') });
      await responseTo(stream);
      stream.pause();
      const other = port.sessions.open.get(worker.certificate.nodeId)!;
      const node = port.store.view.get('node', worker.certificate.nodeId)!;
      const bulky = { ...node, Spec: { ...node.Spec, Labels: { bulk: 'x'.repeat(1024 * 1024) } } };
      let sent = 0;
      while (other.send({ type: 'node', node: bulky })) {
        assert.ok(++sent < 40, 'it is bounded');
        await new Promise(setImmediate);
      }
      assert.equal(other.signal.aborted, true);
      assert.match(port.sessions.closedFor.at(-1)![1], /does not read/);
    });
  });

  describe('tokens', () => {
    const patience = () => AbortSignal.timeout(20_000);
    const join = (token: string) => joinCluster({ remote: port.address, token, signal: patience() });

    test('wrong, truncated, rotated, of another cluster', async () => {
      const token = port.token();
      await assert.rejects(join('x'), status(500, /^invalid join token$/));
      await assert.rejects(join(token.slice(0, -1)), status(500, /^invalid join token$/));
      await assert.rejects(join(''), status(400, /A valid join token is necessary to join this cluster$/));
      const secret = token.endsWith('zzzz') ? 'yyyy' : 'zzzz';
      await assert.rejects(join(token.slice(0, -4) + secret), status(400, /A valid join token is necessary/));
      const [a, b, digest, d] = token.split('-');
      const twisted = [a, b, [...digest!].reverse().join('').replace(/^./, '0'), d].join('-');
      await assert.rejects(
        join(twisted),
        status(500, /^remote CA does not match fingerprint. Expected: [0-9a-f]{64}$/),
      );
      const version = [...port.store.view.all('cluster')][0]!.Version.Index;
      await port.authority.updateCluster({
        version,
        spec: {},
        rotateWorkerToken: true,
        rotateManagerToken: false,
        rotateUnlockKey: false,
      });
      assert.notEqual(port.token(), token);
      await assert.rejects(join(token), status(400, /A valid join token is necessary/));
      await port.join();
    });

    test('a host that joins connects once', async () => {
      let connections = 0;
      const between = net.createServer((socket) => {
        connections++;
        const there = net.connect(port.server.port, '127.0.0.1');
        socket.on('error', () => there.destroy()).pipe(there);
        there.on('error', () => socket.destroy()).pipe(socket);
      });
      between.listen(0, '127.0.0.1');
      await once(between, 'listening');
      const remote = `127.0.0.1:${(between.address() as net.AddressInfo).port}`;
      await port.join({ remote });
      between.close();
      assert.equal(connections, 1);
    });

    test('who shows the cluster’s root and is no manager of it does not get the token', async () => {
      const { internal, ID: clusterId } = theCluster(port.store.view);
      const root = { cert: internal.caCert, key: internal.caKey };
      const { csr, key } = await createRequest();
      const now = Date.now();
      const manager = {
        nodeId: 'liar',
        role: 'manager',
        clusterId,
        notBefore: now,
        notAfter: now + 3_600_000,
      } as const;
      const liars = {
        'of another root': issueCertificate(await createRoot(now), csr, manager),
        'a worker': issueCertificate(root, csr, { ...manager, role: 'worker' }),
        'of long ago': issueCertificate(root, csr, { ...manager, notBefore: 0, notAfter: now - 1 }),
        'of tomorrow': issueCertificate(root, csr, { ...manager, notBefore: now + 3_000_000 }),
      };
      for (const [what, cert] of Object.entries(liars)) {
        const asked: string[] = [];
        const liar = createSecureServer({ key, cert }, ({ url }, response) => {
          asked.push(url);
          response.end(JSON.stringify({ roots: internal.caCert }));
        }).listen(0, '127.0.0.1');
        await once(liar, 'listening');
        const remote = `127.0.0.1:${(liar.address() as net.AddressInfo).port}`;
        await assert.rejects(
          joinCluster({ remote, token: port.token(), signal: patience() }),
          ApiError,
          what,
        );
        liar.close();
        assert.deepEqual(asked, ['/ca'], what);
      }
    });

    test('a manager’s token, on a host without etcd', async () => {
      const { Manager } = [...port.store.view.all('cluster')][0]!.internal.joinTokens;
      await assert.rejects(join(Manager), status(400, /there is no etcd on this host/));
    });

    test('somebody else there, or no address', async () => {
      const { cert, key } = await createRoot(Date.now());
      const other = createSecureServer({ cert, key }, (_, response) => {
        response.writeHead(404);
        response.end('<html>');
      }).listen(0, '127.0.0.1');
      await once(other, 'listening');
      const at = (remote: string) => joinCluster({ remote, token: port.token(), signal: patience() });
      const { port: number } = other.address() as net.AddressInfo;
      await assert.rejects(
        at(`127.0.0.1:${number}`),
        status(503, /is not the manager of a swarm \(status 404\)$/),
      );
      other.close();
      await assert.rejects(at(':1:'), status(400, /":1:" is not the address of a manager/));
    });

    test('nobody there', async () => {
      const closed = net.createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const remote = `127.0.0.1:${(closed.address() as net.AddressInfo).port}`;
      closed.close();
      await assert.rejects(
        joinCluster({ remote, token: port.token(), signal: patience() }),
        status(
          503,
          new RegExp(
            `^rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp ${remote}: connect: connection refused"$`,
          ),
        ),
      );
    });
  });
});
