/** Small JSON requests and answers on an HTTP/2 stream, bounded in size and time. */
import type { ServerHttp2Stream } from 'node:http2';
import { ApiError } from '../../model/errors.ts';
import { OWN_PROTOCOL } from '../../model/protocol-version.ts';

export interface Check<T> {
  Check(value: unknown): value is T;
}

/**
 * The body as what `check` says it must be. Throws 413 beyond `limit` bytes, 408 if it takes longer than `timeout` ms,
 * 400 if it is something else.
 */
export async function readJson<T>(
  stream: ServerHttp2Stream,
  check: Check<T>,
  { limit, timeout }: { limit: number; timeout: number },
): Promise<T> {
  const text = await readText(stream, limit, timeout);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'the body is not JSON');
  }
  if (!check.Check(value)) throw new ApiError(400, 'the body is not what this request takes');
  return value;
}

function readText(stream: ServerHttp2Stream, limit: number, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => settle(new ApiError(408, 'the request took too long')), timeout);
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) settle(new ApiError(413, `the body is larger than ${limit} bytes`));
      else chunks.push(chunk);
    };
    const onEnd = () => settle();
    const onClose = () => settle(new ApiError(400, 'the request was broken off'));
    function settle(error?: ApiError): void {
      clearTimeout(timer);
      stream.off('data', onData).off('end', onEnd).off('close', onClose);
      // What may still come is not kept.
      if (error) {
        stream.resume();
        reject(error);
      } else resolve(Buffer.concat(chunks).toString());
    }
    stream.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

export function answer(stream: ServerHttp2Stream, status: number, value: unknown): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  stream.respond({ ':status': status, 'content-type': 'application/json', ...OWN_PROTOCOL });
  stream.end(JSON.stringify(value));
}

/** The answer that says no more than that it is done: headers alone, as agents' reports ask for thousands a second. */
export function acknowledge(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  stream.respond({ ':status': 200, ...OWN_PROTOCOL }, { endStream: true });
}
