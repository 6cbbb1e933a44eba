/** The cluster as one Docker Engine: an HTTP server that answers itself, or has a host's engine answer. */
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Duplex, Readable } from 'node:stream';
import { takeOver, takesOver } from '../api/input.ts';
import { listen, listenUnix } from '../api/listen.ts';
import { forward, tunnel } from '../api/proxy.ts';
import { answerBadTarget, refuse, refuseRaw } from '../api/refuse.ts';
import { sendError, sendReply, sendStream } from '../api/reply.ts';
import { HttpApiRequest } from '../api/request.ts';
import { type ApiRequest, Router } from '../api/router.ts';
import { isTarget, parseTarget, type Target } from '../api/target.ts';
import { type EngineClient, EngineUnavailableError } from '../engine/client.ts';
import { ApiError, messageOf } from '../model/errors.ts';
import { createServer } from '../node/http.ts';
import type { ClusterContext, ClusterHandler, ClusterReply, ClusterRoutes, HandOver } from './contract.ts';
import { spokenWith } from './engine-call.ts';
import { API_VERSION, SWARM_VERSION } from './views/info.ts';

/** As Go's: registry credentials travel in headers. */
const MAX_HEADERS = 1024 * 1024;

/** PEM texts. Clients need a certificate signed by `ca`, if there is one. */
export interface EndpointTls {
  ca?: string;
  cert: string;
  key: string;
}

export interface ClusterServerOptions extends ClusterContext {
  routes: readonly ClusterRoutes[];
  /** Whether browsers of other origins may ask. */
  cors: boolean;
  /**
   * Who answers instead, if this manager does not lead; resolves once that is known. Throws ApiError when it does not
   * become known.
   */
  elsewhere?: (signal: AbortSignal) => Promise<EngineClient | undefined>;
}

const COMMON: OutgoingHttpHeaders = {
  'Api-Version': API_VERSION,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Docker/swarm/${SWARM_VERSION} (linux)`,
};
const CORS: OutgoingHttpHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': 'Origin, X-Requested-With, Content-Type, Accept, X-Registry-Auth',
  'Access-Control-Allow-Methods': 'GET, POST, DELETE, PUT, OPTIONS, HEAD',
};

export class ClusterServer {
  readonly #context: ClusterServerOptions;
  readonly #router = new Router<ClusterHandler>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Duplex>();
  readonly #common: OutgoingHttpHeaders;
  #inside: Server | undefined;

  constructor(options: ClusterServerOptions) {
    this.#context = options;
    this.#common = options.cors ? { ...COMMON, ...CORS } : COMMON;
    for (const routes of options.routes) routes(this.#router, options);
  }

  /** The caller has made sure that the socket's folder is there. */
  listenUnix(path: string): Promise<void> {
    return listenUnix(this.#add(createServer(this.#options())), path);
  }

  /** Returns the port, for when 0 was asked for. */
  async listenTcp(host: string, port: number, tls?: EndpointTls): Promise<number> {
    const server = this.#add(tls ? this.#tlsServer(tls) : createServer(this.#options()));
    await listen(server, { host, port });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Ends every connection; what runs on the hosts goes on. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Serves a connection that somebody else has accepted. */
  serve(socket: Duplex): void {
    this.#inside ??= this.#add(createServer(this.#options()));
    this.#inside.emit('connection', socket);
  }

  #tlsServer(tls: EndpointTls): Server {
    const verify = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
    // Without half-open connections an exec's end of input would end its output as well.
    const options = {
      ...this.#options(),
      ...tls,
      ...verify,
      minVersion: 'TLSv1.2' as const,
      allowHalfOpen: true,
    };
    return createTlsServer(options);
  }

  #options(): ServerOptions {
    return {
      maxHeaderSize: MAX_HEADERS,
      requestTimeout: 0,
      keepAliveTimeout: 0,
      shouldUpgradeCallback: (request) => isTarget(parseTarget(request.url!)),
    };
  }

  #add(server: Server): Server {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#handle(request, response);
    };
    server.on('request', handle);
    server.on('checkContinue', handle);
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    server.on('clientError', refuse);
    server.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#servers.push(server);
    return server;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const common = this.#common;
    try {
      const target = parseTarget(request.url!);
      if (!isTarget(target)) {
        answerBadTarget(response, target);
        return;
      }
      if (request.method === 'OPTIONS' && this.#context.cors) {
        sendReply(response, { status: 200 }, common);
        return;
      }
      const leader = OWN.includes(target.path) ? undefined : await this.#elsewhere(response);
      if (response.destroyed) return;
      if (leader) {
        await this.#passOn(request, response, target, { engine: leader, path: request.url! });
        return;
      }
      const { handler, params } = this.#match(request.method!, target);
      const { path, query } = target;
      const asked = new HttpApiRequest(request, response, {
        path,
        query,
        params,
        apiVersion: spoken(target),
      });
      const reply = await handler(asked);
      if (response.destroyed) return;
      if ('to' in reply) await this.#handOver(request, response, target, reply);
      else if ('stream' in reply) await sendStream(response, reply, common);
      else sendReply(response, reply, common);
    } catch (error) {
      sendError(response, asClientsSee(error), common, this.#context.log);
    }
  }

  #match(method: string, target: Target): { handler: ClusterHandler; params: Record<string, string> } {
    const match = this.#router.match(method, target.path);
    if (!match) throw new ApiError(404, '404 page not found');
    return match;
  }

  async #handOver(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    { to }: HandOver,
  ): Promise<void> {
    const { engine } = to.host;
    const path = `/v${await spokenWith(to.host, spoken(target))}${to.path}`;
    const { body, seen, over, host } = to;
    await this.#passOn(request, response, target, { engine, path, body, seen, over, hostKey: host.key });
  }

  async #passOn(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    to: Passing,
  ): Promise<void> {
    const { engine, path, body, seen, over } = to;
    if (await takesOver(request, target, engine)) {
      const taken = await takeOver(request, response);
      await this.#splice(request, taken.socket, taken.body, to);
      return;
    }
    if (over) response.once('close', over);
    forward(request, response, {
      ...{ engine, path, body, seen, common: this.#common },
      failed: (error) => {
        const said = this.#failed(to, error);
        sendError(response, asClientsSee(said), this.#common, this.#context.log);
      },
    });
  }

  /** A host that did not answer is looked at; a leader that did not is what the client is told of. */
  #failed({ hostKey, engine }: Passing, error: unknown): unknown {
    if (hostKey === undefined) {
      const address = engine.name.replace('tcp://', '');
      return new ApiError(500, `Unable to reach primary cluster manager (${messageOf(error)}): ${address}`);
    }
    this.#context.cluster.fleet.doubt(hostKey);
    return error;
  }

  /** The leader's endpoint, if that is another one. */
  async #elsewhere(client: Duplex | ServerResponse): Promise<EngineClient | undefined> {
    const { elsewhere } = this.#context;
    if (!elsewhere) return undefined;
    const gone = new AbortController();
    client.once('close', () => gone.abort());
    return elsewhere(gone.signal);
  }

  /** A client asks for a connection of its own: only an engine's answer takes it over. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const target = parseTarget(request.url!) as Target;
      const leader = await this.#elsewhere(socket);
      if (leader) {
        await this.#splice(request, socket, head, { engine: leader, path: request.url! });
        return;
      }
      const { handler, params } = this.#match(request.method!, target);
      const reply: ClusterReply = await handler(upgradeRequest(request, target, params, socket, head));
      if (!('to' in reply)) throw new ApiError(400, 'this request cannot be upgraded');
      const path = `/v${await spokenWith(reply.to.host, spoken(target))}${reply.to.path}`;
      const { host, over } = reply.to;
      await this.#splice(request, socket, head, { engine: host.engine, path, over, hostKey: host.key });
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  async #splice(request: IncomingMessage, socket: Duplex, head: Buffer, to: Passing): Promise<void> {
    if (to.over) socket.once('close', to.over);
    try {
      await tunnel(request, socket, head, to);
    } catch (error) {
      this.#refuse(socket, this.#failed(to, error));
    }
  }

  #refuse(socket: Duplex, error: unknown): void {
    const seen = asClientsSee(error);
    if (!(seen instanceof ApiError)) this.#context.log.error({ err: error }, 'upgrade failed');
    const status = seen instanceof ApiError ? seen.status : 500;
    refuseRaw(socket, status, 'application/json', JSON.stringify({ message: (seen as Error).message }));
  }
}

/** What a manager that does not lead says itself. */
const OWN = ['/_ping', '/info'];

interface Passing {
  engine: EngineClient;
  /** As it goes over the wire. */
  path: string;
  body?: Buffer;
  seen?: (answer: IncomingMessage) => void;
  over?: () => void;
  /** Absent: it is the leader that is asked. */
  hostKey?: string;
}

/** The version of the path, which is taken as it is. */
const spoken = ({ version }: Target): string => version ?? API_VERSION;

/** That a host does not answer is no matter of the endpoint's own being there. */
function asClientsSee(error: unknown): unknown {
  return error instanceof EngineUnavailableError ? new ApiError(500, error.message) : error;
}

/** Its body is not read: it is the engine's. */
function upgradeRequest(
  { method, headers }: IncomingMessage,
  { path, query, version }: Target,
  params: Record<string, string>,
  socket: Duplex,
  head: Buffer,
): ApiRequest {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  return {
    ...{ method: method!, path, params, query, headers, signal: gone.signal },
    apiVersion: version ?? API_VERSION,
    json: () => Promise.reject(new ApiError(400, 'the body of this request is not read here')),
    bytes: () => Promise.resolve(head),
    body: () => Readable.from([head]),
  };
}
