/**
 * Connections from this manager to its nodes: the leader has a node open one, over a connection that it makes to this
 * manager for that alone. So they last whoever leads meanwhile.
 */
import { randomBytes } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { withoutEmptyWrites } from '../agent/tunnel.ts';
import { ApiError } from '../model/errors.ts';
import type { DialRequest, Door } from '../model/protocol.ts';

/** How long (ms) a node may take to open a tunnel. */
const PATIENCE = 10_000;
/**
 * For so long (ms) a leader, or a node that has no session just now, is waited for: twice as long as one that stands still may
 * take to refuse. And how often it is looked whether it is there.
 */
const ELECTION = 5_000;
const LOOK = 50;
/** Nobody leads, another one does, or the node has no session. */
const MAY_PASS = new Set([421, 503]);

export interface TunnelsOptions {
  /**
   * Has the node told to open the tunnel. The signal is aborted when it may have missed that. Rejects with 503 without a
   * leader, or if the node has no session with it.
   */
  order(nodeId: string, dial: DialRequest): Promise<AbortSignal>;
  /** Whether it is known that the node cannot open any. */
  isDown(nodeId: string): boolean;
}

interface Waiting {
  nodeId: string;
  opened(stream: Duplex): void;
  failed(error: Error): void;
}

export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  /** A new connection to what is behind the node's door. Rejects with 503 if it does not open one, at the latest in PATIENCE. */
  async open(nodeId: string, to: Door = 'engine'): Promise<Duplex> {
    const key = randomBytes(16).toString('hex');
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const what = to === 'api' ? 'API' : 'engine';
    const late = new ApiError(503, `node ${nodeId} did not open a connection to its ${what} in time`);
    const timer = setTimeout(() => reject(late), PATIENCE);
    this.#waiting.set(key, { nodeId, opened: resolve, failed: reject });
    const settled = new AbortController();
    const order = (): void => {
      this.#order(nodeId, { key, to }, settled.signal).then((missed) => {
        if (settled.signal.aborted) return;
        if (missed.aborted) order();
        else missed.addEventListener('abort', order, { once: true, signal: settled.signal });
      }, reject);
    };
    order();
    try {
      return await promise;
    } finally {
      settled.abort();
      clearTimeout(timer);
      this.#waiting.delete(key);
    }
  }

  /** A node has opened the tunnel of that key. Throws 404 if nobody waits for it (any more). */
  joined(nodeId: string, key: string, stream: ServerHttp2Stream): void {
    const waiting = this.#waiting.get(key);
    if (waiting?.nodeId !== nodeId) throw new ApiError(404, 'nobody waits for that connection');
    this.#waiting.delete(key);
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    // Without a first read, Node takes a stream whose writing side ends for one that nobody is interested in.
    stream.read(0);
    waiting.opened(withoutEmptyWrites(stream));
  }

  /** Nothing more is to be expected of the node. */
  lost(nodeId: string): void {
    for (const waiting of this.#waiting.values())
      if (waiting.nodeId === nodeId) waiting.failed(new ApiError(503, `node ${nodeId} is down, or gone`));
  }

  close(): void {
    for (const waiting of this.#waiting.values())
      waiting.failed(new ApiError(503, 'the manager is stopping'));
  }

  /** While the lead changes hands, nodes have no session for a moment. */
  async #order(nodeId: string, dial: DialRequest, settled: AbortSignal): Promise<AbortSignal> {
    const { order, isDown } = this.#options;
    const deadline = performance.now() + ELECTION;
    for (;;) {
      try {
        return await order(nodeId, dial);
      } catch (error) {
        const mayPass = error instanceof ApiError && MAY_PASS.has(error.status);
        if (!mayPass || isDown(nodeId) || performance.now() > deadline || settled.aborted) throw error;
        await delay(LOOK);
      }
    }
  }
}
