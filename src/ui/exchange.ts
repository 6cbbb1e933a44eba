/** A request and its answer, alike over HTTP/1.1 and HTTP/2. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '../model/errors.ts';

/** The largest body that is read into memory. */
export const MAX_BODY = 8 * 1024 * 1024;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the client, as the connection has it. */
  readonly address: string;
  /** The body. */
  readonly stream: Readable;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export interface Reply {
  send(status: number, headers: OutgoingHttpHeaders, body: string | Buffer): Promise<void>;
  /** Passes the source on as it comes; the client's end ends it. */
  stream(status: number, headers: OutgoingHttpHeaders, source: Readable): Promise<void>;
}

export function asked(request: IncomingMessage | Http2ServerRequest, signal: AbortSignal): Asked {
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers: request.headers as IncomingHttpHeaders,
    address: plainAddress(request.socket.remoteAddress ?? ''),
    stream: request,
    signal,
  };
}

export function replyTo(response: ServerResponse | Http2ServerResponse): Reply {
  // The two have the same methods and no common type.
  const to = response as ServerResponse;
  return {
    async send(status, headers, body) {
      if (to.destroyed) return;
      const bytes = Buffer.from(body);
      to.writeHead(
        status,
        status === 204 || status === 304 ? headers : { ...headers, 'content-length': bytes.length },
      );
      await new Promise<void>((resolve) => {
        to.once('close', resolve);
        to.end(bytes, () => resolve());
      });
    },
    async stream(status, headers, source) {
      to.writeHead(status, headers);
      to.flushHeaders?.();
      // Whoever has gone away has gone away.
      await pipeline(source, to).catch(() => undefined);
    },
  };
}

/** The name and port that the client knows this server by. */
export function hostOf({ headers }: Pick<Asked, 'headers'>): string {
  return String((headers as Record<string, unknown>)[':authority'] ?? headers.host ?? '').toLowerCase();
}

/** @throws ApiError 413 */
export async function readBody(stream: Readable, most = MAX_BODY): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= most) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      reject(new ApiError(413, `http: request body too large (more than ${most} bytes)`));
      // What comes after is thrown away, up to as much again.
      if (size > 2 * most) stream.destroy();
    });
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('error', reject);
    stream.once('close', () => reject(new ApiError(400, 'the request was aborted')));
  });
}

/** IPv4 as it is written, also where the socket is one for both. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
