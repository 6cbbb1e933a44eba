/**
 * What is not about the swarm goes to the engine as it came: bodies and upgraded connections byte for byte, with
 * back-pressure and aborts in both directions.
 */
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Duplex, pipeline } from 'node:stream';
import type { EngineClient } from '../engine/client.ts';

/** What of a message belongs to one connection only. Bodies are framed anew: chunked here, chunked there. */
const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
]);

export interface Forward {
  engine: EngineClient;
  /** The target on the engine, with its version prefix and query. */
  path: string;
  /** Sent instead of the request's own body. */
  body?: Buffer;
  /** The headers of every answer; the engine leaves them out of some of its own. */
  common: OutgoingHttpHeaders;
  /** Called at most once, if nothing has been answered yet. */
  failed: (error: Error) => void;
  /** Called with the answer before it is passed on, to read along. */
  seen?: (answer: IncomingMessage) => void;
}

export function forward(request: IncomingMessage, response: ServerResponse, to: Forward): void {
  send(request, response, to, false);
}

function send(request: IncomingMessage, response: ServerResponse, to: Forward, again: boolean): void {
  const hasBody =
    to.body === undefined &&
    (request.headers['transfer-encoding'] !== undefined ||
      Number(request.headers['content-length'] ?? 0) > 0);
  const method = request.method!;
  const upstream = to.engine.raw({ method, path: to.path, headers: requestHeaders(request, to.body) });
  let answered = false;

  upstream.on('continue', () => response.writeContinue());
  upstream.once('response', (answer) => {
    answered = true;
    to.seen?.(answer);
    respond(answer, response, to.common);
    // An engine that has answered early, e.g. to refuse an upload, need not take the rest of it.
    if (hasBody && !request.readableEnded) upstream.once('close', () => drain(request, upstream));
  });
  upstream.on('error', (error: NodeJS.ErrnoException) => {
    if (answered || response.destroyed) return;
    // An idle connection may have been closed by an engine that restarted just as it was taken up.
    if (upstream.reusedSocket && !again && !hasBody && (method === 'GET' || method === 'HEAD')) {
      send(request, response, to, true);
      return;
    }
    if (hasBody) drain(request, upstream);
    to.failed(to.engine.unavailable(error));
  });
  response.once('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });

  if (hasBody) {
    upstream.flushHeaders();
    request.pipe(upstream);
  } else upstream.end(to.body);
}

function drain(request: IncomingMessage, upstream: ClientRequest): void {
  request.unpipe(upstream);
  request.resume();
}

function respond(answer: IncomingMessage, response: ServerResponse, common: OutgoingHttpHeaders): void {
  // An answer that lasts until the connection closes is a raw stream (attach without an upgrade): not to be chunked.
  const { 'content-length': length, 'transfer-encoding': encoding } = answer.headers;
  if (length === undefined && encoding === undefined) response.useChunkedEncodingByDefault = false;
  response.sendDate = false;
  const apiVersion = String(common['Api-Version']);
  const headers = endToEnd(answer.rawHeaders, (name, value) => (name === 'api-version' ? apiVersion : value));
  for (const [name, value] of Object.entries(common)) {
    if (answer.headers[name.toLowerCase()] === undefined) headers.push(name, String(value));
  }
  response.writeHead(answer.statusCode!, answer.statusMessage, headers);
  response.flushHeaders();
  // Errors end both sides: the client sees a broken answer as broken, the engine learns that nobody reads.
  pipeline(answer, response, () => undefined);
}

function requestHeaders(request: IncomingMessage, body: Buffer | undefined): string[] {
  const replaced = body === undefined ? [] : ['content-length', 'expect'];
  const headers = endToEnd(request.rawHeaders, (name, value) =>
    replaced.includes(name) ? undefined : value,
  );
  if (body !== undefined) return [...headers, 'Content-Length', String(body.length)];
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding !== undefined) return [...headers, 'Transfer-Encoding', 'chunked'];
  return length === undefined && !['GET', 'HEAD'].includes(request.method!)
    ? [...headers, 'Content-Length', '0']
    : headers;
}

/** The headers that are not of one connection, as `change` wants them; undefined drops one. */
function endToEnd(raw: string[], change: (name: string, value: string) => string | undefined): string[] {
  const named = new Set<string>();
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() !== 'connection') continue;
    for (const name of raw[i + 1]!.split(',')) named.add(name.trim().toLowerCase());
  }
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || named.has(name)) continue;
    const value = change(name, raw[i + 1]!);
    if (value !== undefined) headers.push(raw[i]!, value);
  }
  return headers;
}

/**
 * Gives a client that asked for an upgrade, or sends input, a connection of its own to the engine. From here on nothing
 * is looked at. Each side's end is passed on alone, so that output still comes after the end of input. `head` is what
 * the client has sent after the request's head so far. Throws EngineUnavailableError.
 */
export async function tunnel(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  to: { engine: EngineClient; path: string },
): Promise<void> {
  const upstream = await to.engine.connect();
  const { method, rawHeaders } = request;
  let text = `${method} ${to.path} HTTP/1.1\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    // If the engine answers without upgrading, it is to close: the next request must come to us, not to it.
    const close = rawHeaders[i]!.toLowerCase() === 'connection' ? ', close' : '';
    text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}${close}\r\n`;
  }
  if (request.headers.connection === undefined) text += 'Connection: close\r\n';
  upstream.on('error', () => client.destroy());
  client.on('error', () => upstream.destroy());
  // Where the end was seen it has been passed on, and what the client has yet to read still flows.
  upstream.once('close', () => upstream.readableEnded || client.destroy());
  client.once('close', () => upstream.destroy());
  if (client.destroyed) {
    upstream.destroy();
    return;
  }
  upstream.write(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  client.pipe(upstream);
  upstream.pipe(client);
}
