/** Requests at a steady rate from a lab host, and what became of them. */
import type { ChildProcess } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../test/support/lab.ts';
import type { Phase } from './client.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const NODE = `${root}node_modules/.bin/node`;
/** What Node needs to run in a container. */
const FOLDERS = ['/usr', '/lib', '/lib64', root, realpathSync(`${root}node_modules`)];
/** Options of `docker service create` for a service whose containers run programs of this folder with Node. */
export const MOUNTS = FOLDERS.flatMap((path) => [
  '--mount',
  `type=bind,source=${path},target=${path},readonly`,
]);
/** The command line of a program of this folder. */
export const program = (name: string, ...args: string[]): string[] => [
  NODE,
  `${root}bench/traffic/${name}.ts`,
  ...args,
];

export class Load implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, PromiseWithResolvers<Phase>>();
  #errors = '';
  #running: string | undefined;

  /** @param rate requests per second @param how whether connections are kept for the next request */
  constructor(lab: Lab, host: string, rate: number, how: 'keep' | 'close', urls: readonly string[]) {
    const child = lab.spawn('ssh', host, ...program('client', String(rate), how, ...urls));
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const phase = JSON.parse(line) as Phase;
      this.#waiting.get(phase.name)?.resolve(phase);
      this.#waiting.delete(phase.name);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    child.once('close', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the client has ended with ${code}: ${this.#errors}`));
    });
  }

  /** Sends requests while `work` is being done. Returns what became of them. */
  async during(name: string, work: () => Promise<unknown>): Promise<Phase> {
    if (this.#running !== undefined) throw new Error(`${this.#running} is not over yet`);
    this.#running = name;
    const result = Promise.withResolvers<Phase>();
    this.#waiting.set(name, result);
    result.promise.catch(() => {});
    this.#child.stdin!.write(`${name}\n`);
    try {
      await work();
    } finally {
      this.#running = undefined;
      if (this.#child.exitCode === null) this.#child.stdin!.write('\n');
    }
    return result.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin!.end();
    await closed;
  }
}

export const HEADER = `${'phase'.padEnd(44)} seconds requests  failed   p50 ms   p99 ms   max ms  > 1 s`;

/** A line of a table, and one for each kind of failure. */
export function lines(phase: Phase): string[] {
  const { name, seconds, requests, failures, p50, p99, max, slow } = phase;
  const numbers = [seconds.toFixed(1).padStart(7), String(requests).padStart(8)];
  numbers.push(String(failures.length).padStart(7), p50.toFixed(1).padStart(8), p99.toFixed(1).padStart(8));
  numbers.push(max.toFixed(0).padStart(8), String(slow).padStart(6));
  const kinds = Map.groupBy(failures, ({ kind }) => kind);
  return [
    `${name.padEnd(44)} ${numbers.join(' ')}`,
    ...[...kinds].map(([kind, list]) => {
      const moments = list.map(({ atMs }) => atMs / 1000);
      const span = [Math.min(...moments), Math.max(...moments)].map((moment) => moment.toFixed(1));
      return `  ${list.length} × ${kind}, sent between ${span.join(' and ')} s`;
    }),
  ];
}
