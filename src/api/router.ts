/**
 * How the API's routes are written: plain async functions from a request to a reply, without sockets, registered by
 * method and path. What no route takes goes to the engine (see dispatch in server.ts).
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { EngineClient } from '../engine/client.ts';
import type { Static, TSchema } from '../model/schema.ts';
import type { Membership } from './contract.ts';

export interface ApiRequest {
  readonly method: string;
  /** Decoded, without the version prefix: `/services/web`. */
  readonly path: string;
  /** The path's `{name}` segments, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** What the path's prefix says, else the version served: `1.41`. */
  readonly apiVersion: string;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal;
  /**
   * The JSON body as Go's decoder would take it into a struct of that schema: unknown fields dropped, names matched
   * exactly, then without regard to case. `type` is the Go type that error messages speak of. Throws ApiError 400.
   */
  json<T extends TSchema>(schema: T, type?: string): Promise<Static<T>>;
  /** The body as it came, e.g. to forward it after a look at it. Throws ApiError if it is longer than `most`, else 8 MB. */
  bytes(most?: number): Promise<Buffer>;
  /** The body as it comes; to be asked for once, instead of `json` and `bytes`. */
  body(): Readable;
}

/** `body` is sent as JSON; absent: an empty answer. */
export interface JsonReply {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export interface TextReply {
  status: number;
  headers?: Record<string, string>;
  text: string;
}

/**
 * Headers are sent at once, each chunk as it comes. When the client goes away the request's signal is aborted, which
 * must end a stream that waits for something, and the iterator's `return` is called.
 */
export interface StreamReply {
  status: number;
  headers?: Record<string, string>;
  /** The next chunk is asked for when the one before is sent, unless it is lasting. */
  stream: AsyncIterable<Uint8Array | string>;
  /** It goes on for as long as the client wants it. */
  lasting?: true;
}

/** The engine answers, with the request as it came except for what is given here. */
export interface ForwardReply {
  forward: { query?: URLSearchParams; body?: Buffer };
}

/** As if no route had taken it: the engine of whichever host has what the request is about. */
export interface PassReply {
  pass: true;
}

export type Reply = JsonReply | TextReply | StreamReply | ForwardReply | PassReply;
export type Handler = (request: ApiRequest) => Reply | Promise<Reply>;

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What routes may use. */
export interface ApiContext {
  engine: EngineClient;
  membership: Membership;
  log: Logger;
}

export type RouteModule = (router: Router, context: ApiContext) => void;

export interface Match<H = Handler> {
  /** As it was registered: `/services/{id}`. */
  route: string;
  handler: H;
  params: Record<string, string>;
}

interface Route<H> {
  method: string;
  segments: string[];
  /** Of two routes that take a path that of less weight is taken. */
  weight: string;
  handler: H;
}

/** `H`: what answers a route. */
export class Router<H = Handler> {
  readonly #routes: Route<H>[] = [];
  /** By weight; once, when there are hundreds of them, not with each. */
  #sorted = true;
  readonly #owned = new Set<string>();

  /**
   * `path` is like `/services/{id}/update`: a segment in braces takes any one segment, `{name...}` one or more (at most
   * one of these in a path). Literal segments win over those in braces.
   */
  on(method: string, path: string, handler: H): void {
    const segments = path.split('/').slice(1);
    const weight = segments.map((segment) => (segment[0] === '{' ? '1' : '0')).join('');
    this.#routes.push({ method, segments, weight, handler });
    this.#sorted = false;
  }
  get(path: string, handler: H): void {
    this.on('GET', path, handler);
  }
  post(path: string, handler: H): void {
    this.on('POST', path, handler);
  }
  put(path: string, handler: H): void {
    this.on('PUT', path, handler);
  }
  delete(path: string, handler: H): void {
    this.on('DELETE', path, handler);
  }

  /** Paths whose first segment is `name` are never the engine's: what no route takes there is `page not found`. */
  own(...names: string[]): void {
    for (const name of names) this.#owned.add(name);
  }
  owns(path: string): boolean {
    return this.#owned.has(path.split('/', 2)[1] ?? '');
  }

  match(method: string, path: string): Match<H> | undefined {
    const segments = path.split('/').slice(1);
    for (const route of this.#inOrder()) {
      if (route.method !== method) continue;
      const params: Record<string, string> = {};
      const found = fold(route.segments, segments);
      if (found?.every((segment, i) => take(route.segments[i]!, segment, params))) {
        return { route: `/${route.segments.join('/')}`, handler: route.handler, params };
      }
    }
    return undefined;
  }

  #inOrder(): readonly Route<H>[] {
    if (!this.#sorted) this.#routes.sort((a, b) => (a.weight < b.weight ? -1 : a.weight > b.weight ? 1 : 0));
    this.#sorted = true;
    return this.#routes;
  }

  /** Every registered method and path pattern. */
  list(): Array<{ method: string; path: string }> {
    return this.#inOrder().map(({ method, segments }) => ({ method, path: `/${segments.join('/')}` }));
  }
}

/** The segments as the pattern counts them, those that belong to its `{name...}` as one; undefined if too few or many. */
function fold(pattern: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  const at = pattern.findIndex((part) => part.endsWith('...}'));
  const more = segments.length - pattern.length;
  if (at < 0 || more <= 0) return more === 0 ? segments : undefined;
  return segments.toSpliced(at, more + 1, segments.slice(at, at + more + 1).join('/'));
}

function take(pattern: string, segment: string, params: Record<string, string>): boolean {
  if (pattern[0] !== '{') return pattern === segment;
  if (segment === '') return false;
  params[pattern.slice(1, pattern.endsWith('...}') ? -4 : -1)] = segment;
  return true;
}
