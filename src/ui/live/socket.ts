/** One tab's live socket: what it subscribes to and what it is told. */
import type { WebSocket } from 'ws';
import { type Actor, has } from '../../access/actor.ts';
import { HostFeeds } from '../hosts/feeds.ts';
import type { ClientMessage } from '../protocol.ts';
import type { Client, LiveHub } from './hub.ts';
import { isLog, serveLog } from './logs.ts';

/** How often it is looked whether the browser is still there, ms. */
const PING = 20_000;

/** Logs that one tab may follow. */
const MOST_LOGS = 32;

export interface LiveOptions {
  hub: LiveHub;
  hosts: HostFeeds;
  /** Of the daemon's own API. */
  api: string;
  signal: AbortSignal;
}

/** Serves until either side ends. */
export function serveLive(socket: WebSocket, actor: Actor, { hub, hosts, api, signal }: LiveOptions): void {
  const logs = new Map<string, AbortController>();
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
    hosts.leave(client);
    for (const log of logs.values()) log.abort();
  });
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? undefined : readMessage(String(data));
    if (!message) socket.close(1007, 'not a message of the live socket');
    else if (isLog(message.channel)) turnLog(message);
    else if (HostFeeds.has(message.channel)) hosts[message.op](client, message.channel);
    else if (message.op === 'open') hub.open(client, message.channel, message.since);
    else hub.close(client, message.channel);
  });

  function turnLog({ op, channel }: ClientMessage): void {
    logs.get(channel)?.abort();
    logs.delete(channel);
    if (op === 'close') return;
    if (!has(actor, 'see')) {
      client.send(JSON.stringify({ channel, error: 'you may not see this' }));
      return;
    }
    if (logs.size >= MOST_LOGS) {
      client.send(JSON.stringify({ channel, error: 'too many logs are open in this tab' }));
      return;
    }
    const over = new AbortController();
    logs.set(channel, over);
    serveLog(client, channel, api, over.signal);
  }
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
