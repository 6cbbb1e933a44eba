/**
 * The port of the web interface: pages and their files, the API for browsers and for clients with a token, the live socket.
 * HTTP/2, and HTTP/1.1 for WebSockets and the docker CLI.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Actor, has, refusal } from '../access/actor.ts';
import type { ManagerFace } from '../api/contract.ts';
import { refuseRaw } from '../api/refuse.ts';
import type { Logger } from '../api/router.ts';
import { parseTarget } from '../api/target.ts';
import { type EngineClient, unixEngine } from '../engine/client.ts';
import type { NodesFleet } from '../fleet/nodes.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import type { Assets } from './assets.ts';
import { certificateOf, renewing, type ServerCertificate } from './certificate.ts';
import { Consoles } from './console.ts';
import { type Asked, asked, hostOf, type Reply, replyTo } from './exchange.ts';
import { EXEC_START, Gateway, TooMany } from './gateway/gateway.ts';
import { identifyWall, isSameHost, isStillGood } from './gateway/identify.ts';
import { tunnel } from './gateway/tunnel.ts';
import { COMMON } from './headers.ts';
import { hostNamed } from './hosts/asked.ts';
import { HostFeeds } from './hosts/feeds.ts';
import { LiveHub } from './live/hub.ts';
import { serveLive } from './live/socket.ts';

/** The largest message of a browser, bytes. */
const MAX_MESSAGE = 64 * 1024;

export interface UiOptions {
  manager: ManagerFace;
  /** What is on the nodes; undefined where that manager is none any more. */
  nodes(manager: ManagerFace): Promise<NodesFleet | undefined>;
  /** Of the daemon's own API. */
  socket: string;
  host: string;
  port: number;
  /** DNS names that the interface is also reached by. */
  names: readonly string[];
  /** PEM files' contents; absent: the swarm's own authority makes them. */
  certificate?: { cert: string; key: string };
  assets: Assets;
  clock: Clock;
  log: Logger;
}

export class UiServer {
  readonly #options: UiOptions;
  readonly #gateway: Gateway;
  readonly #hub: LiveHub;
  readonly #hosts: HostFeeds;
  readonly #consoles: Consoles;
  /** The daemon's own. */
  readonly #api: EngineClient;
  readonly #web = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });
  readonly #sockets = new Set<Duplex>();
  /** Connections that go on, by whoever opened them: they end with the session. */
  readonly #lasting = new Map<Duplex, Actor>();
  readonly #server: Http2SecureServer;
  readonly #names: ReadonlySet<string>;
  readonly #unwatch: () => void;
  readonly #closed = new AbortController();
  readonly #unrenew: () => void;

  /** Serves from when it resolves on. Rejects if it cannot be listened at that port. */
  static async start(options: UiOptions): Promise<UiServer> {
    const certificate = await certificateOf(options);
    const server = new UiServer(options, certificate);
    try {
      await server.#listen();
      return server;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  private constructor(options: UiOptions, certificate: ServerCertificate) {
    this.#options = options;
    const { manager, socket, log, clock, names, nodes } = options;
    this.#gateway = new Gateway({ manager, socket, log });
    this.#hub = new LiveHub(manager.store, clock);
    this.#hosts = new HostFeeds({ nodes: () => nodes(manager), home: manager.nodeId, clock });
    this.#api = unixEngine(socket);
    this.#consoles = new Consoles((actor) => isStillGood(actor, manager.store.view, manager.now()));
    this.#names = new Set(['localhost', hostname(), ...names].map((name) => name.toLowerCase()));
    this.#server = createSecureServer({
      allowHTTP1: true,
      minVersion: 'TLSv1.2',
      key: certificate.key,
      cert: certificate.cert,
    });
    this.#server.on('request', (request, response) => void this.#handle(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, wire: Duplex, head: Buffer) => {
      void this.#upgrade(request, wire, head);
    });
    this.#server.on('connection', (wire: Duplex) => {
      this.#sockets.add(wire);
      wire.once('close', () => this.#sockets.delete(wire));
    });
    this.#server.on('sessionError', (error) =>
      log.debug({ err: error }, 'web interface: a connection broke'),
    );
    this.#unwatch = manager.store.watch(manager.store.view.revision, ({ events }) => {
      const isOfAccess = events.some(
        ({ kind }) => kind === 'session' || kind === 'user' || kind === 'accessToken',
      );
      if (isOfAccess) this.#endLasting();
    });
    this.#unrenew = renewing(certificate, options, (next) =>
      this.#server.setSecureContext({ key: next.key, cert: next.cert }),
    );
  }

  /** The port that is listened at. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : this.#options.port;
  }

  close(): void {
    this.#closed.abort();
    this.#unrenew();
    this.#unwatch();
    this.#hub.end();
    this.#hosts.end();
    this.#consoles.close();
    this.#gateway.close();
    this.#server.close();
    for (const wire of this.#sockets) wire.destroy();
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: host || undefined, port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async #handle(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    // A client that breaks off is no fault.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const reply = replyTo(response);
    try {
      await this.#answer(asked(request, gone.signal), reply);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else await this.#fail(reply, error);
    }
  }

  async #answer(asked: Asked, reply: Reply): Promise<void> {
    this.#refuseRebound(asked);
    const target = parseTarget(asked.url);
    if (target === 'malformed') throw new ApiError(400, '400 Bad Request');
    if ('moved' in target) {
      await reply.send(301, { ...COMMON, location: target.moved }, '');
      return;
    }
    if (asked.method === 'GET' || asked.method === 'HEAD') {
      const file = this.#options.assets.answer(target.path, asked.headers['accept-encoding']);
      if (file) {
        await reply.send(file.status, file.headers, file.body);
        return;
      }
    }
    await this.#gateway.answer(asked, target, reply);
  }

  async #upgrade(request: IncomingMessage, wire: Duplex, head: Buffer): Promise<void> {
    wire.on('error', () => wire.destroy());
    // Or else the end of an exec's input would end its output as well.
    wire.allowHalfOpen = true;
    const gone = new AbortController();
    wire.once('close', () => gone.abort());
    try {
      const from = asked(request, gone.signal);
      this.#refuseRebound(from);
      const target = parseTarget(from.url);
      if (typeof target !== 'object' || 'moved' in target) throw new ApiError(400, '400 Bad Request');
      const isWeb = request.headers.upgrade?.toLowerCase() === 'websocket';
      if (!isWeb) {
        const granted = this.#gateway.grant(from, target);
        const id = target.path.split('/')[2] ?? '';
        if (granted.grant.path === EXEC_START) this.#gateway.execs.start(id, granted.actor!);
        else if (!granted.grant.lasting || from.method !== 'POST')
          throw new ApiError(400, 'this is not upgraded');
        this.#gateway.audit(from, granted.actor!.name, granted.actor, target.path, 101);
        this.#keep(wire, granted.actor!);
        await tunnel({
          socket: this.#options.socket,
          from,
          granted,
          target,
          wire,
          head,
        });
        return;
      }
      const { store, now } = this.#options.manager;
      const isLive = target.path === '/essaim/live';
      const wall = isLive ? identifyWall(from.headers, store.view, now()) : undefined;
      const actor = wall ?? this.#gateway.identify(from);
      if (!actor) throw new ApiError(401, 'sign in first');
      // A page of another site can open a WebSocket, and the browser sends the cookie with it.
      const isForeign = !isSameHost(from.headers, hostOf(from));
      if (isForeign && (wall || from.headers.origin !== undefined || actor.via.kind === 'session'))
        throw new ApiError(403, 'this connection was opened by a page of another site');
      if (target.path === '/essaim/console') {
        await this.#console(request, wire, head, from, actor, target.query);
        return;
      }
      if (!isLive) throw new ApiError(404, 'page not found');
      if (!has(actor, 'wall')) throw new ApiError(403, refusal(actor, 'wall'));
      this.#web.handleUpgrade(request, wire, head, (socket: WebSocket) => {
        this.#keep(wire, actor);
        serveLive(socket, actor, {
          ...{ hub: this.#hub, hosts: this.#hosts },
          ...{ api: this.#options.socket, signal: this.#closed.signal },
        });
      });
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 500;
      if (status === 500) this.#options.log.error({ err: error }, 'web interface: upgrade failed');
      refuseRaw(wire, status, 'application/json', JSON.stringify({ message: (error as Error).message }));
    }
  }

  /**
   * A program in a container: `?container=ID&cols=80&rows=24`, with `&node=ID` for one that is no task's, or `?resume=ID`
   * for one that was left a moment ago.
   */
  async #console(
    request: IncomingMessage,
    wire: Duplex,
    head: Buffer,
    from: Asked,
    actor: Actor,
    query: URLSearchParams,
  ): Promise<void> {
    const resumed = query.get('resume') ?? '';
    const asked = { container: query.get('container') ?? '', node: query.get('node') ?? undefined };
    const wanted = resumed ? this.#consoles.resumable(resumed, actor) : asked;
    if (!wanted?.container) throw new ApiError(404, 'this console is over');
    const { node } = wanted;
    const path = `${node ? `/essaim/nodes/${node}` : ''}/containers/${wanted.container}/exec`;
    // Asked anew each time: a right may have been taken away meanwhile.
    const granted = this.#gateway.allowed(actor, 'POST', path);
    const api = node && !resumed ? await this.#apiOf(node) : this.#api;
    const size = (name: string, least: number): number =>
      Math.min(Math.max(Number(query.get(name)) || 0, least), 1_000);
    const user = query.get('user') ?? undefined;
    const command = query.has('command') ? query.getAll('command') : undefined;
    this.#gateway.audit(from, actor.name, actor, path, 101);
    this.#web.handleUpgrade(request, wire, head, (socket: WebSocket) => {
      this.#keep(wire, actor);
      const container = granted.path.split('/').at(-2)!;
      if (resumed) this.#consoles.resume(socket, resumed, actor);
      else
        void this.#consoles.open(socket, {
          ...{ container, node, api, actor, command, user },
          ...{ cols: size('cols', 20), rows: size('rows', 5) },
        });
    });
  }

  /** @throws ApiError 404, 503 */
  async #apiOf(node: string): Promise<EngineClient> {
    const { manager, nodes } = this.#options;
    const found = await nodes(manager);
    if (!found) throw new ApiError(503, 'this host is no manager any more');
    await found.known;
    return hostNamed(found.fleet, node).engine;
  }

  #keep(wire: Duplex, actor: Actor): void {
    this.#lasting.set(wire, actor);
    wire.once('close', () => this.#lasting.delete(wire));
  }

  #endLasting(): void {
    const { store, now } = this.#options.manager;
    for (const [wire, actor] of this.#lasting) if (!isStillGood(actor, store.view, now())) wire.destroy();
  }

  /** A name that somebody else's DNS leads here is none of this host's: a page from there must not get answers. */
  #refuseRebound(from: Asked): void {
    const host = hostOf(from);
    const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    if (isIP(name) || this.#names.has(name) || this.#isNode(name)) return;
    throw new ApiError(
      421,
      `this is not a name of this host: ${name}. If it is meant to be one, start the daemon with --ui-name ${name}`,
    );
  }

  #isNode(name: string): boolean {
    return this.#options.manager.store.view.byName('node', name).length > 0;
  }

  async #fail(reply: Reply, error: unknown): Promise<void> {
    const known = error instanceof ApiError;
    if (!known) this.#options.log.error({ err: error }, 'web interface: request failed');
    const headers: OutgoingHttpHeaders = {
      ...COMMON,
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(error instanceof TooMany && { 'retry-after': String(error.after) }),
    };
    const message = known ? error.message : 'the request failed: the log of the daemon says why';
    await reply.send(known ? error.status : 500, headers, `${JSON.stringify({ message })}\n`);
  }
}
