/** A manager's way to the one that leads, over that one's cluster port. */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { withoutEmptyWrites } from '../agent/tunnel.ts';
import type { Leader } from '../api/contract.ts';
import { ApiError, NotCurrentError, noLeader } from '../model/errors.ts';
import type { DialRequest } from '../model/protocol.ts';
import { OWN_PROTOCOL } from '../model/protocol-version.ts';
import type { Office } from './contract.ts';

export interface LeaderLinkOptions {
  /** host:port of the leader's cluster port; undefined: nobody leads. */
  address(): string | undefined;
  /** Calls `listener` whenever another manager leads, or none. Returns what ends that. */
  watch(listener: () => void): () => void;
  /** A connection to that manager, as this node. */
  connect(address: string, signal: AbortSignal): Promise<ClientHttp2Session>;
}

/** How long (ms) the leader may take to begin a stream. */
const PATIENCE = 2_000;
/** How long (ms) one that does not lead any more may take to answer what it was asked before. */
const LAST_WORDS = 1_000;

interface Link {
  address: string;
  session: Promise<ClientHttp2Session>;
  /** Aborted when that manager does not lead any more: nothing new is begun with it, and nobody waits for it. */
  left: AbortSignal;
  leave(): void;
}

export class LeaderLink {
  readonly #options: LeaderLinkOptions;
  readonly #over = new AbortController();
  readonly #unwatch: () => void;
  #current: Link | undefined;

  constructor(options: LeaderLinkOptions) {
    this.#options = options;
    this.#unwatch = options.watch(() => {
      if (this.#current?.address !== options.address()) this.#leave();
    });
  }

  /** A connection to the leader's API. Rejects with 503 if there is no leader that can be reached. */
  async connectApi(): Promise<Duplex> {
    return withoutEmptyWrites(await this.#post('/api', this.#link(), 'the leader refuses to be asked'));
  }

  /**
   * Has the leader tell that node to open a tunnel to this manager. The signal is aborted when that manager does not lead
   * any more. Rejects with ApiError.
   */
  async dial(nodeId: string, { key, to }: DialRequest): Promise<AbortSignal> {
    const link = this.#link();
    const path = `/dial/${encodeURIComponent(nodeId)}/${to}/${key}`;
    const stream = await this.#post(path, link, `node ${nodeId} has no session with the leader`);
    stream.close();
    return link.left;
  }

  close(): void {
    this.#unwatch();
    this.#over.abort(new Error('the manager is stopping'));
    this.#current?.session.then(
      (session) => session.destroy(),
      () => undefined,
    );
    this.#leave();
  }

  /** Resolves when the leader has begun to answer. `refusal`: what it means if it refuses. */
  async #post(
    path: string,
    { session: connecting, left }: Link,
    refusal: string,
  ): Promise<ClientHttp2Stream> {
    const session = await unlessLeft(connecting, left);
    const stream = session.request(
      { ':method': 'POST', ':path': path, ...OWN_PROTOCOL },
      { endStream: false },
    );
    const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Stream>();
    const timer = setTimeout(() => {
      stream.destroy(new ApiError(503, 'the leader does not answer'));
      session.destroy();
    }, PATIENCE);
    stream.on('error', reject);
    stream.once('close', () => reject(new ApiError(503, 'the leader has broken off')));
    stream.once('response', (headers) => {
      if (headers[':status'] === 200) resolve(stream);
      else {
        reject(new ApiError(Number(headers[':status'] ?? 503), refusal));
        stream.destroy();
      }
    });
    try {
      return await unlessLeft(promise, left);
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #link(): Link {
    const address = this.#options.address();
    if (address === undefined) throw new ApiError(503, noLeader().message);
    if (this.#current?.address !== address) {
      this.#leave();
      this.#current = this.#newLink(address);
    }
    return this.#current;
  }

  #newLink(address: string): Link {
    const leaving = new AbortController();
    const left = leaving.signal;
    const session = this.#options.connect(address, AbortSignal.any([this.#over.signal, left]));
    const link: Link = { address, session, left, leave: () => leaving.abort(notLeading()) };
    const forget = (): void => {
      if (this.#current === link) this.#current = undefined;
    };
    session.then((connection) => connection.once('close', forget), forget);
    return link;
  }

  #leave(): void {
    const link = this.#current;
    this.#current = undefined;
    if (!link) return;
    link.leave();
    link.session.then(
      (session) => {
        const timer = setTimeout(() => session.destroy(), LAST_WORDS);
        session.once('close', () => clearTimeout(timer));
      },
      () => undefined,
    );
  }
}

const notLeading = (): ApiError => new ApiError(503, 'that manager does not lead the swarm any more');

/** Rejects as soon as the signal is aborted: who is cut off says nothing, not even that. */
function unlessLeft<T>(waiting: Promise<T>, left: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onLeft = (): void => reject(left.reason as Error);
  left.addEventListener('abort', onLeft, { once: true });
  if (left.aborted) onLeft();
  waiting.then(resolve, reject);
  return promise.finally(() => left.removeEventListener('abort', onLeft));
}

/** @param isHere whether this manager leads and has taken up its duties */
export function leaderFace(office: Office, link: LeaderLink, isHere: () => boolean): Leader {
  return {
    isHere,
    requireCurrent() {
      if (!office.isCurrent()) throw new NotCurrentError();
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
