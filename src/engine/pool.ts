/** Keep-alive connections over any byte stream, for node:http. */
import type { ClientRequest, ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { Agent } from '../node/http.ts';

/** How long (ms) idle connections are kept. */
const IDLE_TIME = 30_000;

export class EnginePool extends Agent {
  readonly #connect: () => Promise<Duplex>;
  readonly #idle = new Map<Duplex, NodeJS.Timeout>();

  /** @param maxIdle so many idle connections are kept */
  constructor(connect: () => Promise<Duplex>, maxIdle: number) {
    super({ keepAlive: true, maxFreeSockets: maxIdle, scheduling: 'lifo' });
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
        callback?.(null, likeSocket(stream));
      },
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  }

  override keepSocketAlive(stream: Duplex): boolean {
    const timer = setTimeout(() => stream.destroy(), IDLE_TIME);
    timer.unref();
    this.#idle.set(stream, timer);
    // Node calls this for its answer: false means that the connection is not to be kept.
    return super.keepSocketAlive(stream) as unknown as boolean;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    this.#taken(stream);
    super.reuseSocket(stream, request);
  }

  #taken(stream: Duplex): void {
    clearTimeout(this.#idle.get(stream));
    this.#idle.delete(stream);
  }
}

/** Gives a stream that is no socket the methods that Node's agent calls on idle sockets. */
function likeSocket(stream: Duplex): Duplex {
  for (const name of ['setKeepAlive', 'setTimeout', 'ref', 'unref']) {
    if (!(name in stream)) Object.defineProperty(stream, name, { value: () => stream });
  }
  return stream;
}
