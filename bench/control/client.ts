/** Requests to the API as a client makes them, one at a time, and how long they take. */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Answers } from './messages.ts';

export class ApiClient {
  readonly #socket: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(socket: string) {
    this.#socket = socket;
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.send('GET', path)).toString());
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return JSON.parse((await this.send('POST', path, JSON.stringify(body))).toString());
  }

  /** How many bytes the answer to a GET has; it is read to its end, and not kept. */
  async size(path: string): Promise<number> {
    let size = 0;
    await this.#call('GET', path, undefined, (chunk) => {
      size += chunk.length;
    });
    return size;
  }

  /** The answer's bytes. */
  async send(method: string, path: string, body?: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    await this.#call(method, path, body, (chunk) => chunks.push(chunk));
    return Buffer.concat(chunks);
  }

  #call(
    method: string,
    path: string,
    body: string | undefined,
    take: (chunk: Buffer) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { socketPath: this.#socket, path, method, headers, agent: this.#agent };
      const call = request(options, (response) => {
        let complaint = '';
        // Who asks for the tasks of a service that has been removed is answered, too.
        const good = response.statusCode! < 300 || (method === 'GET' && response.statusCode === 404);
        response.on('data', (chunk: Buffer) => {
          if (good) take(chunk);
          else complaint += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          if (good) resolve();
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${complaint}`));
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export class Latencies {
  #ms: number[] = [];
  #bytes = 0;

  /** Asks again and again, `pause` ms after each answer, for as long as the process lives. */
  async measure(client: ApiClient, path: string, pause: number): Promise<never> {
    for (;;) {
      const begin = performance.now();
      this.#bytes = await client.size(path);
      this.#ms.push(performance.now() - begin);
      await wait(pause);
    }
  }

  /** Those of the answers that have come since this was last asked. */
  take(): Answers {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    this.#ms = [];
    const quantile = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
    const [p50, p99, most] = [quantile(0.5), quantile(0.99), quantile(1)];
    return { count: sorted.length, p50, p99, most, bytes: this.#bytes };
  }
}
