/** Questions to the daemon whose socket DOCKER_HOST names, else to this host's. */
import { request as httpRequest } from 'node:http';

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
export function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const socket = socketPath(process.env.DOCKER_HOST);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new UsageError(`cannot ask the Essaim daemon at ${socket}: ${error.message}`));
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = httpRequest(
      { socketPath: socket, method, path, headers, timeout: PATIENCE },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', fail);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          try {
            const answer = text === '' ? undefined : (JSON.parse(text) as T & { message?: string });
            if (response.statusCode! < 300) resolve(answer as T);
            else reject(new UsageError(answer?.message ?? text));
          } catch {
            reject(new UsageError(`what answers at ${socket} is not an Essaim daemon`));
          }
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', fail);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What the user can put right: said without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
}
