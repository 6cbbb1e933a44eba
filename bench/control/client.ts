/** Requests to the API as a client makes them, one at a time, and how long they take. */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

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

  /** The answer's bytes. */
  send(method: string, path: string, body?: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { socketPath: this.#socket, path, method, headers, agent: this.#agent };
      const call = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          if (response.statusCode! < 300) resolve(bytes);
          else
            reject(new Error(`${method} ${path}: ${response.statusCode} ${bytes.toString().slice(0, 500)}`));
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
  readonly #ms: number[] = [];
  bytes = 0;

  /** Asks again and again, `pause` ms after each answer, until aborted. */
  async measure(client: ApiClient, path: string, pause: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begin = performance.now();
      const answer = await client.send('GET', path);
      this.#ms.push(performance.now() - begin);
      this.bytes = answer.length;
      await wait(pause, undefined, { signal }).catch(() => {});
    }
  }

  get count(): number {
    return this.#ms.length;
  }

  /** @param share 0.5 for the median */
  quantile(share: number): number {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  }
}
