/** Serves the registry over HTTP in Consul's form: questions, blocking ones too. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from '../../api/listen.ts';
import { refuse } from '../../api/refuse.ts';
import type { Router } from '../../api/router.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import { createServer } from '../../node/http.ts';
import type { Logger } from '../follower.ts';
import {
  type Answer,
  badRequest,
  checkQuery,
  durationOf,
  flag,
  type Route,
  type Subject,
} from './contract.ts';

/** Of blocking queries, ms. */
const WAIT = { usual: 300_000, most: 600_000 };
/** As large as a value may be in Consul. */
const MOST_BODY = 512 * 1024;
/** Connections; each waiting client has one. */
const MOST_CONNECTIONS = 10_000;

export interface Served {
  router: Router<Route>;
  /** Aborted when it is served no more: whoever waits for it is to ask again. */
  over: AbortSignal;
}

export interface RegistryServerOptions {
  /** What is served now; waits for it where it is about to be. @throws ApiError if there is nothing */
  serving(): Promise<Served>;
  /** Whether what is known here may be out of date. */
  isStale(): boolean;
  log: Logger;
}

export class RegistryServer {
  readonly #options: RegistryServerOptions;
  readonly #server: Server;
  readonly #closing = new AbortController();

  private constructor(options: RegistryServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 60_000 });
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('clientError', refuse);
  }

  /** @throws what the system says if it cannot listen there */
  static async start(
    where: { host: string; port: number },
    options: RegistryServerOptions,
  ): Promise<RegistryServer> {
    const server = new RegistryServer(options);
    await listen(server.#server, where);
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#closing.abort();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.on('error', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
    try {
      await this.#route(request, response, signal);
    } catch (error) {
      if (signal.aborted) response.destroy();
      else this.#fail(error, response);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const method = request.method ?? 'GET';
    const [path, query] = target(request.url ?? '/');
    const { router, over } = await this.#options.serving();
    const ended = AbortSignal.any([signal, over]);
    const match = router.match(method === 'HEAD' ? 'GET' : method, path);
    if (!match) throw noRoute(method, path, router);
    checkQuery(query);
    const known = indexOf(query);
    const wait = waitOf(query);
    const result = await match.handler({
      ...{ method, params: match.params, query, signal: ended },
      bytes: () => bodyOf(request),
    });
    const answer = 'now' in result ? await waited(result, known, wait, ended) : result;
    if (ended.aborted) {
      response.destroy();
      return;
    }
    const index = 'now' in result ? result.index() : undefined;
    this.#send(response, answer, { index, isPretty: flag(query, 'pretty') });
  }

  #send(
    response: ServerResponse,
    answer: Answer,
    { index, isPretty }: { index: number | undefined; isPretty: boolean },
  ): void {
    const isJson = 'body' in answer;
    const text = isJson ? JSON.stringify(answer.body, undefined, isPretty ? 4 : undefined) : answer.raw;
    const type = isJson ? 'application/json' : (answer.type ?? 'text/plain; charset=utf-8');
    const isStale = this.#options.isStale();
    response.writeHead(answer.status ?? 200, {
      'Content-Type': type,
      'Content-Length': Buffer.byteLength(text),
      ...(index === undefined
        ? {}
        : {
            'X-Consul-Index': String(index),
            'X-Consul-KnownLeader': String(!isStale),
            'X-Consul-LastContact': '0',
            'X-Consul-Effective-Consistency': 'leader',
          }),
    });
    response.end(text);
  }

  #fail(error: unknown, response: ServerResponse): void {
    const status = error instanceof ApiError ? error.status : 500;
    if (!(error instanceof ApiError)) this.#options.log.error({ err: error }, 'the registry cannot answer');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const text = messageOf(error);
    response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  }
}

async function waited(
  subject: Subject,
  known: number | undefined,
  wait: number,
  signal: AbortSignal,
): Promise<Answer> {
  // A little more, by chance: those who wait for the same do not all come back at once.
  if (known) await subject.changed(known, wait + (Math.random() * wait) / 16, signal);
  return subject.now();
}

function target(url: string): [string, URLSearchParams] {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  try {
    const segments = path.split('/').map(decodeURIComponent);
    return [segments.join('/'), new URLSearchParams(at < 0 ? '' : url.slice(at + 1))];
  } catch {
    throw badRequest(`The path ${path} is not well-formed: % has to be written as %25`);
  }
}

/** Undefined for 0 too: whoever knows nothing waits for nothing. @throws ApiError */
function indexOf(query: URLSearchParams): number | undefined {
  const text = query.get('index');
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw badRequest(`Invalid index: ${text} is not a number`);
  return Number(text) || undefined;
}

function waitOf(query: URLSearchParams): number {
  const text = query.get('wait');
  if (text === null || text === '') return WAIT.usual;
  const wait = durationOf(text);
  if (wait === undefined)
    throw badRequest(`Invalid wait time: ${text}: give a time like 30s or 5m, at most 10m`);
  return wait === 0 ? WAIT.usual : Math.min(wait, WAIT.most);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BODY)
      throw new ApiError(
        413,
        `Request body too large: more than the ${MOST_BODY} bytes that a value may have`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What other parts of Consul are for, by the beginnings of their paths. */
const ABSENT: ReadonlyArray<[RegExp, string]> = [
  [
    /^\/v1\/(catalog\/(de)?register|agent\/(service|check)\/)/,
    'containers register themselves: publish a port of theirs, and set SERVICE_NAME and the like',
  ],
  [/^\/v1\/acl/, 'there are no ACLs: let only those reach this address who may read it'],
  [/^\/v1\/(connect|config|discovery-chain|exported|peering|internal)/, 'there is no service mesh'],
  [/^\/v1\/(event|query|txn|coordinate|snapshot|operator)/, 'this part of Consul is not served'],
];

function noRoute(method: string, path: string, router: Router<Route>): ApiError {
  const others = ['GET', 'PUT', 'DELETE'].filter((other) => other !== method && router.match(other, path));
  if (others.length > 0) return new ApiError(405, `method ${method} not allowed: use ${others.join(' or ')}`);
  const reason =
    ABSENT.find(([pattern]) => pattern.test(path))?.[1] ?? 'see docs/registry.md for what is served';
  return new ApiError(404, `${path} is not part of Essaim's registry: ${reason}`);
}
