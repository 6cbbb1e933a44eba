/**
 * Consoles: an exec in a container on any host, over a WebSocket. Bytes go in binary messages, everything else in JSON
 * texts. A connection that breaks may come back within a minute; what was written meanwhile is kept.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Actor } from '../access/actor.ts';
import type { EngineClient } from '../engine/client.ts';
import { ApiError, messageOf } from '../model/errors.ts';
import type { ConsoleMessage } from './protocol.ts';

/** How long a console waits for its browser to come back, ms. */
const PATIENCE = 60_000;
/** How much of what was written last is shown again, bytes. */
const RING = 256 * 1024;
/** A browser with so many bytes still to be read is slow: the program waits. */
const SLOW = 1024 * 1024;
/** How often it is looked whether the browser is still there, ms. */
const PING = 20_000;
/** Consoles of one session. */
const MOST = 32;

/** Runs the best shell that there is. */
const SHELL = ['sh', '-c', 'for s in bash ash; do command -v $s >/dev/null && exec $s; done; exec sh'];

export interface Opening {
  container: string;
  /** The node that it is on, where it is no task's. */
  node?: string;
  /** Of the API that knows the container. */
  api: EngineClient;
  actor: Actor;
  /** Absent: a shell. */
  command?: readonly string[];
  user?: string;
  cols: number;
  rows: number;
}

interface Console {
  readonly id: string;
  readonly owner: string;
  readonly container: string;
  readonly node: string | undefined;
  readonly api: EngineClient;
  readonly stream: Duplex;
  readonly exec: string;
  ring: Buffer[];
  size: number;
  socket: WebSocket | undefined;
  /** While no browser is there. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Consoles {
  readonly #consoles = new Map<string, Console>();
  readonly #isGood: (actor: Actor) => boolean;

  /** `isGood`: whether whoever opened one may still be here. */
  constructor(isGood: (actor: Actor) => boolean) {
    this.#isGood = isGood;
  }

  /** The container of a console that may be taken up again by that actor. */
  resumable(id: string, actor: Actor): { container: string; node: string | undefined } | undefined {
    const found = this.#consoles.get(id);
    return found?.owner === actor.via.id ? found : undefined;
  }

  /** Starts a program and joins the socket to it. What goes wrong is said over the socket. */
  async open(socket: WebSocket, opening: Opening): Promise<void> {
    try {
      const own = [...this.#consoles.values()].filter(({ owner }) => owner === opening.actor.via.id);
      if (own.length >= MOST)
        throw new ApiError(429, `this session has ${MOST} consoles already: close some`);
      const started = await this.#start(opening);
      if (socket.readyState !== socket.OPEN) {
        this.#end(started);
        return;
      }
      this.#join(started, socket, opening.actor);
    } catch (error) {
      say(socket, { error: messageOf(error) });
      socket.close();
    }
  }

  resume(socket: WebSocket, id: string, actor: Actor): void {
    const found = this.#consoles.get(id)!;
    found.socket?.terminate();
    this.#join(found, socket, actor);
  }

  close(): void {
    for (const each of this.#consoles.values()) this.#end(each);
  }

  async #start({ container, node, api, actor, command, user, cols, rows }: Opening): Promise<Console> {
    const path = `/containers/${encodeURIComponent(container)}/exec`;
    const { Id: exec } = await api.json<{ Id: string }>('POST', path, {
      body: {
        ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: true },
        ...{
          Cmd: command ?? SHELL,
          User: user ?? '',
          Env: ['TERM=xterm-256color'],
          ConsoleSize: [rows, cols],
        },
      },
    });
    const { stream } = await api.hijack('POST', `/exec/${exec}/start`, {
      body: { Detach: false, Tty: true, ConsoleSize: [rows, cols] },
    });
    const made: Console = {
      ...{ id: randomBytes(16).toString('hex'), owner: actor.via.id, container, node },
      ...{ api, stream, exec },
      ...{ ring: [], size: 0, socket: undefined, timer: undefined },
    };
    this.#consoles.set(made.id, made);
    stream.on('data', (chunk: Buffer) => this.#output(made, chunk));
    stream.on('error', () => stream.destroy());
    // Its end is the program's: there is nobody who reads what is typed any more.
    stream.once('end', () => stream.destroy());
    stream.once('close', () => void this.#over(made));
    await this.#resize(made, cols, rows);
    return made;
  }

  #output(console: Console, chunk: Buffer): void {
    console.ring.push(chunk);
    console.size += chunk.length;
    while (console.size - console.ring[0]!.length > RING) console.size -= console.ring.shift()!.length;
    const { socket, stream } = console;
    if (!socket) return;
    socket.send(chunk);
    if (socket.bufferedAmount < SLOW) return;
    stream.pause();
    const look = (): void => {
      if (console.socket !== socket || socket.bufferedAmount < SLOW) stream.resume();
      else setTimeout(look, 50);
    };
    setTimeout(look, 50);
  }

  #join(console: Console, socket: WebSocket, actor: Actor): void {
    clearTimeout(console.timer);
    console.socket = socket;
    say(socket, { id: console.id });
    if (console.size > 0) socket.send(Buffer.concat(console.ring));
    let isThere = true;
    const ping = setInterval(() => {
      if (!isThere) socket.terminate();
      isThere = false;
      socket.ping();
    }, PING);
    ping.unref();
    socket.on('pong', () => {
      isThere = true;
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) console.stream.write(data);
      else this.#told(console, String(data));
    });
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      clearInterval(ping);
      if (console.socket !== socket) return;
      console.socket = undefined;
      // Whoever has signed out has closed it.
      if (!this.#isGood(actor)) this.#end(console);
      else console.timer = setTimeout(() => this.#end(console), PATIENCE).unref();
    });
  }

  #told(console: Console, text: string): void {
    let message: { resize?: { cols?: unknown; rows?: unknown }; end?: unknown };
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const { cols, rows } = message?.resize ?? {};
    if (isSize(cols) && isSize(rows)) void this.#resize(console, cols, rows);
    if (message?.end === true) this.#end(console);
  }

  /** A program that has ended already has no size. */
  async #resize({ api, exec }: Console, cols: number, rows: number): Promise<void> {
    const query = { w: String(cols), h: String(rows) };
    await api.json('POST', `/exec/${exec}/resize`, { query }).catch(() => undefined);
  }

  /** The program has ended, or its connection has. */
  async #over(console: Console): Promise<void> {
    this.#consoles.delete(console.id);
    clearTimeout(console.timer);
    const { socket } = console;
    if (!socket) return;
    const found = await console.api
      .json<{ ExitCode?: number | null }>('GET', `/exec/${console.exec}/json`)
      .catch(() => undefined);
    say(socket, { exit: found?.ExitCode ?? -1 });
    socket.close();
  }

  #end(console: Console): void {
    // A terminal that is gone ends its shell.
    console.stream.destroy();
  }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 10_000;
}

function say(socket: WebSocket, message: ConsoleMessage): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}
