/**
 * The one live socket of this tab. Lists are kept by the names of their channels, as whole arrays that change as a whole;
 * a broken connection is taken up again at the revision that each list is at.
 */
import { useCallback, useSyncExternalStore } from 'react';
import type { ClientMessage, List, Rows, ServerMessage } from '../../../src/ui/protocol.ts';
import { grown, type LiveLog } from '../format/log-lines.ts';
import { get } from './http.ts';

/** A tab that nobody looks at lets go of the socket after so long, ms. */
const HIDDEN = 30_000;
/** Pauses between tries to connect, ms. */
const PAUSES = [500, 1_000, 2_000, 4_000, 8_000];

interface Row {
  id: string;
}

interface Channel {
  log: LiveLog;
  rows: Map<string, Row>;
  /** The rows as they are shown; another array whenever one of them has changed. */
  shown: LiveList<Row>;
  revision: number | undefined;
  listeners: Set<() => void>;
  closing?: ReturnType<typeof setTimeout>;
}

export interface LiveList<R> {
  rows: readonly R[];
  isLoading: boolean;
  error?: string;
}

/** Whether what is shown is of now. `since`: when the connection broke (ms). */
export interface Connection {
  isLive: boolean;
  since: number;
  nextTry: number;
}

const LOADING: LiveList<Row> = { rows: [], isLoading: true };
const NO_LOG: LiveLog = { lines: [], count: 0, isOver: false };

class LiveSocket {
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Set<() => void>();
  #socket: WebSocket | undefined;
  #tries = 0;
  #protocols: string[] | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  /** Between `start` and `stop`: a lost connection is made anew. */
  #isWanted = false;
  connection: Connection = { isLive: false, since: Date.now(), nextTry: 0 };

  constructor() {
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#hidden);
      if (document.visibilityState === 'hidden')
        this.#hidden = setTimeout(() => this.#socket?.close(), HIDDEN);
      else this.#connect();
    });
  }

  /** `protocols`: with a link for the wall in place of a session. */
  start(protocols?: string[]): void {
    this.#isWanted = true;
    this.#protocols = protocols;
    this.#connect();
  }

  stop(): void {
    this.#isWanted = false;
    this.#channels.clear();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  watchConnection(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(name: string): LiveList<Row> {
    return this.#channels.get(name)?.shown ?? LOADING;
  }

  log(name: string): LiveLog {
    return this.#channels.get(name)?.log ?? NO_LOG;
  }

  watch(name: string, listener: () => void): () => void {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { rows: new Map(), shown: LOADING, log: NO_LOG, revision: undefined, listeners: new Set() };
      this.#channels.set(name, channel);
      this.#send({ op: 'open', channel: name });
    }
    clearTimeout(channel.closing);
    channel.listeners.add(listener);
    const kept = channel;
    return () => {
      kept.listeners.delete(listener);
      // Whoever comes back in a moment finds the list as it is.
      if (kept.listeners.size === 0) kept.closing = setTimeout(() => this.#close(name, kept), 5_000);
    };
  }

  #close(name: string, channel: Channel): void {
    if (this.#channels.get(name) !== channel || channel.listeners.size > 0) return;
    this.#channels.delete(name);
    this.#send({ op: 'close', channel: name });
  }

  #connect(): void {
    if (this.#socket || !this.#isWanted) return;
    const socket = new WebSocket(`wss://${location.host}/essaim/live`, this.#protocols);
    this.#socket = socket;
    socket.onopen = () => {
      this.#tries = 0;
      for (const [channel, { revision }] of this.#channels)
        this.#send({ op: 'open', channel, since: revision });
      this.#is({ isLive: true, since: 0, nextTry: 0 });
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as ServerMessage);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (document.visibilityState === 'hidden') return;
      const pause = PAUSES[Math.min(this.#tries++, PAUSES.length - 1)]!;
      const since = this.connection.isLive ? Date.now() : this.connection.since;
      this.#is({ isLive: false, since, nextTry: Date.now() + pause });
      // A socket does not say why it was refused; an ordinary request does.
      if (!this.#protocols) get('/essaim/sessions').catch(() => undefined);
      setTimeout(() => this.#connect(), pause);
    };
  }

  #is(connection: Connection): void {
    this.connection = connection;
    for (const listener of this.#listeners) listener();
  }

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #take(message: ServerMessage): void {
    const channel = this.#channels.get(message.channel);
    if (!channel) return;
    if ('error' in message) {
      channel.shown = { rows: [], isLoading: false, error: message.error };
      channel.log = { ...channel.log, error: message.error };
    } else if ('lines' in message) {
      channel.log = grown(channel.log, message.lines, message.over === true);
    } else {
      if (message.whole) channel.rows.clear();
      for (const row of message.rows as Row[]) channel.rows.set(row.id, row);
      for (const id of message.gone ?? []) channel.rows.delete(id);
      channel.revision = message.revision;
      channel.shown = { rows: [...channel.rows.values()], isLoading: false };
    }
    for (const listener of channel.listeners) listener();
  }
}

export const live = new LiveSocket();

/** A live list; `filter` as the server takes it: `{ service: 'ID' }`. */
export function useList<L extends List>(list: L, filter: Record<string, string> = {}): LiveList<Rows[L]> {
  const query = new URLSearchParams(filter).toString();
  const name = query ? `${list}?${query}` : list;
  const watch = useCallback((listener: () => void) => live.watch(name, listener), [name]);
  return useSyncExternalStore(watch, () => live.list(name)) as LiveList<Rows[L]>;
}

/** A live log; `channel` as the server takes it: `logs?service=ID`. */
export function useLog(channel: string): LiveLog {
  const watch = useCallback((listener: () => void) => live.watch(channel, listener), [channel]);
  return useSyncExternalStore(watch, () => live.log(channel));
}

export function useConnection(): Connection {
  const watch = useCallback((listener: () => void) => live.watchConnection(listener), []);
  return useSyncExternalStore(watch, () => live.connection);
}
