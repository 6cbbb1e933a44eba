import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '../../../model/clock.ts';
import { callersGone, callersIn } from './callers.ts';
import { listening, listensAt } from './listening.ts';
import { readSockets } from './sockets.ts';

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n';
const row = (number: number, local: string, remote: string, state: string, inode = 4711): string =>
  `   ${number}: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 20 4 30 10 -1\n`;

test('callers are connections that came in at an address of its own and are not over', {
  skip: bigEndian(),
}, () => {
  const mapped = '0000000000000000FFFF0000';
  const tables = [
    HEADER,
    row(0, '00000000:1F90', '00000000:0000', '0A'),
    row(1, '0600000A:1F90', '6C63A8C0:9C40', '01'),
    row(2, '0600000A:1F90', '6C63A8C0:9C41', '06'),
    row(3, '0600000A:1F90', '6C63A8C0:9C42', '08'),
    row(4, '0600000A:D431', '0900000A:1538', '01'),
    row(5, '0100007F:1F90', '0100007F:9C40', '01'),
    HEADER,
    row(0, `${'0'.repeat(32)}:0050`, `${'0'.repeat(32)}:0000`, '0A'),
    row(1, `${mapped}0600000A:0050`, `${mapped}0900000A:D431`, '01'),
    row(2, '000077FD000000000000000005000000:0050', `${'0'.repeat(31)}1:D431`, '03'),
  ].join('');
  const { connections, waiting } = callersIn(readSockets(tables), ['10.0.0.6', 'fd77::5']);
  assert.deepEqual(
    [...connections].map((caller) => caller.slice(-4)),
    ['9C40', '9C42', 'D431', 'D431'],
  );
  assert.equal(waiting, false);
  assert.equal(callersIn(readSockets(tables), ['10.0.0.9']).connections.size, 0);
  for (const [state, waits] of [
    ['01', true],
    ['03', true],
    ['09', false],
  ] as const) {
    const more = readSockets(tables + row(9, '0600000A:1F90', '6C63A8C0:9C44', state, 0));
    assert.equal(callersIn(more, ['10.0.0.6']).waiting, waits, state);
  }
});

test('a port is listened at where others can call it', { skip: bigEndian() }, () => {
  const at = (...locals: string[]) =>
    readSockets(locals.map((local, i) => row(i, local, '00000000:0000', '0A')).join(''));
  assert.equal(listensAt(at('00000000:1F90'), [8080]), true);
  assert.equal(listensAt(at(`${'0'.repeat(32)}:1F90`), [8080]), true);
  assert.equal(listensAt(at('00000000:1F90'), [8080, 80]), false);
  assert.equal(listensAt(at('0100007F:1F90', `${'0'.repeat(24)}01000000:1F90`), [8080]), false);
  assert.equal(listensAt([], []), true);
});

/** The rows above are as a machine with the other order of bytes prints them. */
function bigEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
}

let server: Server;
const served = new Set<Socket>();
before(async () => {
  server = createServer((socket) => served.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

const gone = (): Promise<void> =>
  callersGone({ pid: process.pid, addresses: ['127.0.0.1'], clock: systemClock });

async function call(): Promise<Socket> {
  const incoming = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await Promise.all([once(socket, 'connect'), incoming]);
  return socket;
}

test('the real tables: waits until a caller has gone, and not for long for one that stays', async () => {
  const other = callersGone({ pid: process.pid, addresses: ['127.0.0.77'], clock: systemClock });
  await other;
  const [staying, leaving] = [await call(), await call()];
  let over = false;
  const waiting = gone().then(() => {
    over = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(over, false);
  const left = performance.now();
  leaving.destroy();
  await waiting;
  assert.ok(performance.now() - left > 500, 'one leaves: the other may follow');
  staying.destroy();
  for (const socket of served) socket.destroy();
  const started = performance.now();
  await gone();
  assert.ok(performance.now() - started < 3000, 'nobody is there');
});

test('a process that is gone serves nobody', async () => {
  await callersGone({ pid: 0x7ffffff0, addresses: ['127.0.0.1'], clock: systemClock });
});

test('a start waits until the port is listened at, and not for ever', async () => {
  const clock = systemClock;
  const { signal } = new AbortController();
  const later = createServer();
  later.listen(0, '0.0.0.0');
  await once(later, 'listening');
  const { port } = later.address() as AddressInfo;
  await listening({ pid: process.pid, ports: [port], clock, signal });
  await new Promise((resolve) => later.close(resolve));
  let over = false;
  const waiting = listening({ pid: process.pid, ports: [port], clock, signal }).then(() => {
    over = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(over, false);
  later.listen(port, '0.0.0.0');
  await waiting;
  await new Promise((resolve) => later.close(resolve));
  const started = performance.now();
  await listening({ pid: process.pid, ports: [port], clock, signal });
  assert.ok(performance.now() - started > 1_500, 'nobody listens');
  await listening({ pid: process.pid, ports: [port], clock, signal: AbortSignal.abort() });
  await listening({ pid: 0x7ffffff0, ports: [port], clock, signal });
});
