/** Replies as they are written to a connection. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '../model/errors.ts';
import type { JsonReply, Logger, StreamReply, TextReply } from './router.ts';

export function sendReply(
  response: ServerResponse,
  reply: JsonReply | TextReply,
  common: OutgoingHttpHeaders,
): void {
  const [type, text] =
    'text' in reply
      ? ['text/plain; charset=utf-8', reply.text]
      : ['application/json', reply.body === undefined ? '' : `${JSON.stringify(reply.body)}\n`];
  // Encoded here, once: a string would be gone through to count its bytes, then to join it to the head, then to send it.
  const bytes = Buffer.from(text);
  const headers: OutgoingHttpHeaders = { ...common };
  if (text !== '') headers['Content-Type'] = type;
  if (reply.status !== 204) headers['Content-Length'] = bytes.length;
  response.writeHead(reply.status, { ...headers, ...reply.headers });
  response.end(bytes);
}

/** Sends what an error says to the client; one that is not ApiError is a fault of ours and is logged. */
export function sendError(
  response: ServerResponse,
  error: unknown,
  common: OutgoingHttpHeaders,
  log: Logger,
): void {
  // Whatever comes of a request whose client has left is nobody's fault.
  if (response.destroyed) return;
  const known = error instanceof ApiError;
  if (!known) log.error({ err: error }, 'request failed');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = known ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  sendReply(response, { status, body: { message } }, common);
}

/** Writes each chunk as it comes, as fast as the client reads. Rejects if the source fails. */
export async function sendStream(
  response: ServerResponse,
  reply: StreamReply,
  common: OutgoingHttpHeaders,
): Promise<void> {
  response.writeHead(reply.status, { ...common, 'Content-Type': 'application/json', ...reply.headers });
  response.flushHeaders();
  if (!reply.lasting) {
    await sendParts(response, reply.stream);
    return;
  }
  const source =
    reply.stream instanceof Readable ? reply.stream : Readable.from(reply.stream, { highWaterMark: 1 });
  let failure: Error | undefined;
  source.once('error', (error) => {
    failure = error;
  });
  try {
    await pipeline(source, response);
  } catch (error) {
    // A client that went away is no failure.
    if (failure !== undefined && failure === error && !isAbort(failure)) throw error;
  }
}

/** One after the other, until the client goes away. */
async function sendParts(response: ServerResponse, parts: StreamReply['stream']): Promise<void> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  for await (const part of parts) {
    const sent = new Promise<void>((resolve) => response.write(part, () => resolve()));
    await Promise.race([sent, gone]);
    if (response.destroyed) return;
  }
  response.end();
}

function isAbort(error: NodeJS.ErrnoException): boolean {
  return error.name === 'AbortError' || error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
