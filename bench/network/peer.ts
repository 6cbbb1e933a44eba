/**
 * Both ends of connections to be measured. It imports nothing of the project: it runs in containers too.
 * `serve PORT…`: a connection whose first byte is B gets bytes as fast as it takes them, another one its host's name.
 * `bytes ADDRESS PORT MS`: prints how many bytes a second came over one connection.
 * `requests ADDRESS PORT MS`: prints how many connections a second were made, answered and closed, 16 at a time.
 * `watch ADDRESS PORT`: asks every 5 ms and prints a line `TIME NAME` for each name that it has not seen before.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';

const AT_ONCE = 16;
const WATCH_EVERY = 5;
const PATIENCE = 5_000;
const [mode, ...args] = process.argv.slice(2) as [string, ...string[]];

function serve(port: number): void {
  const block = Buffer.alloc(256 << 10);
  const pour = (socket: Socket): void => {
    while (socket.writable && socket.write(block)) {}
  };
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      if (first[0] !== 66) return socket.end(hostname());
      socket.on('drain', () => pour(socket));
      pour(socket);
    });
  }).listen({ port, host: '0.0.0.0', backlog: 4096 });
}

async function bytes(address: string, port: number, ms: number): Promise<number> {
  const socket = connect(port, address);
  await once(socket, 'connect');
  socket.write('B');
  let count = 0;
  socket.on('data', (data) => {
    count += data.length;
  });
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, ms));
  socket.destroy();
  return (count * 1000) / (performance.now() - started);
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

async function requests(address: string, port: number, ms: number): Promise<number> {
  const started = performance.now();
  const end = started + ms;
  let count = 0;
  const one = async (): Promise<void> => {
    while (performance.now() < end) {
      await request(address, port);
      count++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return (count * 1000) / (performance.now() - started);
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
else process.stdout.write(`${await (mode === 'bytes' ? bytes : requests)(address, port, ms)}\n`);
