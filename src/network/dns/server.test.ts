import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import { systemClock } from '../../model/clock.ts';
import type { DnsListenAddress } from '../contract.ts';
import { overlay, stateOf } from '../testing/dns.ts';
import { frame, frames } from './frames.ts';
import { DnsServer } from './server.ts';

const PORT = 20_053;
const AT = '127.83.0.1';
const AT_OTHER = '127.83.0.2';
/** Where a container asks from. */
const CONTAINER = '127.83.1.1';

const web = {
  id: 'web',
  name: 'web',
  aliases: [],
  vips: [],
  ready: Array.from({ length: 60 }, (_, index) => `t${index}`),
};
const network = overlay({
  id: 'n',
  name: 'net',
  endpoints: [
    { id: 'asker', addresses: [CONTAINER], names: ['asker'] },
    ...web.ready.map((id, index) => ({
      id,
      addresses: [`10.0.1.${index + 1}`],
      names: [`web.${index}.${id}`],
    })),
  ],
  services: [web, { id: 'vip', name: 'db', aliases: [], vips: ['10.0.1.250'], ready: [] }],
});
const other = overlay({
  id: 'o',
  name: 'other',
  number: 2,
  endpoints: [],
  services: [{ id: 'vip2', name: 'hidden', aliases: [], vips: ['10.0.2.250'], ready: [] }],
});

class Plane {
  addresses: DnsListenAddress[] = [{ networkId: 'n', address: AT }];
  readonly #listeners = new Set<(addresses: DnsListenAddress[]) => void>();
  dnsListenAddresses = () => this.addresses;
  onDnsListenAddresses = (changed: (addresses: DnsListenAddress[]) => void) => {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  };
  change(addresses: DnsListenAddress[]): void {
    this.addresses = addresses;
    for (const changed of this.#listeners) changed(addresses);
  }
}

/** A server with the networks above, and the host's name servers as given. */
async function serve(t: TestContext, nameServers: readonly string[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-dns-'));
  const resolvConf = join(folder, 'resolv.conf');
  await writeFile(resolvConf, nameServers.map((address) => `nameserver ${address}\n`).join(''));
  const plane = new Plane();
  const warnings: string[] = [];
  const note = (_fields: object, message: string): unknown => warnings.push(message);
  const log = { debug: () => {}, info: () => {}, warn: note };
  const server = new DnsServer({ plane, clock: systemClock, log, resolvConf, port: PORT });
  t.after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });
  server.update(stateOf(network, other));
  await until(() => server.listening().includes(AT));
  return { server, plane, warnings };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const message = (name: string, id = 1, more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type: 'A' }], ...more });

type Answer = DecodedPacket & { rcode: string };
const data = (answer: DecodedPacket): string[] =>
  answer.answers!.map((record) => ('data' in record ? String(record.data) : '')).sort();

async function askUdp(packet: Buffer, at = AT): Promise<Answer> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, CONTAINER);
    socket.send(packet, PORT, at);
    const [reply] = (await once(socket, 'message', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
    return decode(reply) as Answer;
  } finally {
    socket.close();
  }
}

async function askTcp(packets: readonly Buffer[]): Promise<Answer[]> {
  const socket = connect({ host: AT, port: PORT, localAddress: CONTAINER });
  socket.write(Buffer.concat(packets.map(frame)));
  const found: Answer[] = [];
  for await (const reply of frames(socket)) {
    found.push(decode(reply) as Answer);
    if (found.length === packets.length) break;
  }
  return found;
}

/** A name server that does with each question what it is told. */
async function upstream(
  t: TestContext,
  address: string,
  behave: (query: DecodedPacket) => Array<Partial<Packet>>,
): Promise<{ asked: DecodedPacket[]; ports: Set<number> }> {
  const asked: DecodedPacket[] = [];
  const ports = new Set<number>();
  const replies = (packet: Buffer): Buffer[] => {
    const query = decode(packet);
    asked.push(query);
    const { id, questions } = query;
    return behave(query).map((reply) => encode({ type: 'response', id, questions, ...reply }));
  };
  const udp = createSocket('udp4');
  udp.on('message', (packet, { port, address: from }) => {
    ports.add(port);
    for (const reply of replies(packet)) udp.send(reply, port, from);
  });
  udp.bind(PORT, address);
  await once(udp, 'listening');
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    void (async () => {
      for await (const packet of frames(socket))
        for (const reply of replies(packet)) socket.write(frame(reply));
    })().catch(() => {});
  });
  tcp.listen(PORT, address);
  await once(tcp, 'listening');
  t.after(() => {
    udp.close();
    tcp.close();
    for (const socket of sockets) socket.destroy();
  });
  return { asked, ports };
}
const found = (address: string): Array<Partial<Packet>> => [
  { answers: [{ name: 'example.com', type: 'A', data: address }] },
];

test('names of the network are answered over UDP, all of them over TCP', async (t) => {
  const { server } = await serve(t);
  assert.deepEqual(data(await askUdp(message('db'))), ['10.0.1.250']);
  assert.deepEqual(data(await askUdp(message('asker.net'))), [CONTAINER]);
  const cut = await askUdp(message('tasks.web'));
  assert.equal(cut.flag_tc, true);
  const [first, second, third] = await askTcp([message('tasks.web', 1), message('db', 2), message('web', 3)]);
  assert.equal(first!.answers!.length, 60);
  assert.deepEqual([second!.id, data(second!)], [2, ['10.0.1.250']]);
  assert.equal(third!.answers!.length, 60);
  assert.equal(server.counters.answered, 6);
});

test('answers follow the state; while nothing new comes, the last one holds', async (t) => {
  const { server } = await serve(t);
  const changed = { ...network, services: [{ ...web, ready: ['t7'] }] };
  server.update(stateOf(changed, other));
  assert.deepEqual(data(await askUdp(message('web'))), ['10.0.1.8']);
  assert.equal((await askUdp(message('db'))).rcode, 'SERVFAIL');
});

test('addresses come and go while it runs, also from one network to another', async (t) => {
  const { server, plane } = await serve(t);
  plane.change([
    { networkId: 'n', address: AT },
    { networkId: 'o', address: AT_OTHER },
  ]);
  await until(() => server.listening().length === 2);
  assert.deepEqual(data(await askUdp(message('hidden'), AT_OTHER)), ['10.0.2.250']);
  assert.equal((await askUdp(message('hidden'))).rcode, 'SERVFAIL');
  plane.change([{ networkId: 'o', address: AT }]);
  await until(() => server.listening().length === 1);
  assert.deepEqual(data(await askUdp(message('hidden'))), ['10.0.2.250']);
});

test('an address that is taken is had as soon as it is free', async (t) => {
  const { server, plane, warnings } = await serve(t);
  const squatter = createSocket('udp4');
  squatter.bind(PORT, AT_OTHER);
  await once(squatter, 'listening');
  plane.change([...plane.addresses, { networkId: 'o', address: AT_OTHER }]);
  await until(() => warnings.length === 1);
  assert.match(warnings[0]!, /another program listens on port/);
  squatter.close();
  await until(() => server.listening().length === 2);
  assert.deepEqual(data(await askUdp(message('hidden'), AT_OTHER)), ['10.0.2.250']);
});

test('without a name server, or with one that is not there, other names fail at once', async (t) => {
  for (const servers of [[], ['127.83.2.9'], [AT], ['127.83.2.9', '127.83.2.8']])
    await t.test(servers.join(), async (sub) => {
      await serve(sub, servers);
      const started = performance.now();
      assert.equal((await askUdp(message('example.com'))).rcode, 'SERVFAIL');
      assert.equal((await askTcp([message('example.com')]))[0]!.rcode, 'SERVFAIL');
      assert.ok(performance.now() - started < 3000, 'nobody is waited for');
    });
});

test('other names are passed on, with port and id of their own', async (t) => {
  const { server } = await serve(t, ['127.83.2.1']);
  const { asked, ports } = await upstream(t, '127.83.2.1', () => found('192.0.2.7'));
  for (let id = 1; id <= 8; id++) {
    const answer = await askUdp(message(`${id}.example.com`, id));
    assert.deepEqual([answer.id, data(answer)], [id, ['192.0.2.7']]);
  }
  assert.equal(new Set(asked.map((query) => query.id)).size, 8);
  assert.ok(ports.size >= 7);
  const [overTcp] = await askTcp([message('example.com', 9)]);
  assert.deepEqual([overTcp!.id, data(overTcp!)], [9, ['192.0.2.7']]);
  assert.equal(server.counters.forwarded, 9);
});

test('a host of the swarm is asked for of whoever knows', async (t) => {
  const { server } = await serve(t, ['127.83.2.1']);
  await upstream(t, '127.83.2.1', () => found('192.0.2.7'));
  assert.equal((await askUdp(message('ha.node.essaim'))).rcode, 'NXDOMAIN');
  server.askForNodes(async (name) => {
    if (name === 'lost') throw new Error('no manager');
    return name === 'ha' ? ['192.0.2.1'] : [];
  });
  assert.deepEqual(data(await askUdp(message('HA.node.essaim'))), ['192.0.2.1']);
  assert.deepEqual(data(await askUdp(message('ha.node.dc1.consul'))), ['192.0.2.1']);
  assert.equal((await askUdp(message('nosuch.node.essaim'))).rcode, 'NXDOMAIN');
  // Somebody may have a Consul besides.
  assert.deepEqual(data(await askUdp(message('nosuch.node.consul'))), ['192.0.2.7']);
  assert.equal((await askUdp(message('lost.node.essaim'))).rcode, 'SERVFAIL');
});

test('no such name is no such name', async (t) => {
  await serve(t, ['127.83.2.1', '127.83.2.2']);
  await upstream(t, '127.83.2.1', () => [{ flags: 3 }]);
  const second = await upstream(t, '127.83.2.2', () => found('192.0.2.7'));
  assert.equal((await askUdp(message('unknown'))).rcode, 'NXDOMAIN');
  assert.equal(second.asked.length, 0);
});

test('what is no answer to the question counts for nothing', async (t) => {
  await serve(t, ['127.83.2.1']);
  await upstream(t, '127.83.2.1', ({ id, questions }) => [
    { id: id! ^ 1, ...found('192.0.2.66')[0] },
    { type: 'query' },
    { questions: [{ name: 'example.org', type: 'A' }], ...found('192.0.2.66')[0] },
    { id, questions, ...found('192.0.2.7')[0] },
  ]);
  assert.deepEqual(data(await askUdp(message('example.com'))), ['192.0.2.7']);
});

test('a silent server is passed over, and asked last from then on', async (t) => {
  await serve(t, ['127.83.2.1', '127.83.2.2']);
  const silent = await upstream(t, '127.83.2.1', () => []);
  await upstream(t, '127.83.2.2', () => found('192.0.2.7'));
  for (let i = 0; i < 2; i++) assert.deepEqual(data(await askUdp(message('example.com'))), ['192.0.2.7']);
  assert.equal(silent.asked.length, 1);
});

test('a server that cannot say is passed over; if all are like that, it is said so', async (t) => {
  await serve(t, ['127.83.2.1', '127.83.2.2']);
  await upstream(t, '127.83.2.1', () => [{ flags: 2 }]);
  let other: Array<Partial<Packet>> = found('192.0.2.7');
  await upstream(t, '127.83.2.2', () => other);
  assert.deepEqual(data(await askUdp(message('example.com'))), ['192.0.2.7']);
  other = [{ flags: 5 }];
  assert.match((await askUdp(message('example.com'))).rcode, /SERVFAIL|REFUSED/);
});

test('the same question of many is asked once; one that asks too much at once is told so', async (t) => {
  const { server } = await serve(t, ['127.83.2.1']);
  const pending = Promise.withResolvers<void>();
  const held = await upstream(t, '127.83.2.1', () => {
    pending.resolve();
    return [];
  });
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, CONTAINER);
  const replies: Answer[] = [];
  socket.on('message', (reply) => replies.push(decode(reply) as Answer));
  for (let id = 0; id < 50; id++) socket.send(message('example.com', id), PORT, AT);
  await pending.promise;
  assert.equal(held.asked.length, 1);
  for (let id = 50; id < 130; id++) socket.send(message(`${id}.example.com`, id), PORT, AT);
  await until(() => replies.length >= 30);
  assert.ok(replies.every(({ rcode }) => rcode === 'SERVFAIL'));
  assert.deepEqual(data(await askUdp(message('db'))), ['10.0.1.250'], 'own names go on');
  assert.equal(server.counters.unanswered, 30);
});

test('rubbish harms nobody', async (t) => {
  await serve(t);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  for (let i = 0; i < 300; i++)
    socket.send(Buffer.from(Array.from({ length: i }, () => Math.floor(Math.random() * 256))), PORT, AT);
  for (const bytes of [Buffer.alloc(100, 255), Buffer.of(0, 0), Buffer.of(0, 12, 1)]) {
    const rude = connect(PORT, AT);
    rude.on('error', () => {});
    rude.end(bytes);
  }
  assert.deepEqual(data(await askUdp(message('db'))), ['10.0.1.250']);
  assert.deepEqual(data((await askTcp([message('db')]))[0]!), ['10.0.1.250']);
});

test('one source has so many connections; another one still gets its own', async (t) => {
  await serve(t);
  const hoard = Array.from({ length: 40 }, () =>
    connect({ host: AT, port: PORT, localAddress: '127.83.1.66' }),
  );
  t.after(() => {
    for (const socket of hoard) socket.destroy();
  });
  let closed = 0;
  for (const socket of hoard) socket.on('error', () => {}).on('close', () => closed++);
  for (const socket of hoard) socket.resume();
  await until(() => closed === 24);
  assert.deepEqual(data((await askTcp([message('db')]))[0]!), ['10.0.1.250']);
});
