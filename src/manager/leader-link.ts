/** A manager's way to the one that leads, over that one's cluster port. */
import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { withoutEmptyWrites } from '../agent/tunnel.ts';
import type { Leader } from '../api/contract.ts';
import { ApiError, noLeader } from '../model/errors.ts';
import type { Door } from '../model/protocol.ts';
import type { Office } from './contract.ts';

export interface LeaderLinkOptions {
  /** host:port of the leader's cluster port; undefined: nobody leads. */
  address(): string | undefined;
  /** A connection to that manager, as this node. */
  connect(address: string, signal: AbortSignal): Promise<ClientHttp2Session>;
}

/** How long (ms) the leader may take to begin a stream. */
const PATIENCE = 2_000;

export class LeaderLink {
  readonly #options: LeaderLinkOptions;
  readonly #over = new AbortController();
  #current: { address: string; session: Promise<ClientHttp2Session> } | undefined;

  constructor(options: LeaderLinkOptions) {
    this.#options = options;
  }

  /** A connection to the leader's API. Rejects with ApiError if there is no leader that can be reached. */
  connectApi(): Promise<Duplex> {
    return this.#stream('/api');
  }

  /** A connection to the engine of that node, or to its host's API, through the leader. Rejects with ApiError. */
  connectEngine(nodeId: string, door: Door = 'engine'): Promise<Duplex> {
    return this.#stream(`/${door === 'api' ? 'host' : 'engine'}/${encodeURIComponent(nodeId)}`);
  }

  close(): void {
    this.#over.abort(new Error('the manager is stopping'));
    this.#forget();
  }

  async #stream(path: string): Promise<Duplex> {
    const session = await this.#session();
    const stream = session.request({ ':method': 'POST', ':path': path }, { endStream: false });
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const timer = setTimeout(() => {
      stream.destroy(new ApiError(503, 'the leader does not answer'));
      session.destroy();
    }, PATIENCE);
    stream.on('error', reject);
    stream.once('close', () => reject(new ApiError(503, 'the leader has broken off')));
    stream.once('response', (headers) => {
      if (headers[':status'] === 200) resolve(withoutEmptyWrites(stream));
      else {
        reject(new ApiError(Number(headers[':status'] ?? 503), `the leader refuses ${path}`));
        stream.destroy();
      }
    });
    return promise.finally(() => clearTimeout(timer));
  }

  async #session(): Promise<ClientHttp2Session> {
    const address = this.#options.address();
    if (address === undefined) throw noLeader();
    if (this.#current?.address !== address) {
      this.#forget();
      const session = this.#options.connect(address, this.#over.signal);
      this.#current = { address, session };
      const forget = (): void => {
        if (this.#current?.session === session) this.#current = undefined;
      };
      session.then((connection) => connection.once('close', forget), forget);
    }
    return this.#current.session;
  }

  #forget(): void {
    this.#current?.session.then(
      (session) => session.destroy(),
      () => undefined,
    );
    this.#current = undefined;
  }
}

/** @param isHere whether this manager leads and has taken up its duties */
export function leaderFace(office: Office, link: LeaderLink, isHere: () => boolean): Leader {
  return {
    isHere,
    requireCurrent() {
      if (!office.isCurrent()) throw noLeader();
    },
    connect: () => link.connectApi(),
    changed(patience) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, patience);
      const unwatch = office.watch(resolve);
      return promise.finally(() => {
        clearTimeout(timer);
        unwatch();
      });
    },
  };
}
