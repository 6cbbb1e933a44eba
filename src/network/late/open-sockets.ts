/**
 * Run for a moment in a container's namespace: opens sockets there and hands them to the daemon that has started it, in
 * which they go on. A process cannot change its namespace, but a socket stays where it was opened.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { SocketName } from './sockets.ts';

/** Not the engine's own address in there: whose socket is whose can be told apart. */
const ADDRESS = '127.0.0.12';

function hand(socket: SocketName, port: number, handle: Socket | Server): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!({ socket, address: ADDRESS, port }, handle, {}, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

const udp = createSocket('udp4').bind(0, ADDRESS);
const engine = createSocket('udp4').bind(0, ADDRESS);
const tcp = createServer().listen(0, ADDRESS);
await Promise.all([udp, engine, tcp].map((socket) => once(socket, 'listening')));
await hand('udp', udp.address().port, udp);
await hand('engine', engine.address().port, engine);
await hand('tcp', (tcp.address() as { port: number }).port, tcp);
// Whoever would wait for a socket that is still open here would wait for ever.
process.exit();
