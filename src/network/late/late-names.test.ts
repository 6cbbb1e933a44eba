import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type DecodedPacket, decode, encode, TRUNCATED_RESPONSE } from 'dns-packet';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { systemClock } from '../../model/clock.ts';
import type { LateContainer } from '../contract.ts';
import { frame, frames } from '../dns/frames.ts';
import { DnsServer } from '../dns/server.ts';
import { Followers } from '../state/followers.ts';
import { overlay, stateOf } from '../testing/dns.ts';
import { LateNames, type Sandboxes } from './late-names.ts';
import { ENGINE_RESOLVER } from './rules.ts';

const ADDRESS = '127.84.0.1';
const service = (name: string, vip: string) => ({ id: name, name, aliases: [], vips: [vip], ready: [] });
const networks = stateOf(
  overlay({
    id: 'n',
    name: 'net',
    internal: true,
    endpoints: [{ id: 'late', addresses: ['10.0.1.5'], names: ['late'] }],
    services: [service('web', '10.0.1.250')],
  }),
  overlay({
    id: 'o',
    name: 'other',
    number: 2,
    endpoints: [{ id: 'late', addresses: ['10.0.2.5'], names: ['late'] }],
    services: [service('db', '10.0.2.250')],
  }),
);
const onNet: LateContainer = { sandbox: '/s', networkId: 'n', address: '10.0.1.5', nameServers: [] };
const onOther: LateContainer = { ...onNet, networkId: 'o', address: '10.0.2.5' };
const log = { debug: () => {}, info: () => {}, warn: () => {} };

/** The resolver of an engine: it knows `beside`, and of all else says what it is told to. */
async function engineResolver(answer: (query: DecodedPacket) => object) {
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address }) => {
    const query = decode(message);
    const { id, questions } = query;
    socket.send(encode({ type: 'response', id, questions, ...answer(query) }), port, address);
  });
  socket.bind(0, ENGINE_RESOLVER);
  await once(socket, 'listening');
  return socket;
}
const address = (query: DecodedPacket, data: string) => ({
  answers: [{ name: query.questions![0]!.name, type: 'A' as const, ttl: 1, data }],
});

/** Names for late containers, whose namespaces are this one. */
function serve(t: TestContext, late: LateContainer[], engine: () => Socket | undefined) {
  const plane = { dnsListenAddresses: () => [], onDnsListenAddresses: () => () => {} };
  const names = new DnsServer({ plane, clock: systemClock, log, resolvConf: '/nonexistent' });
  names.update(networks);
  const followers = new Followers<LateContainer[]>(late);
  const led: string[] = [];
  const ports = { udp: 0, tcp: 0 };
  const sandboxes: Sandboxes = {
    appears: async () => {},
    exists: async () => true,
    async open() {
      const [udp, asking] = [createSocket('udp4').bind(0, ADDRESS), createSocket('udp4').bind(0, ADDRESS)];
      const tcp = createServer().listen(0, ADDRESS);
      await Promise.all([udp, asking, tcp].map((socket) => once(socket, 'listening')));
      ports.udp = udp.address().port;
      ports.tcp = (tcp.address() as { port: number }).port;
      return { address: ADDRESS, udp, tcp, engine: asking, ports };
    },
    lead: async (sandbox) => void led.push(`to us ${sandbox}`),
    leave: async (sandbox) => void led.push(`to the engine ${sandbox}`),
    findEnginePort: async () => engine()?.address().port,
  };
  const lateNames = new LateNames({
    plane: { lateContainers: () => late, onLateContainers: (changed) => followers.add(changed) },
    ...{ names, clock: systemClock, log, sandboxes },
  });
  t.after(async () => {
    await lateNames.close();
    await names.close();
  });
  return { lateNames, ports, led, change: (now: LateContainer[]) => followers.tell(now) };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

type Answer = DecodedPacket & { rcode: string };
const question = (name: string): Buffer => encode({ type: 'query', id: 7, questions: [{ name, type: 'A' }] });
const outcome = (answer: Answer): string =>
  answer.answers!.map((record) => ('data' in record ? String(record.data) : '')).join() || answer.rcode;

async function ask(port: number, name: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.send(question(name), port, ADDRESS);
    const [reply] = (await once(socket, 'message', { signal: AbortSignal.timeout(20_000) })) as [Buffer];
    assert.equal(decode(reply).id, 7);
    return outcome(decode(reply) as Answer);
  } finally {
    socket.close();
  }
}

async function askTcp(port: number, name: string): Promise<string> {
  const socket = connect({ host: ADDRESS, port });
  socket.write(frame(question(name)));
  for await (const message of frames(socket)) {
    socket.destroy();
    return outcome(decode(message) as Answer);
  }
  throw new Error('no answer');
}

test('names of its networks are answered, all others by its engine, wherever that is by now', async (t) => {
  let engine = await engineResolver((query) => address(query, '172.18.0.9'));
  t.after(() => engine.close());
  const { ports, led, change, lateNames } = serve(t, [onNet], () => engine);
  await until(() => led.length === 1);
  assert.equal(await ask(ports.udp, 'web'), '10.0.1.250');
  assert.equal(await ask(ports.udp, 'WEB.net'), '10.0.1.250');
  assert.equal(await ask(ports.udp, 'beside'), '172.18.0.9');
  assert.equal(await askTcp(ports.tcp, 'web'), '10.0.1.250');
  assert.equal(await askTcp(ports.tcp, 'beside'), '172.18.0.9');
  // An engine that goes and comes while its containers live gives its resolver another port.
  engine.close();
  engine = await engineResolver((query) => address(query, '172.18.0.10'));
  assert.equal(await ask(ports.udp, 'beside'), '172.18.0.10');
  // It comes onto a second network, and leaves the first: the sockets stay.
  assert.equal(await ask(ports.udp, 'db'), '10.0.2.250');
  change([onNet, onOther]);
  change([onOther]);
  assert.equal(await ask(ports.udp, 'db'), '10.0.2.250');
  assert.deepEqual(led, ['to us /s']);
  change([]);
  await until(() => led.length === 2);
  assert.deepEqual(led, ['to us /s', 'to the engine /s']);
  change([onNet]);
  await until(() => led.length === 3);
  assert.equal(await ask(ports.udp, 'web'), '10.0.1.250');
  await lateNames.close();
  assert.deepEqual(led.slice(2), ['to us /s', 'to the engine /s']);
});

test('its container starts when it is answered, at once where there is no namespace yet, and is not kept for long', async () => {
  const clock = new VirtualClock();
  const followers = new Followers<LateContainer[]>([]);
  const [steps, opening] = [[] as string[], Promise.withResolvers<never>()];
  let exists = false;
  const never = async (): Promise<never> => assert.fail();
  const late = new LateNames({
    plane: { lateContainers: () => [], onLateContainers: (changed) => followers.add(changed) },
    names: { handlerFor: () => assert.fail(), forward: never },
    ...{ clock, log },
    sandboxes: {
      appears: async () => {},
      exists: async () => exists,
      open: () => opening.promise,
      ...{ lead: never, leave: never, findEnginePort: never },
    },
  });
  const start = (name: string) => late.named('/s').then(() => steps.push(name));
  await start('nobody late');
  followers.tell([onNet]);
  await start('no namespace');
  exists = true;
  const kept = start('kept');
  await clock.advance(2_000);
  steps.push('2 s');
  await clock.advance(2_000);
  await kept;
  const answered = start('cannot be answered');
  opening.reject(new Error('no'));
  await answered;
  assert.deepEqual(steps, ['nobody late', 'no namespace', '2 s', 'kept', 'cannot be answered']);
  followers.tell([]);
  await late.close();
});

test('while there is no resolver of the engine, its names fail at once and the others hold', async (t) => {
  const { ports, led } = serve(t, [onNet], () => undefined);
  await until(() => led.length === 1);
  assert.equal(await ask(ports.udp, 'beside'), 'SERVFAIL');
  assert.equal(await ask(ports.udp, 'web'), '10.0.1.250');
});

test('what the engine has no room for in a datagram is asked for over a connection, of others', async (t) => {
  const engine = await engineResolver(() => ({ flags: TRUNCATED_RESPONSE }));
  t.after(() => engine.close());
  const { ports, led } = serve(t, [onNet], () => engine);
  await until(() => led.length === 1);
  assert.equal(await ask(ports.udp, 'large.example'), 'NOERROR');
  // There are none here.
  assert.equal(await askTcp(ports.tcp, 'large.example'), 'SERVFAIL');
});

test('a namespace that cannot be served is tried again, as long as it is there and wanted', async () => {
  const clock = new VirtualClock();
  const tried: string[] = [];
  const warnings: string[] = [];
  const followers = new Followers<LateContainer[]>([onNet]);
  let exists = true;
  const plane = {
    lateContainers: () => [onNet],
    onLateContainers: (changed: (late: LateContainer[]) => void) => followers.add(changed),
  };
  const never = async (): Promise<never> => assert.fail();
  const late = new LateNames({
    ...{ plane, clock },
    names: { handlerFor: () => assert.fail(), forward: never },
    log: { ...log, warn: (_fields, message) => warnings.push(message) },
    sandboxes: {
      appears: async () => {},
      exists: async () => exists,
      open: async (sandbox) => {
        tried.push(sandbox);
        throw new Error('no');
      },
      ...{ lead: never, leave: never, findEnginePort: never },
    },
  });
  await clock.advance(0);
  for (const wanted of [2, 3]) {
    await clock.advance(10_000);
    assert.equal(tried.length, wanted);
  }
  exists = false;
  await clock.advance(10_000);
  exists = true;
  followers.tell([]);
  await clock.advance(10_000);
  assert.deepEqual([tried.length, warnings.length], [3, 1]);
  await late.close();
});
