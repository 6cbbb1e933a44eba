/** The cluster as one Docker Engine: an HTTP server that answers itself, or has a host's engine answer. */
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Duplex, Readable } from 'node:stream';
import { takeOver, takesOver } from '../api/input.ts';
import { listen, listenUnix } from '../api/listen.ts';
import { forward, tunnel } from '../api/proxy.ts';
import { answerBadTarget, refuse, refuseRaw } from '../api/refuse.ts';
import { sendError, sendReply, sendStream } from '../api/reply.ts';
import { HttpApiRequest } from '../api/request.ts';
import { Router } from '../api/router.ts';
import { type BadTarget, parseTarget, type Target } from '../api/target.ts';
import { EngineUnavailableError } from '../engine/client.ts';
import { ApiError } from '../model/errors.ts';
import type {
  ClusterContext,
  ClusterHandler,
  ClusterReply,
  ClusterRequest,
  ClusterRoutes,
  HandOver,
} from './contract.ts';
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

/** Where connections go that are not to be answered here. Throws what to say to the client. */
export interface Elsewhere {
  /** Undefined: here. May wait until that is known. */
  connect(request: { path: string }): Promise<Duplex | undefined>;
}

export interface ClusterServerOptions extends ClusterContext {
  routes: readonly ClusterRoutes[];
  /** Whether browsers of other origins may ask. */
  cors: boolean;
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

  routes(): Array<{ method: string; path: string }> {
    return this.#router.list();
  }

  /** Ends every connection; what runs on the hosts goes on. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Serves a connection that somebody else has accepted. */
  serve(socket: Duplex): void {
    this.#servers[0]?.emit('connection', socket);
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
      const { handler, params } = this.#match(request.method!, target);
      const { path, query } = target;
      const asked = new HttpClusterRequest(request, response, {
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
    if (await takesOver(request, target, engine)) {
      const { socket, body } = await takeOver(request, response);
      await this.#splice(request, socket, body, path, to);
      return;
    }
    if (to.over) response.once('close', to.over);
    forward(request, response, {
      engine,
      path,
      body: to.body,
      common: this.#common,
      seen: to.seen,
      failed: (error) => {
        this.#context.cluster.fleet.doubt(to.host.key);
        sendError(response, asClientsSee(error), this.#common, this.#context.log);
      },
    });
  }

  /** A client asks for a connection of its own: only an engine's answer takes it over. */
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const target = parseTarget(request.url!) as Target;
      const { handler, params } = this.#match(request.method!, target);
      const reply: ClusterReply = await handler(upgradeRequest(request, target, params, socket, head));
      if (!('to' in reply)) throw new ApiError(400, 'this request cannot be upgraded');
      const path = `/v${await spokenWith(reply.to.host, spoken(target))}${reply.to.path}`;
      await this.#splice(request, socket, head, path, reply.to);
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  async #splice(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    path: string,
    to: HandOver['to'],
  ): Promise<void> {
    if (to.over) socket.once('close', to.over);
    try {
      await tunnel(request, socket, head, { engine: to.host.engine, path });
    } catch (error) {
      this.#context.cluster.fleet.doubt(to.host.key);
      this.#refuse(socket, error);
    }
  }

  #refuse(socket: Duplex, error: unknown): void {
    const seen = asClientsSee(error);
    if (!(seen instanceof ApiError)) this.#context.log.error({ err: error }, 'upgrade failed');
    const status = seen instanceof ApiError ? seen.status : 500;
    refuseRaw(socket, status, 'application/json', JSON.stringify({ message: (seen as Error).message }));
  }
}

class HttpClusterRequest extends HttpApiRequest implements ClusterRequest {
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    about: ConstructorParameters<typeof HttpApiRequest>[2],
  ) {
    super(incoming, outgoing, about);
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  body(): IncomingMessage {
    if (this.headers.expect !== undefined) this.#outgoing.writeContinue();
    return this.#incoming;
  }
}

/** The version of the path, which is taken as it is. */
const spoken = ({ version }: Target): string => version ?? API_VERSION;

function isTarget(target: Target | BadTarget): target is Target {
  return typeof target === 'object' && 'path' in target;
}

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
): ClusterRequest {
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
