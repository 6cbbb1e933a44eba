/** One tab's live socket: what it subscribes to and what it is told. */
import type { WebSocket } from 'ws';
import type { Actor } from '../../access/actor.ts';
import type { ClientMessage } from '../protocol.ts';
import type { Client, LiveHub } from './hub.ts';

/** How often it is looked whether the browser is still there, ms. */
const PING = 20_000;

/** Serves until either side ends. */
export function serveLive(socket: WebSocket, actor: Actor, hub: LiveHub, signal: AbortSignal): void {
  const client: Client = {
    actor,
    unread: () => socket.bufferedAmount,
    send: (text) => socket.send(text),
  };
  let isThere = true;
  const ping = setInterval(() => {
    if (!isThere) socket.terminate();
    isThere = false;
    socket.ping();
  }, PING);
  ping.unref();
  const end = (): void => socket.terminate();
  signal.addEventListener('abort', end, { once: true });
  socket.on('pong', () => {
    isThere = true;
  });
  socket.on('error', end);
  socket.once('close', () => {
    clearInterval(ping);
    signal.removeEventListener('abort', end);
    hub.leave(client);
  });
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? undefined : readMessage(String(data));
    if (!message) socket.close(1007, 'not a message of the live socket');
    else if (message.op === 'open') hub.open(client, message.channel, message.since);
    else hub.close(client, message.channel);
  });
}

function readMessage(text: string): ClientMessage | undefined {
  let message: Partial<Record<string, unknown>>;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { op, channel, since } = message ?? {};
  if (typeof channel !== 'string' || (since !== undefined && typeof since !== 'number')) return undefined;
  if (op === 'open') return { op, channel, since: since as number | undefined };
  return op === 'close' ? { op, channel } : undefined;
}
