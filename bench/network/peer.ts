/**
 * Both ends of connections to be measured. It imports nothing of the project: it runs in containers too.
 * `serve PORT…`: a connection whose first byte is B gets a megabyte for each B, another one its host's name.
 * `bytes ADDRESS PORT MS`: gets one megabyte after the other over one connection, for so long.
 * `connections ADDRESS PORT MS`: makes one connection after the other, each answered and closed, for so long.
 * Both print what each one took: microseconds, as JSON.
 * `watch ADDRESS PORT`: asks every 5 ms and prints a line `TIME NAME` for each name that it has not seen before.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';

const MEGABYTE = 1_000_000;
const WATCH_EVERY = 5;
const PATIENCE = 5_000;
const [mode, ...args] = process.argv.slice(2) as [string, ...string[]];

function serve(port: number): void {
  const block = Buffer.alloc(MEGABYTE);
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (asked) => {
      if (asked[0] === 66) socket.write(block);
      else socket.end(hostname());
    });
  }).listen({ port, host: '0.0.0.0', backlog: 4096 });
}

async function bytes(address: string, port: number, ms: number): Promise<number[]> {
  const socket = connect(port, address);
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
  await once(socket, 'connect');
  const took = await repeat(ms, async () => {
    let left = MEGABYTE;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const take = (data: Buffer): void => {
      left -= data.length;
      if (left === 0) resolve();
    };
    socket.on('data', take).once('error', reject).write('B');
    await promise;
    socket.off('data', take).off('error', reject);
  });
  socket.destroy();
  return took;
}

/** How long each of them took, one after the other: microseconds. */
async function repeat(ms: number, one: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + ms;
  for (let before = performance.now(); before < end; ) {
    await one();
    const now = performance.now();
    took.push(Math.round((now - before) * 1000));
    before = now;
  }
  return took;
}

function request(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let name = '';
    const socket = connect(port, address, () => socket.write('?'));
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
    socket.on('data', (data) => {
      name += data;
    });
    socket.on('error', reject).on('close', () => resolve(name));
  });
}

function watch(address: string, port: number): void {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    request(address, port).then(
      (name) => {
        if (name === '' || seen.has(name)) return;
        seen.add(name);
        process.stdout.write(`${Date.now()} ${name}\n`);
      },
      // It is asked again at once.
      () => {},
    );
  }, WATCH_EVERY);
  process.stdin.resume().on('end', () => clearInterval(timer));
}

process.on('SIGTERM', () => process.exit(0));
const [address, port, ms] = [args[0]!, Number(args[1]), Number(args[2])];
if (mode === 'serve') args.map(Number).forEach(serve);
else if (mode === 'watch') watch(address, port);
else {
  const took = await (mode === 'bytes' ? bytes(address, port, ms) : repeat(ms, () => request(address, port)));
  process.stdout.write(`${JSON.stringify(took)}\n`);
}
