/** Connections that the engine takes over (exec, attach), from a client with a token to the daemon's own socket. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Target } from '../../api/target.ts';
import { ApiError } from '../../model/errors.ts';
import type { Asked } from '../exchange.ts';
import type { Granted } from './gateway.ts';
import { apiPath, headersFor } from './upstream.ts';

export interface TunnelOptions {
  socket: string;
  from: Asked;
  granted: Granted;
  target: Target;
  wire: Duplex;
  /** What the client has sent after the request's head. */
  head: Buffer;
}

/** Resolves once the two are joined: each side's end is passed on alone. @throws ApiError 503 */
export async function tunnel({ socket, from, granted, target, wire, head }: TunnelOptions): Promise<void> {
  const upstream = connect({ path: socket, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    upstream.once('connect', resolve);
    upstream.once('error', (error) =>
      reject(new ApiError(503, `the daemon does not answer: ${error.message}`)),
    );
  });
  const headers: Record<string, string> = {
    ...headersFor(from, granted.actor),
    connection: 'Upgrade',
    upgrade: 'tcp',
  };
  const length = from.headers['content-length'];
  if (length !== undefined && /^\d+$/.test(length)) headers['content-length'] = length;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  upstream.on('error', () => wire.destroy());
  upstream.once('close', () => upstream.readableEnded || wire.destroy());
  wire.once('close', () => upstream.destroy());
  if (wire.destroyed) {
    upstream.destroy();
    return;
  }
  upstream.write(`${from.method} ${apiPath(granted.path, target)} HTTP/1.1\r\n${lines.join('')}\r\n`);
  upstream.write(head);
  wire.pipe(upstream);
  upstream.pipe(wire);
}
