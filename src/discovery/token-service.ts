/**
 * A token service: POST …/clusters makes a token, POST …/clusters/T?ttl=S with an address as body makes the address known
 * for S seconds, GET …/clusters/T lists what is known, DELETE …/clusters/T forgets it. In memory: hosts say again at each
 * heartbeat where they are.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../model/clock.ts';
import { createServer } from '../node/http.ts';

/** What one service keeps: more would be an attempt to fill its memory. */
const MOST_TOKENS = 10_000;
const MOST_ADDRESSES = 10_000;
const LONGEST_ADDRESS = 300;
/** Seconds that an address is known if it is not said for how long. */
const DEFAULT_TTL = 180;

export interface Answer {
  status: number;
  body: string;
}

export class Tokens {
  readonly #clock: Clock;
  /** Addresses, with the time (ms) at which each is forgotten. */
  readonly #clusters = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param target path and query: `/v1/clusters/T?ttl=180`; what comes before `clusters` does not matter */
  answer(method: string, target: string, body: string): Answer {
    const url = new URL(target, 'http://service');
    const found = /^(?:\/[^/]+)*\/clusters(?:\/([0-9A-Za-z]+))?\/?$/.exec(url.pathname);
    if (!found) return { status: 404, body: 'page not found\n' };
    const token = found[1];
    if (token === undefined) {
      return method === 'POST' ? this.#create() : { status: 405, body: 'POST makes a token here\n' };
    }
    if (method === 'POST') return this.#register(token, body.trim(), url.searchParams.get('ttl'));
    if (method === 'DELETE') {
      this.#clusters.delete(token);
      return { status: 200, body: 'OK' };
    }
    return { status: 200, body: JSON.stringify(this.#known(token)) };
  }

  #create(): Answer {
    if (this.#clusters.size >= MOST_TOKENS) return { status: 507, body: 'too many tokens\n' };
    const token = randomBytes(16).toString('hex');
    this.#clusters.set(token, new Map());
    return { status: 200, body: token };
  }

  #register(token: string, address: string, ttl: string | null): Answer {
    const seconds = ttl === null ? DEFAULT_TTL : Number(ttl);
    const isAddress = /^\S+:\d{1,5}$/.test(address) && address.length <= LONGEST_ADDRESS;
    if (!isAddress) return { status: 400, body: 'the body has to be an address and its port\n' };
    if (!Number.isFinite(seconds) || seconds <= 0)
      return { status: 400, body: 'ttl has to be a number of seconds\n' };
    const cluster = this.#clusters.get(token) ?? new Map<string, number>();
    const tooMany = this.#clusters.size >= MOST_TOKENS && !this.#clusters.has(token);
    if (tooMany || (cluster.size >= MOST_ADDRESSES && !cluster.has(address))) {
      return { status: 507, body: 'too many addresses\n' };
    }
    this.#clusters.set(token, cluster.set(address, this.#clock.now() + seconds * 1000));
    return { status: 200, body: 'OK' };
  }

  #known(token: string): string[] {
    const cluster = this.#clusters.get(token) ?? new Map<string, number>();
    for (const [address, until] of cluster) if (until <= this.#clock.now()) cluster.delete(address);
    return [...cluster.keys()];
  }
}

/** Serves them; the caller listens on it and closes it. */
export function tokenServer(tokens: Tokens): Server {
  return createServer((request, response) => void serve(tokens, request, response));
}

async function serve(tokens: Tokens, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  try {
    for await (const chunk of request) {
      body += String(chunk);
      if (body.length > LONGEST_ADDRESS * 2) break;
    }
  } catch {
    return;
  }
  const { status, body: text } = tokens.answer(request.method ?? 'GET', request.url ?? '/', body);
  const type = text.startsWith('[') ? 'application/json' : 'text/plain; charset=utf-8';
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}
