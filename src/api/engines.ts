/** What is not answered here: it goes to the engine of this host, or of the one that has what the request is about. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { servedVersion } from '../engine/client.ts';
import { ApiError } from '../model/errors.ts';
import { takeOver, takesOver } from './input.ts';
import { forward, tunnel } from './proxy.ts';
import { refuseRaw } from './refuse.ts';
import { type Destination, Destinations } from './remote/destination.ts';
import { sendError } from './reply.ts';
import type { ApiContext } from './router.ts';
import { parseTarget, type Target } from './target.ts';
import { checkVersion, destinationPath, enginePath, OLDEST_ENGINE } from './versions.ts';

export class Engines {
  readonly #context: ApiContext;
  readonly #destinations: Destinations;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#destinations = new Destinations(context);
  }

  /** Of this host's engine; the last one known while it is away. */
  async version(): Promise<typeof OLDEST_ENGINE> {
    const { engine } = this.#context;
    return engine.version().catch(() => engine.knownVersion ?? OLDEST_ENGINE);
  }

  /** To the engine of the host that has what the request is about. */
  async pass(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    common: OutgoingHttpHeaders,
  ): Promise<void> {
    const found = this.#destinations.of(request.method!, target, String(common['Api-Version']));
    const to = found && (await found);
    if (response.destroyed) return;
    const takesIt = await takesOver(request, target, to?.engine ?? this.#context.engine);
    if (response.destroyed) return;
    if (!takesIt) {
      this.forward(request, response, target, common, {}, to);
      return;
    }
    const { socket, body } = await takeOver(request, response);
    await this.#tunnel(request, socket, body, target, String(common['Api-Version']), to);
  }

  /** To that engine, or this host's, with another query or body if that was changed here. */
  forward(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    common: OutgoingHttpHeaders,
    change: { query?: URLSearchParams; body?: Buffer } = {},
    to?: Destination,
  ): void {
    const { engine, log } = this.#context;
    const raw = change.query ? `${target.raw.split('?', 1)[0]}?${change.query}` : target.raw;
    forward(request, response, {
      engine: to?.engine ?? engine,
      path: to
        ? destinationPath(target, to, String(common['Api-Version']))
        : enginePath(target, raw, String(common['Api-Version'])),
      body: change.body,
      common,
      failed: (error) => sendError(response, to ? to.explain(error) : error, common, log),
      seen: to?.seen,
    });
  }

  /** A request that takes its connection over: to the engine that it is about. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      const target = parseTarget(request.url!) as Target;
      const version = await this.version();
      checkVersion(target, version);
      const served = servedVersion(version);
      const to = await this.#destinations.of(request.method!, target, served);
      await this.#tunnel(request, socket, head, target, served, to);
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  async #tunnel(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    target: Target,
    served: string,
    to?: Destination,
  ): Promise<void> {
    try {
      await tunnel(request, socket, head, {
        engine: to?.engine ?? this.#context.engine,
        path: to ? destinationPath(target, to, served) : enginePath(target, target.raw, served),
      });
    } catch (error) {
      this.#refuse(socket, to ? to.explain(error as Error) : error);
    }
  }

  #refuse(socket: Duplex, error: unknown): void {
    const status = error instanceof ApiError ? error.status : 500;
    if (!(error instanceof ApiError)) this.#context.log.error({ err: error }, 'upgrade failed');
    refuseRaw(socket, status, 'application/json', JSON.stringify({ message: (error as Error).message }));
  }
}
