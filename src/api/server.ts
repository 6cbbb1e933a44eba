/**
 * The Docker Engine API of this host: one HTTP server that answers what is about the swarm itself and passes all the
 * rest to the local engine.
 */
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  Server,
  ServerOptions,
  ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { ApiError, NotCurrentError } from '../model/errors.ts';
import { createServer } from '../node/http.ts';
import { NotLeadingError } from '../store/store-error.ts';
import { Engines } from './engines.ts';
import { listen, listenUnix } from './listen.ts';
import { Owed } from './owed.ts';
import { askLeader, MISDIRECTED, PassOn, REVISION } from './pass-on.ts';
import { answerBadTarget, refuse } from './refuse.ts';
import { sendError, sendReply, sendStream } from './reply.ts';
import { HttpApiRequest } from './request.ts';
import { type ApiContext, type Match, type Reply, type RouteModule, Router } from './router.ts';
import { isTarget, parseTarget, type Target } from './target.ts';
import { checkVersion, headersOf } from './versions.ts';

/** As Go's: registry credentials travel in headers. */
const MAX_HEADERS = 1024 * 1024;
/** How long (ms) a request waits for an election, and how often it looks. */
const ELECTION = 2_000;
const LOOK = 50;

/** PEM texts. Only clients with a certificate signed by `ca` are served. */
export interface ServerTls {
  ca: string;
  cert: string;
  key: string;
}

/** A request that was answered, as figures have it. */
export interface Answered {
  method: string;
  /** As it was registered; undefined: the engine has answered. */
  route: string | undefined;
  status: number;
  ms: number;
}

/** A request that was answered here, and how. */
export interface Written {
  method: string;
  path: string;
  status: number;
  headers: IncomingHttpHeaders;
  /** Over a socket of this host; otherwise from that address. */
  isLocal: boolean;
  address: string;
  /** The id of what was made. */
  made?: string;
}

export interface ApiServerOptions extends ApiContext {
  /** Told of each answer that is complete, but for streams, which last for as long as somebody wants them. */
  answered?: (answered: Answered) => void;
  routes: readonly RouteModule[];
  /** Told of each request that was answered here, those that another manager has passed on left out. */
  written?: (written: Written) => void;
  /** Closes the server when aborted. */
  signal?: AbortSignal;
}

export class ApiServer {
  readonly #context: ApiContext;
  readonly #router = new Router();
  readonly #engines: Engines;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Duplex>();
  /** For connections from other managers, whose requests are for the leader; made with the first one. */
  #forLeader: Server | undefined;
  /** Answers that are streams for as long as somebody wants them. */
  readonly #lasting = new WeakSet<ServerResponse>();
  readonly #passedOn = new WeakSet<Duplex>();
  /** Connections of other managers, of one request each, that have no answer yet. */
  readonly #owed = new Owed();
  readonly #answered: ((answered: Answered) => void) | undefined;
  readonly #written: ApiServerOptions['written'];
  #answering = 0;

  constructor(options: ApiServerOptions) {
    const { engine, membership, log } = options;
    this.#context = { engine, membership, log };
    this.#answered = options.answered;
    this.#written = options.written;
    this.#engines = new Engines(this.#context);
    for (const routes of options.routes) routes(this.#router, this.#context);
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  listenUnix(path: string): Promise<void> {
    return listenUnix(this.#add(createServer(this.#options())), path);
  }

  /** Returns the port, for when 0 was asked for. */
  async listenTls(host: string, port: number, tls: ServerTls): Promise<number> {
    const verify = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' as const };
    // Without half-open connections an exec's end of input would end its output as well.
    const server = this.#add(createTlsServer({ ...this.#options(), ...tls, ...verify, allowHalfOpen: true }));
    await listen(server, { host, port });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Answers what another manager passes on, as the leader or not at all. */
  serve(connection: Duplex): void {
    this.#forLeader ??= this.#add(createServer(this.#options()));
    this.#passedOn.add(connection);
    this.#owed.add(connection);
    this.#forLeader.emit('connection', connection);
  }

  /** Whether answers are being sent, other than streams that last until somebody has enough of them. */
  get answering(): boolean {
    return this.#answering > 0;
  }

  /** Resolves when what other managers have passed on so far is answered, or after so many milliseconds. */
  settled(patience: number): Promise<void> {
    return this.#owed.settled(patience);
  }

  /** Every route that is answered here. */
  routes(): Array<{ method: string; path: string }> {
    return this.#router.list();
  }

  /** Ends every connection; what runs on the engine goes on. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #options(): ServerOptions {
    return {
      maxHeaderSize: MAX_HEADERS,
      // Uploads take as long as they take, and idle connections are the client's to close, as with dockerd.
      requestTimeout: 0,
      keepAliveTimeout: 0,
      shouldUpgradeCallback: (request) => this.#isEngines(request),
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
    const { log } = this.#context;
    let common: OutgoingHttpHeaders = {};
    try {
      const target = parseTarget(request.url!);
      if (!isTarget(target)) {
        answerBadTarget(response, target);
        return;
      }
      const engine = await this.#engines.version();
      common = headersOf(engine);
      const version = checkVersion(target, engine);
      const match = this.#router.match(request.method!, target.path);
      if (this.#answered) this.#time(request.method!, match?.route, response);
      if (match) await this.#answer(request, response, target, match, version, common);
      // The engine answers OPTIONS for whatever there might be, and does nothing.
      else if (this.#router.owns(target.path) && request.method !== 'OPTIONS')
        throw new ApiError(404, 'page not found');
      else await this.#engines.pass(request, response, target, common);
    } catch (error) {
      sendError(response, error, common, log);
    }
  }

  #time(method: string, route: string | undefined, response: ServerResponse): void {
    const begun = performance.now();
    response.once('finish', () => {
      if (this.#lasting.has(response)) return;
      this.#answered?.({ method, route, status: response.statusCode, ms: performance.now() - begun });
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    match: Match,
    apiVersion: string,
    always: OutgoingHttpHeaders,
  ): Promise<void> {
    const { path, query } = target;
    const asked = new HttpApiRequest(request, response, { path, query, params: match.params, apiVersion });
    const passedOn = this.#passedOn.has(request.socket);
    const wrote = (status: number, body?: unknown): void => {
      const made = status === 201 ? (body as { ID?: string } | undefined)?.ID : undefined;
      if (!passedOn) this.#written?.({ ...writtenBy(request), path, status, ...(made && { made }) });
    };
    const reply = await this.#decide(asked, match, passedOn).catch((error: unknown) => {
      wrote(error instanceof ApiError ? error.status : 500);
      throw error;
    });
    if ('status' in reply) wrote(reply.status, 'body' in reply ? reply.body : undefined);
    if (response.destroyed) return;
    const { store } = this.#context.membership.manager() ?? {};
    const common = passedOn && store ? { ...always, [REVISION]: store.view.revision } : always;
    if ('pass' in reply) {
      await this.#engines.pass(request, response, target, common);
      return;
    }
    if ('forward' in reply) {
      this.#engines.forward(request, response, target, common, reply.forward);
      return;
    }
    if ('stream' in reply && reply.lasting) {
      this.#lasting.add(response);
      this.#owed.pay(request.socket);
    } else {
      this.#answering++;
      response.once('close', () => this.#answering--);
    }
    if ('stream' in reply) await sendStream(response, reply, common);
    else sendReply(response, reply, common);
  }

  /**
   * The reply; that of the leader, if it takes the leader and this manager is not it. While managers elect another leader
   * nobody is refused for that.
   */
  async #decide(asked: HttpApiRequest, { handler }: Match, passedOn: boolean): Promise<Reply> {
    const deadline = performance.now() + ELECTION;
    for (;;) {
      try {
        return await handler(asked);
      } catch (error) {
        const manager = this.#context.membership.manager();
        if (error instanceof NotCurrentError && manager && performance.now() < deadline) {
          await manager.leader.changed(LOOK);
          asked.signal.throwIfAborted();
          continue;
        }
        if (!(error instanceof NotLeadingError) || !manager) throw error;
        if (passedOn) throw new ApiError(MISDIRECTED, error.message);
        const answer = await askLeader(manager, asked, error instanceof PassOn ? error.learned : undefined);
        if (!answer) continue;
        const { status, body } = answer;
        const type = answer.headers['content-type'];
        return { status, text: body.toString(), ...(type && { headers: { 'Content-Type': type } }) };
      }
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    this.#owed.pay(socket);
    await this.#engines.upgrade(request, socket, head);
  }

  #isEngines(request: IncomingMessage): boolean {
    const target = parseTarget(request.url!);
    if (!isTarget(target)) return false;
    return !this.#router.owns(target.path) && !this.#router.match(request.method!, target.path);
  }
}

function writtenBy({ method = '', headers, socket }: IncomingMessage): Omit<Written, 'path' | 'status'> {
  const { remoteAddress } = socket;
  return { method, headers, isLocal: remoteAddress === undefined, address: remoteAddress ?? '' };
}
