import { connect } from 'node:net';

/** How long (ms) a host may take to answer; one that does not has not refused. */
const PATIENCE = 300;

/** Whether the host at `host:port` refuses connections there: it is up, and nobody listens. */
export function refuses(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port: Number(address.slice(at + 1)), timeout: PATIENCE });
  socket.on('connect', () => resolve(false));
  socket.on('timeout', () => resolve(false));
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  return promise.finally(() => socket.destroy());
}
