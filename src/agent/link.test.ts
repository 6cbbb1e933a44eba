import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { queryObjects } from 'node:v8';
import { type ClusterPort, describeHost, startClusterPort } from '../../test/support/cluster-port.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { joinCluster } from './join.ts';
import { createManagerLink } from './link.ts';

describe('the link to a manager', () => {
  let port: ClusterPort;
  let worker: NodeIdentity;

  before(async () => {
    port = await startClusterPort();
    worker = await port.join();
  });
  after(async () => {
    await port.close();
    assert.deepEqual(port.errors, []);
  });

  /** Whether what managers say of their state is of a time that is over. */
  let isEarlier = false;
  const linkTo = (...managers: string[]) =>
    createManagerLink({
      identity: worker,
      managers: () => managers,
      learned: () => {},
      isEarlier: () => isEarlier,
      connectEngine: () => Promise.reject(new Error('no engine in this test')),
      checkNetworks: () => Promise.reject(new Error('not here')),
      renew: () => assert.fail('no renewal was expected'),
      onError: (error) => port.errors.push(error),
    });
  const request = { description: describeHost('w') };

  /** A way to the manager that can be cut without either end being told. */
  async function cable() {
    const sockets: net.Socket[] = [];
    const server = net.createServer((inner) => {
      const outer = net.connect(port.server.port, '127.0.0.1');
      sockets.push(inner, outer);
      for (const socket of [inner, outer]) socket.on('error', () => {});
      inner.pipe(outer).pipe(inner);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
      cut: () => {
        for (const socket of sockets) socket.unpipe().pause();
      },
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  test('has no session with a manager whose state is of a time that is over', async () => {
    isEarlier = true;
    try {
      await assert.rejects(linkTo(port.address).open(request, AbortSignal.timeout(30_000)), {
        message: /the state of before the swarm had several/,
      });
    } finally {
      isEarlier = false;
    }
  });

  test('tries one manager after the other', async () => {
    const session = await linkTo('127.0.0.1:1', port.address).open(request, AbortSignal.timeout(30_000));
    session.close();
    await assert.rejects(
      linkTo('127.0.0.1:1').open(request, AbortSignal.timeout(30_000)),
      /connection refused/,
    );
    await assert.rejects(
      linkTo('127.0.0.9').open(request, AbortSignal.timeout(30_000)),
      /dial tcp 127.0.0.9:2377: connect: connection refused/,
    );
    await assert.rejects(linkTo().open(request, AbortSignal.timeout(30_000)), /no manager is known/);
  });

  test('gives up when told to, and ends its session', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    await assert.rejects(linkTo(port.address).open(request, aborted), /enough/);
    const controller = new AbortController();
    const session = await linkTo(port.address).open(request, controller.signal);
    const other = port.sessions.open.get(worker.certificate.nodeId)!;
    controller.abort();
    for await (const message of session.messages) assert.equal(message.type, 'session');
    if (!other.signal.aborted) await once(other.signal, 'abort');
  });

  test('ends a session whose manager has fallen silent', { timeout: 60_000 }, async () => {
    const way = await cable();
    port.sessions.heartbeatPeriod = 5e8;
    const session = await linkTo(way.address).open(request, new AbortController().signal);
    port.sessions.heartbeatPeriod = 5e9;
    way.cut();
    await assert.rejects(async () => {
      for await (const message of session.messages) assert.equal(message.type, 'session');
    }, /nothing was heard from the manager for 2 s/);
    way.close();
  });

  test('a manager that pings is not silent', { timeout: 60_000 }, async () => {
    port.sessions.heartbeatPeriod = 5e8;
    const session = await linkTo(port.address).open(request, new AbortController().signal);
    port.sessions.heartbeatPeriod = 5e9;
    const other = port.sessions.open.get(worker.certificate.nodeId)!;
    const ticks = setInterval(() => void other.ping().catch(() => {}), 300);
    await new Promise((resolve) => setTimeout(resolve, 3500));
    clearInterval(ticks);
    assert.equal(other.signal.aborted, false);
    session.close();
  });

  test('a manager that answers reports is not silent', { timeout: 60_000 }, async () => {
    port.sessions.heartbeatPeriod = 5e8;
    const session = await linkTo(port.address).open(request, new AbortController().signal);
    port.sessions.heartbeatPeriod = 5e9;
    const other = port.sessions.open.get(worker.certificate.nodeId)!;
    for (let n = 0; n < 12; n++) {
      await session.report({ statuses: [] });
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.equal(other.signal.aborted, false);
    session.close();
  });

  test('a busy agent gets what was sent meanwhile, in order and whole', async () => {
    const session = await linkTo(port.address).open(request, new AbortController().signal);
    const other = port.sessions.open.get(worker.certificate.nodeId)!;
    const node = port.store.view.get('node', worker.certificate.nodeId)!;
    const sent = 3000;
    for (let n = 0; n < sent; n++) {
      const Labels = { n: String(n), text: 'é€𝄞'.repeat(n % 50) };
      assert.ok(other.send({ type: 'node', node: { ...node, Spec: { ...node.Spec, Labels } } }));
    }
    let next = -1;
    for await (const message of session.messages) {
      if (message.type === 'node') {
        assert.equal(message.node.Spec.Labels?.n, String(next));
        assert.equal(message.node.Spec.Labels?.text, 'é€𝄞'.repeat(next % 50));
      }
      if (++next === sent) break;
    }
    assert.equal(next, sent);
  });

  test('many sessions leave nothing behind', { timeout: 60_000 }, async () => {
    const link = linkTo(port.address);
    const round = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const session = await link.open(request, new AbortController().signal);
        const other = port.sessions.open.get(worker.certificate.nodeId)!;
        session.close();
        if (!other.signal.aborted) await once(other.signal, 'abort');
      }
    };
    // Emitters are sessions, streams and sockets; resources are what keeps a process alive.
    const alive = () =>
      queryObjects(EventEmitter, { format: 'count' }) + process.getActiveResourcesInfo().length;
    const settled = () => new Promise((resolve) => setTimeout(resolve, 200));
    await round(20);
    await settled();
    const before = alive();
    await round(200);
    await settled();
    const now = alive();
    assert.ok(now <= before + 10, `${before} before, now ${now}`);
    assert.equal(port.sessions.open.size, 0);
  });

  test('a join waits for a manager that does not answer, until it is called off', {
    timeout: 60_000,
  }, async () => {
    const mute = net.createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const remote = `127.0.0.1:${(mute.address() as net.AddressInfo).port}`;
    for (const token of [port.token(), '']) {
      const callOff = new AbortController();
      const joining = joinCluster({ remote, token, signal: callOff.signal });
      const calledOff = assert.rejects(joining, /that is enough/);
      for (let tries = 0; tries < 2; tries++) await once(mute, 'connection');
      callOff.abort(new Error('that is enough'));
      await calledOff;
    }
    mute.close();
  });
});
