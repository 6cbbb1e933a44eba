/** One agent's session on the wire: lines down to it, and the answers to what it is asked. */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { ApiError } from '../../model/errors.ts';
import type { CheckReport } from '../../model/network-check.ts';
import type { DialRequest, DownMessage } from '../../model/protocol.ts';
import { OWN_PROTOCOL } from '../../model/protocol-version.ts';
import type { AgentSession } from '../contract.ts';

/** An agent that leaves so much (bytes) unread is cut off; it opens a new session when it can read again. */
const MAX_UNREAD = 16 * 1024 * 1024;

interface Waiting {
  resolve(report: CheckReport): void;
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
  readonly #checks = new Map<number, Waiting>();
  #next = 1;
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
      this.#stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson', ...OWN_PROTOCOL });
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
    for (const { timer, reject } of this.#checks.values()) {
      clearTimeout(timer);
      reject(this.signal.reason as Error);
    }
    this.#checks.clear();
    this.#onClose(reason);
  }

  /** Has the agent open a tunnel. Throws 503 if the session is over. */
  dial(request: DialRequest): void {
    if (!this.send({ type: 'dial', ...request }))
      throw new ApiError(503, `node ${this.nodeId} has no session`);
  }

  /** Has the agent compare its host's networks. Rejects with 503 when the session ends or in `patience` ms. */
  check(patience: number): Promise<CheckReport> {
    const number = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#checks.delete(number);
        reject(new ApiError(503, `node ${this.nodeId} did not say in time how its networks are`));
      }, patience);
      this.#checks.set(number, { resolve, reject, timer });
      if (this.send({ type: 'check', check: number })) return;
      clearTimeout(timer);
      this.#checks.delete(number);
      reject(new ApiError(503, `node ${this.nodeId} has no session`));
    });
  }

  /** The agent has answered. */
  checked(number: number, report: CheckReport): void {
    const check = this.#checks.get(number);
    if (check === undefined) return;
    this.#checks.delete(number);
    clearTimeout(check.timer);
    check.resolve(report);
  }
}
