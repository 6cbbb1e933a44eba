/** The daemon's own socket, as it is asked for those who come in through the port: in their name, with what was judged. */
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import type { Actor } from '../../access/actor.ts';
import { ACTOR, ADDRESS, SESSION } from '../../access/routes.ts';
import type { Logger } from '../../api/router.ts';
import type { Target } from '../../api/target.ts';
import { ApiError } from '../../model/errors.ts';
import { Agent, request as httpRequest } from '../../node/http.ts';
import type { Asked } from '../exchange.ts';
import type { Granted } from './gateway.ts';

/** What of a request's headers the API reads. */
const PASSED = ['accept', 'content-type', 'user-agent', 'x-registry-auth', 'x-registry-config'] as const;

export interface Sent {
  body?: Buffer;
  stream?: Readable;
}

export class Upstream {
  readonly #socket: string;
  readonly #log: Logger;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(socket: string, log: Logger) {
    this.#socket = socket;
    this.#log = log;
  }

  /** The answer of the daemon's own API. @throws ApiError 503 */
  ask(asked: Asked, { actor, path }: Granted, target: Target, sent: Sent): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers: OutgoingHttpHeaders = headersFor(asked, actor);
      if (sent.body) headers['content-length'] = sent.body.length;
      const request: ClientRequest = httpRequest({
        socketPath: this.#socket,
        agent: this.#agent,
        method: asked.method,
        path: apiPath(path, target),
        headers,
      });
      request.once('response', resolve);
      request.once('error', (error) =>
        reject(new ApiError(503, `the daemon does not answer: ${error.message}`)),
      );
      asked.signal.addEventListener('abort', () => request.destroy(), { once: true });
      if (sent.stream) pipeline(sent.stream, request, () => undefined);
      else request.end(sent.body);
    });
  }

  /** Has the daemon write something down. Never rejects. */
  async tell(path: string, body: unknown): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(body));
    await new Promise<void>((resolve) => {
      const request = httpRequest({
        ...{ socketPath: this.#socket, agent: this.#agent, method: 'POST', path },
        headers: { host: 'essaim', 'content-type': 'application/json', 'content-length': bytes.length },
      });
      request.once('response', (answer) => {
        if (answer.statusCode! >= 400)
          this.#log.warn({ path, status: answer.statusCode }, 'the web interface could not write this down');
        answer.resume();
        resolve();
      });
      request.once('error', (error) => {
        this.#log.warn({ path, err: error }, 'the web interface could not write this down');
        resolve();
      });
      request.end(bytes);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Headers with which the daemon's socket is asked in somebody's name. */
export function headersFor(asked: Asked, actor: Actor | undefined): Record<string, string> {
  const headers: Record<string, string> = { host: 'essaim', [ADDRESS]: asked.address };
  for (const name of PASSED) {
    const value = asked.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  if (actor) headers[ACTOR] = actor.name;
  if (actor?.via.kind === 'session') headers[SESSION] = actor.via.id;
  return headers;
}

/** A path as it is asked for, with the client's version and query. */
export function apiPath(path: string, { version, query }: Target): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const search = query.toString();
  return `${version === undefined ? '' : `/v${version}`}${encoded}${search && `?${search}`}`;
}
