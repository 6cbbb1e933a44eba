/** What of Consul's HTTP interface discovery uses: sessions with a time to live, keys that go with them, waiting reads. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

interface Key {
  value: string;
  session: string;
  index: number;
}

export class FakeConsul implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #keys = new Map<string, Key>();
  readonly #sessions = new Map<string, NodeJS.Timeout>();
  readonly #waiting = new Set<() => void>();
  #index = 1;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeConsul> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return new FakeConsul(server, `127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#sessions.values()) clearTimeout(timer);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const url = new URL(request.url!, 'http://consul');
    const path = decodeURIComponent(url.pathname);
    const say = (status: number, value: unknown): void => {
      response.writeHead(status, { 'X-Consul-Index': this.#index });
      response.end(JSON.stringify(value));
    };
    const [, session = ''] = /^\/v1\/session\/(?:renew|destroy)\/(.*)$/.exec(path) ?? [];
    if (path === '/v1/session/create') {
      const { TTL } = JSON.parse(body) as { TTL: string };
      const ID = randomUUID();
      // Shorter than Consul's, which takes none below ten seconds.
      this.#sessions.set(ID, this.#expire(ID, Number.parseInt(TTL, 10) * 300));
      say(200, { ID });
    } else if (path.startsWith('/v1/session/renew/')) {
      const timer = this.#sessions.get(session);
      timer?.refresh();
      say(timer ? 200 : 404, {});
    } else if (path.startsWith('/v1/session/destroy/')) {
      this.#end(session);
      say(200, true);
    } else await this.#key(request.method!, path.replace('/v1/kv/', ''), url.searchParams, body, say);
  }

  async #key(
    method: string,
    key: string,
    query: URLSearchParams,
    body: string,
    say: (status: number, value: unknown) => void,
  ): Promise<void> {
    if (method === 'PUT') {
      const session = query.get('acquire') ?? '';
      const holder = this.#keys.get(key)?.session;
      const free = this.#sessions.has(session) && (holder === undefined || holder === session);
      if (free) this.#change(() => this.#keys.set(key, { value: body, session, index: this.#index }));
      say(200, free);
      return;
    }
    const index = query.get('index');
    if (index !== null && Number(index) >= this.#index) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    const found = [...this.#keys].filter(([name]) =>
      query.has('recurse') ? name.startsWith(key) : name === key,
    );
    if (found.length === 0) {
      say(404, '');
      return;
    }
    say(
      200,
      found.map(([Key, { value, session }]) => ({
        Key,
        Value: Buffer.from(value).toString('base64'),
        Session: session,
      })),
    );
  }

  #expire(id: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#end(id), ms);
  }

  #end(id: string): void {
    clearTimeout(this.#sessions.get(id));
    this.#sessions.delete(id);
    this.#change(() => {
      for (const [key, { session }] of this.#keys) if (session === id) this.#keys.delete(key);
    });
  }

  #change(change: () => void): void {
    this.#index++;
    change();
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
