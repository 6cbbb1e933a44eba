/**
 * Connections that the engine takes over although HTTP does not say so. Of those of attach and exec Docker does in any
 * case: what clients write after a request's body is what the process reads; for HTTP those bytes were the next request.
 * And whether to upgrade, Docker decides by the header `Upgrade` alone; for HTTP `Connection` has to name it as well.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type EngineClient, readAll } from '../engine/client.ts';
import { boolValue } from './query.ts';
import type { Target } from './target.ts';

/** Whether the engine may take the connection over; asks the engine that the request goes to what an exec reads. */
export async function takesOver(
  { method, headers }: IncomingMessage,
  { path, query }: Target,
  engine: EngineClient,
): Promise<boolean> {
  // A body in chunks ends for Docker where the connection does: there is no telling it from input.
  if (method !== 'POST' || headers['transfer-encoding'] !== undefined || headers.expect !== undefined)
    return false;
  const [, kind, id, action, ...more] = path.split('/');
  if (more.length > 0) return false;
  const asked = headers.upgrade !== undefined;
  if (path === '/session' || path === '/grpc') return asked;
  if (kind === 'containers' && action === 'attach') return asked || boolValue(query, 'stdin');
  if (kind !== 'exec' || action !== 'start') return false;
  if (asked) return true;
  const exec = engine.json<{ OpenStdin?: boolean }>('GET', `/exec/${encodeURIComponent(id!)}/json`);
  // What is wrong is said in answer to the request itself.
  return exec.then(
    ({ OpenStdin }) => OpenStdin === true,
    () => false,
  );
}

/** Reads the request's body and takes its connection away from HTTP, paused; nothing is answered yet. */
export async function takeOver(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<{ socket: Duplex; body: Buffer }> {
  const body = await readAll(request);
  const { socket } = request;
  for (const event of ['data', 'end']) socket.removeAllListeners(event);
  // A listener of data is what makes Node read the connection past its parser.
  const listener = (): void => undefined;
  socket.on('data', listener).pause().off('data', listener);
  response.detachSocket(socket);
  return { socket, body };
}
