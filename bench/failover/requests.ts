/** Requests to a published port at a steady rate, and which task each of them was led to: what fails may have been sent to a host that is no more. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Lab } from '../../test/support/lab.ts';

/** Hosts that are asked, and how it is seen where they lead a connection. */
export interface Entry {
  lab: Lab;
  host: string;
  ip: string;
}

export interface Outcome {
  asked: number;
  failed: number;
  /** Of those that failed: all that the entry has led to no lost task. */
  living: number;
  errors: string[];
}

/** Milliseconds between requests, and until one has failed. */
const EVERY = 50;
const PATIENCE = 5_000;
/** The most errors that are told. */
const TOLD = 5;
/** Where the requests come from: one port each, by which they are told apart. */
const FIRST_PORT = 10_000;
const PORTS = 20_000;

/** Each new connection, as the kernel of the host that takes it tells of it. */
const LOOK = 'exec conntrack -E -e NEW -p tcp --dport 8080';

let lastPort = 0;

export class Requests {
  readonly #port: number;
  readonly #entries: readonly Entry[];
  readonly #looks: ChildProcess[] = [];
  readonly #under = new Set<Promise<void>>();
  /** By the port that it came from: the addresses of the tasks that a request was led to. */
  readonly #ledTo = new Map<number, Set<string>>();
  readonly #failures: { from: number; at: string; error: string }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;

  private constructor(entries: readonly Entry[], port: number) {
    this.#entries = entries;
    this.#port = port;
  }

  static begin(entries: readonly Entry[], port: number): Requests {
    const requests = new Requests(entries, port);
    for (const { lab, host } of entries) requests.#look(lab.spawn('ssh', host, LOOK));
    requests.#timer = setInterval(() => requests.#ask(), EVERY);
    return requests;
  }

  /** @param lost addresses of tasks on the lost host */
  async end(lost: ReadonlySet<string>): Promise<Outcome> {
    clearInterval(this.#timer);
    await Promise.all(this.#under);
    for (const look of this.#looks) {
      look.kill();
      await once(look, 'close');
    }
    const living = this.#failures.filter(({ from }) => {
      const tasks = this.#ledTo.get(from);
      return !tasks || [...tasks].every((address) => !lost.has(address));
    });
    const errors = living.slice(0, TOLD).map(({ from, at, error }) => {
      const tasks = [...(this.#ledTo.get(from) ?? ['nowhere'])].join(', ');
      return `${at}: ${error} (led to ${tasks})`;
    });
    return { asked: this.#asked, failed: this.#failures.length, living: living.length, errors };
  }

  #ask(): void {
    const { ip } = this.#entries[this.#asked++ % this.#entries.length]!;
    const from = FIRST_PORT + (lastPort++ % PORTS);
    const begun = new Date().toISOString();
    const asked = new Promise<void>((resolve) => {
      const fail = (error: string): void => {
        this.#failures.push({ from, at: begun, error });
        resolve();
      };
      const signal = AbortSignal.timeout(PATIENCE);
      const outgoing = request({ host: ip, port: this.#port, localPort: from, agent: false, signal });
      outgoing.once('error', (error) => fail(error.message));
      outgoing.once('response', (response) => {
        response.resume();
        response.once('error', (error) => fail(error.message));
        response.once('end', () =>
          response.statusCode === 200 ? resolve() : fail(`${response.statusCode}`),
        );
      });
      outgoing.end();
    }).finally(() => this.#under.delete(asked));
    this.#under.add(asked);
  }

  #look(look: ChildProcess): void {
    this.#looks.push(look);
    createInterface({ input: look.stdout! }).on('line', (line) => {
      const match = /sport=(\d+) dport=8080 .*?src=([\d.]+) /.exec(line);
      if (!match) return;
      const from = Number(match[1]);
      this.#ledTo.set(from, (this.#ledTo.get(from) ?? new Set()).add(match[2]!));
    });
  }
}
