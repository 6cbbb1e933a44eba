/** Connections without a node's certificate: they are served, but cannot take all there is. */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { ApiError } from '../../model/errors.ts';

const MAX_CONNECTIONS = 256;
const MAX_STREAMS = 4;

export class Strangers {
  /** Streams open on each. */
  readonly #connections = new Map<ServerHttp2Session, number>();

  admit(connection: ServerHttp2Session): void {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      connection.destroy();
      return;
    }
    this.#connections.set(connection, 0);
    connection.on('close', () => this.#connections.delete(connection));
  }

  /** Counts a stream in. Throws 429 if it is one too many. */
  take(connection: ServerHttp2Session, stream: ServerHttp2Stream): void {
    const open = this.#connections.get(connection);
    if (open === undefined || open >= MAX_STREAMS) throw new ApiError(429, 'too many requests at once');
    this.#connections.set(connection, open + 1);
    stream.on('close', () => {
      const left = this.#connections.get(connection);
      if (left !== undefined) this.#connections.set(connection, left - 1);
    });
  }
}
