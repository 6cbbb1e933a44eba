/** One agent's session on the wire: lines down to it, and tunnels to its engine. */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../model/errors.ts';
import type { DownMessage } from '../../model/protocol.ts';
import type { AgentSession } from '../contract.ts';

/** An agent that leaves so much (bytes) unread is cut off; it opens a new session when it can read again. */
const MAX_UNREAD = 16 * 1024 * 1024;
/** How long (ms) an agent may take to open a tunnel. */
const DIAL_TIMEOUT = 10_000;

interface Dial {
  resolve(stream: Duplex): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export class WireSession implements AgentSession {
  readonly id: string;
  readonly nodeId: string;
  readonly remoteAddr: string;
  readonly #stream: ServerHttp2Stream;
  readonly #connection: ServerHttp2Session;
  readonly #over = new AbortController();
  readonly #onClose: (reason: string) => void;
  readonly #dials = new Map<number, Dial>();
  #nextDial = 1;
  #ping: Promise<void> | undefined;

  /** The request that opened it is answered with the first message. `onClose` is called once, when it is over. */
  constructor(
    from: { id: string; nodeId: string; remoteAddr: string },
    stream: ServerHttp2Stream,
    connection: ServerHttp2Session,
    onClose: (reason: string) => void,
  ) {
    this.id = from.id;
    this.nodeId = from.nodeId;
    this.remoteAddr = from.remoteAddr;
    this.#stream = stream;
    this.#connection = connection;
    this.#onClose = onClose;
    stream.on('close', () => this.close('the connection has ended'));
  }

  isOn(connection: ServerHttp2Session): boolean {
    return this.#connection === connection;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  send(message: DownMessage): boolean {
    if (this.signal.aborted) return false;
    if (this.#stream.writableLength > MAX_UNREAD) {
      this.close('the agent does not read what it is sent');
      return false;
    }
    if (!this.#stream.headersSent)
      this.#stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
    this.#stream.write(`${JSON.stringify(message)}\n`);
    return true;
  }

  /** An answer to an earlier PING is as good a sign of life: there is never more than one under way. */
  ping(): Promise<void> {
    this.#ping ??= new Promise<void>((resolve, reject) => {
      const sent =
        !this.signal.aborted && this.#connection.ping((error) => (error ? reject(error) : resolve()));
      if (!sent) reject(new ApiError(503, `the session of node ${this.nodeId} is over`));
    }).finally(() => {
      this.#ping = undefined;
    });
    return this.#ping;
  }

  close(reason: string): void {
    if (this.signal.aborted) return;
    this.#end(reason);
    this.#stream.destroy();
    this.#connection.destroy();
  }

  /** Ends a session that was not to be; true: its request is still to be answered. */
  refuse(reason: string): boolean {
    if (this.signal.aborted) return false;
    if (this.#stream.headersSent) this.close(reason);
    else this.#end(reason);
    return !this.#stream.headersSent;
  }

  #end(reason: string): void {
    this.#over.abort(new ApiError(503, `the session of node ${this.nodeId} is over: ${reason}`));
    for (const [number, dial] of this.#dials) {
      this.#dials.delete(number);
      clearTimeout(dial.timer);
      dial.reject(this.signal.reason as Error);
    }
    this.#onClose(reason);
  }

  /** Has the agent connect to its engine; the connection. Rejects with 503 when the session ends or in DIAL_TIMEOUT. */
  dial(): Promise<Duplex> {
    const number = this.#nextDial++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#dials.delete(number);
        reject(new ApiError(503, `node ${this.nodeId} did not open a connection to its engine in time`));
      }, DIAL_TIMEOUT);
      this.#dials.set(number, { resolve, reject, timer });
      if (this.send({ type: 'dial', stream: number })) return;
      clearTimeout(timer);
      this.#dials.delete(number);
      reject(new ApiError(503, `node ${this.nodeId} has no session`));
    });
  }

  /** The agent has opened the tunnel of that number. Throws 404 if nobody waits for it (any more). */
  joined(number: number, stream: ServerHttp2Stream): void {
    const dial = this.#dials.get(number);
    if (dial === undefined) throw new ApiError(404, `no connection ${number} is waited for`);
    this.#dials.delete(number);
    clearTimeout(dial.timer);
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    // Without a first read, Node takes a stream whose writing side ends for one that nobody is interested in.
    stream.read(0);
    dial.resolve(stream);
  }
}
