/** Questions to the daemon whose socket DOCKER_HOST names, else to this host's. */
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from '../node/http.ts';

const DEFAULT_SOCKET = '/run/essaim/docker.sock';
/** Hosts are waited for a few seconds each, many at a time (ms). */
const PATIENCE = 120_000;

/** As with the docker CLI: where DOCKER_HOST says, else this host's daemon. */
export function socketPath(dockerHost: string | undefined): string {
  if (!dockerHost) return DEFAULT_SOCKET;
  if (dockerHost.startsWith('unix://')) return dockerHost.slice('unix://'.length);
  throw new UsageError(
    `DOCKER_HOST is ${dockerHost}: only unix:// sockets of a manager's daemon can be asked`,
  );
}

/** The answer's JSON, undefined if it is empty. @throws UsageError with what the daemon says, or why it cannot be asked */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await askFor(method, path, body === undefined ? [] : [JSON.stringify(body)]);
  const text = (await readAll(answer)).toString();
  return (text === '' ? undefined : parsed(text)) as T;
}

/** The answer, as it comes. @param parts the body, sent one after the other. @throws UsageError as `ask` */
export async function askFor(
  method: string,
  path: string,
  parts: ReadonlyArray<string | Buffer>,
): Promise<IncomingMessage> {
  const socket = socketPath(process.env.DOCKER_HOST);
  const headers = parts.length > 0 ? { 'content-type': 'application/json' } : {};
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ socketPath: socket, method, path, headers, timeout: PATIENCE }, resolve);
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', (error) =>
      reject(new UsageError(`cannot ask the Essaim daemon at ${socket}: ${error.message}`)),
    );
    for (const part of parts) request.write(part);
    request.end();
  });
  if (response.statusCode! < 300) return response;
  const text = (await readAll(response)).toString();
  throw new UsageError((parsed(text) as { message?: string }).message ?? text, response.statusCode);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError('what answers there is not an Essaim daemon');
  }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What the user can put right: said without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
  /** Of the daemon's answer, if it is what it says. */
  readonly status: number | undefined;
  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}
