/**
 * A client of one Docker Engine: requests, streams, hijacked connections, events. How its bytes travel is given by
 * `connect`: a unix socket here, or a tunnel to the engine of another host.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect as netConnect } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { ApiError } from '../model/errors.ts';
import { request as httpRequest } from '../node/http.ts';
import { abortError, encodeBody, type Query, queryString } from './encode.ts';
import { type Hijacked, hijack } from './hijack.ts';
import { jsonLines } from './lines.ts';
import { EnginePool } from './pool.ts';

/** The newest API version that was tried: newer engines are spoken to in this one, and clients are told it. */
export const MAX_API_VERSION = '1.51';

export interface EngineClientOptions {
  /** Opens a new connection to the engine. Half-open use (ending one direction only) must be possible. */
  connect: () => Duplex | Promise<Duplex>;
  /** What error messages call the engine: `unix:///var/run/docker.sock`. */
  name: string;
  /** Idle connections that are kept, if not 16: agents and clients come in bursts. */
  maxIdle?: number;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>>;
}

export interface RequestOptions {
  query?: Query;
  headers?: Record<string, string>;
  /** A Readable is streamed, a string or Buffer sent as it is, anything else as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  /** The API version to ask in; the newest that both sides speak if not given. */
  apiVersion?: string;
}

export interface EngineResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read to the end or destroyed; destroying it ends the request. */
  body: Readable;
}

export interface EngineVersion {
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  [key: string]: unknown;
}

export interface EngineEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes?: Record<string, string> };
  scope?: string;
  time: number;
  timeNano: number;
  [key: string]: unknown;
}

/** The engine does not answer. It may come back: ask again later. */
export class EngineUnavailableError extends ApiError {
  constructor(name: string, cause: unknown) {
    super(503, `Cannot connect to the Docker daemon at ${name}. Is the docker daemon running?`);
    this.name = 'EngineUnavailableError';
    this.cause = cause;
  }
}

/** A request as it goes over the wire: the path with its version prefix and query, headers as a flat list. */
export interface RawRequest {
  method: string;
  path: string;
  headers: string[];
}

export class EngineClient {
  readonly name: string;
  readonly #connect: () => Duplex | Promise<Duplex>;
  readonly #pool: EnginePool;
  readonly #headers: EngineClientOptions['headers'];
  #version: Promise<EngineVersion> | undefined;
  #known: EngineVersion | undefined;

  constructor(options: EngineClientOptions) {
    this.name = options.name;
    this.#connect = options.connect;
    this.#headers = options.headers;
    this.#pool = new EnginePool(() => this.connect(), options.maxIdle ?? 16);
  }

  /** A new connection to the engine, owned by the caller. Throws EngineUnavailableError. */
  async connect(): Promise<Duplex> {
    try {
      return await this.#connect();
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** Never throws for a status; throws EngineUnavailableError, or the signal's reason. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<EngineResponse> {
    const version = options.apiVersion ?? (await this.apiVersion());
    return this.#send(method, `/v${version}${path}`, options);
  }

  /** The JSON of the answer (undefined if empty). Throws as request(), and ApiError with the engine's status and message. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.request(method, path, options);
    try {
      return await readJson<T>(response);
    } catch (error) {
      if (error instanceof ApiError || error instanceof SyntaxError) throw error;
      options.signal?.throwIfAborted();
      throw this.#unavailable(error);
    }
  }

  /** The body of a successful answer as it comes. Throws ApiError with the engine's own status and message. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<Readable> {
    const response = await this.request(method, path, options);
    if (response.status >= 400) throw await errorOf(response);
    return response.body;
  }

  /** Turns a request into a two-way connection (attach, exec start). Ending it is the process's end of input. */
  async hijack(
    method: string,
    path: string,
    options: Omit<RequestOptions, 'signal'> = {},
  ): Promise<Hijacked> {
    const version = await this.apiVersion();
    const target = `/v${version}${path}${queryString(options.query)}`;
    const body = encodeBody(options.body);
    return hijack(await this.connect(), method, target, { ...options.headers, ...body.headers }, body.bytes);
  }

  /** Events as they happen, until aborted (returns) or the connection breaks (throws). `since`: seconds, may be fractional. */
  async *events(
    options: { filters?: Record<string, string[]>; since?: number | string; until?: number | string },
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    try {
      const body = await this.stream('GET', '/events', { query: { ...options }, signal });
      yield* jsonLines<EngineEvent>(body);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Resolves when the engine answers. */
  async ping(signal?: AbortSignal): Promise<void> {
    const response = await this.#send('GET', '/_ping', { signal });
    response.body.resume();
    if (response.status !== 200)
      throw new ApiError(response.status, `the engine at ${this.name} is not well`);
  }

  /** What the engine says of itself; asked once per connection loss. */
  version(): Promise<EngineVersion> {
    this.#version ??= this.#send('GET', '/version', {})
      .then((response) => readJson<EngineVersion>(response))
      .then(
        (version) => {
          this.#known = version;
          return version;
        },
        (error: unknown) => {
          this.#version = undefined;
          throw error;
        },
      );
    return this.#version;
  }

  /** The version spoken with this engine. */
  async apiVersion(): Promise<string> {
    return servedVersion(await this.version());
  }

  /** The engine's last known version, for when it does not answer. */
  get knownVersion(): EngineVersion | undefined {
    return this.#known;
  }

  /**
   * Starts a request as it is given, for the proxy: nothing is added to path or headers. Errors come as events;
   * `unavailable` tells what such an error means.
   */
  raw(request: RawRequest): ClientRequest {
    const { method, path, headers } = request;
    return httpRequest({ agent: this.#pool, method, path, headers });
  }

  /** To be called with the error of a raw request: the version is asked anew, as the engine may have been replaced. */
  unavailable(cause: unknown): EngineUnavailableError {
    return this.#unavailable(cause);
  }

  /** Ends all connections, those of requests that run as well; hijacked ones belong to their callers. */
  close(): void {
    this.#pool.destroy();
  }

  #unavailable(cause: unknown): EngineUnavailableError {
    this.#version = undefined;
    return cause instanceof EngineUnavailableError ? cause : new EngineUnavailableError(this.name, cause);
  }

  async #send(
    method: string,
    path: string,
    options: RequestOptions,
    retried = false,
  ): Promise<EngineResponse> {
    options.signal?.throwIfAborted();
    const { bytes, stream, headers } = encodeBody(options.body);
    const request = httpRequest({
      agent: this.#pool,
      method,
      path: `${path}${queryString(options.query)}`,
      headers: { host: 'docker', ...this.#headers, ...options.headers, ...headers },
    });
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => undefined);
    const abort = (): void => {
      const reason = abortError(options.signal!);
      request.destroy(reason);
      // A request says that it has ended only once it has got its connection, which may never come about.
      aborted.reject(reason);
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    request.once('close', () => options.signal?.removeEventListener('abort', abort));
    try {
      const answer = new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve);
        request.on('error', reject);
        if (stream === undefined) request.end(bytes);
        else {
          stream.once('error', (error) => request.destroy(error));
          stream.pipe(request);
        }
      });
      const response = await Promise.race([answer, aborted.promise]);
      return { status: response.statusCode!, headers: response.headers, body: response };
    } catch (error) {
      if (options.signal?.aborted || error instanceof ApiError) throw error;
      // An idle connection may have been closed by an engine that restarted just as it was taken up.
      if (request.reusedSocket && !retried && (method === 'GET' || method === 'HEAD')) {
        return this.#send(method, path, options, true);
      }
      throw this.#unavailable(error);
    }
  }
}

/** A client of the engine that listens on a unix socket. */
export function unixEngine(path: string, headers?: Readonly<Record<string, string>>): EngineClient {
  return new EngineClient({ name: `unix://${path}`, connect: () => unixConnection(path), headers });
}

function unixConnection(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = netConnect({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** The newest version that both sides speak. */
export function servedVersion(version: { ApiVersion: string }): string {
  const minor = (text: string): number => Number(text.split('.')[1]);
  return minor(version.ApiVersion) < minor(MAX_API_VERSION) ? version.ApiVersion : MAX_API_VERSION;
}

/** Reads a whole body of moderate size. */
export async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The engine's error answer as an ApiError. Reads the body. */
export async function errorOf(response: EngineResponse): Promise<ApiError> {
  return refusal(response.status, (await readAll(response.body)).toString());
}

function refusal(status: number, text: string): ApiError {
  return new ApiError(status, messageOf(text) ?? `the engine answered with status ${status}`);
}

async function readJson<T>(response: EngineResponse): Promise<T> {
  const text = (await readAll(response.body)).toString();
  if (response.status >= 400) throw refusal(response.status, text);
  // The engine sends a path with `..` in it elsewhere: whatever is called so is not there.
  if (response.status === 301) throw new ApiError(404, 'page not found');
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

function messageOf(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return text.trim() === '' ? undefined : text.trim();
  }
}
