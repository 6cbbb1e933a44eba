/** Keep-alive connections over any byte stream, for node:http. */
import { Agent, type ClientRequestArgs } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Idle connections that are kept, and for how long (ms): agents and clients come in bursts. */
const MAX_IDLE = 16;
const IDLE_TIME = 30_000;

export class EnginePool extends Agent {
  readonly #connect: () => Promise<Duplex>;
  readonly #idle = new Map<Duplex, NodeJS.Timeout>();

  constructor(connect: () => Promise<Duplex>) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE, scheduling: 'lifo' });
    this.#connect = connect;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#connect().then(
      (stream) => {
        // Requests are never half-open: an engine that ends the connection is done with it.
        stream.once('end', () => stream.end());
        stream.once('close', () => this.#taken(stream));
        callback?.(null, stream);
      },
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  }

  /** A stream need not be a socket, so nothing of TCP is asked for here. */
  override keepSocketAlive(stream: Duplex): boolean {
    const timer = setTimeout(() => stream.destroy(), IDLE_TIME);
    timer.unref();
    this.#idle.set(stream, timer);
    if (stream instanceof Socket) stream.unref();
    return true;
  }

  override reuseSocket(stream: Duplex): void {
    this.#taken(stream);
    if (stream instanceof Socket) stream.ref();
  }

  #taken(stream: Duplex): void {
    clearTimeout(this.#idle.get(stream));
    this.#idle.delete(stream);
  }
}
