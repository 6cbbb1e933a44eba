/** An incoming HTTP request as route handlers see it. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { ApiError } from '../model/errors.ts';
import type { Static, TSchema } from '../model/schema.ts';
import { decodeJson } from './decode.ts';
import type { ApiRequest } from './router.ts';

/** The largest body that is read into memory: a config of 1 MB in base64, with room for what surrounds it. */
const MAX_BODY = 8 * 1024 * 1024;
/** How much more is read and thrown away before the connection is cut. */
const MAX_DISCARDED = 64 * 1024 * 1024;

export class HttpApiRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly apiVersion: string;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #bytes: Promise<Buffer> | undefined;

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    about: { path: string; params: Record<string, string>; query: URLSearchParams; apiVersion: string },
  ) {
    this.method = message.method!;
    this.path = about.path;
    this.params = about.params;
    this.query = about.query;
    this.apiVersion = about.apiVersion;
    this.headers = message.headers;
    this.#message = message;
    this.#response = response;
    const controller = new AbortController();
    this.signal = controller.signal;
    response.once('close', () => controller.abort());
  }

  async json<T extends TSchema>(schema: T, type = 'value'): Promise<Static<T>> {
    checkContentType(this.headers);
    const bytes = await this.bytes();
    // An empty body is not invalid: it is a struct of zero values, for the rules of the object to judge.
    return decodeJson(bytes.length === 0 ? '{}' : bytes.toString(), schema, type);
  }

  bytes(most = MAX_BODY): Promise<Buffer> {
    if (this.#bytes === undefined) {
      if (this.headers.expect !== undefined) this.#response.writeContinue();
      this.#bytes = readBody(this.#message, most);
    }
    return this.#bytes;
  }

  body(): Readable {
    if (this.headers.expect !== undefined) this.#response.writeContinue();
    return this.#message;
  }
}

export function checkContentType(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'] ?? '';
  const empty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  if (type === '' && empty) return;
  if (!/^[^\s/;]+(\/[^\s/;]+)?\s*(;|$)/.test(type)) {
    const why = type === '' ? 'mime: no media type' : 'mime: unexpected content after media subtype';
    throw new ApiError(400, `malformed Content-Type header (${type}): ${why}`);
  }
  if (type.split(';', 1)[0]!.trim().toLowerCase() !== 'application/json') {
    throw new ApiError(400, `unsupported Content-Type header (${type}): must be 'application/json'`);
  }
}

function readBody(message: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not `for await`: leaving that would destroy the connection before the answer is sent.
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= most) {
        chunks.push(chunk);
        return;
      }
      // The rest is thrown away, so that a client that writes before it reads still gets its answer.
      chunks.length = 0;
      reject(new ApiError(413, `http: request body too large (more than ${most} bytes)`));
      if (size > most + MAX_DISCARDED) message.destroy();
    });
    message.once('end', () => resolve(Buffer.concat(chunks)));
    message.once('error', reject);
    message.once('close', () => reject(new ApiError(400, 'the request was aborted')));
  });
}
