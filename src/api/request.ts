/** An incoming HTTP request as route handlers see it. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Static, TSchema } from 'typebox';
import { ApiError } from '../model/errors.ts';
import { decodeJson } from './decode.ts';
import type { ApiRequest } from './router.ts';

/** The largest body that is read into memory: a config of 1 MB in base64, with room for what surrounds it. */
const MAX_BODY = 8 * 1024 * 1024;

export class HttpApiRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly apiVersion: string;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
  readonly #message: IncomingMessage;
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

  bytes(): Promise<Buffer> {
    this.#bytes ??= readBody(this.#message);
    return this.#bytes;
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

async function readBody(message: IncomingMessage): Promise<Buffer> {
  if (Number(message.headers['content-length'] ?? 0) > MAX_BODY) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  // Not `for await`: leaving that would destroy the connection before the answer is sent.
  await new Promise<void>((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY) {
        message.pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    message.once('end', resolve);
    message.once('error', reject);
    message.once('close', () => reject(new ApiError(400, 'the request was aborted')));
  });
  return Buffer.concat(chunks);
}

function tooLarge(): ApiError {
  return new ApiError(413, `http: request body too large (more than ${MAX_BODY} bytes)`);
}
