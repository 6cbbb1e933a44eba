/** Drives the data planes of lab hosts from a test, without managers: states made by hand go in. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NetworkState } from '../../src/model/network-state.ts';
import type {
  DataPlaneCounters,
  Difference,
  DnsListenAddress,
  EngineNetwork,
  IngressContainer,
} from '../../src/network/contract.ts';
import type { Lab } from './lab.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

export class RemoteDataPlane {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 1;
  #errors = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-20_000);
      if (process.env.DEBUG_DATA_PLANE) process.stderr.write(text);
    });
  }

  /** Starts a data plane on that host; it takes up what an earlier one has left. @param options of the program */
  static async start(
    lab: Lab,
    host: string,
    underlay: string,
    ...options: string[]
  ): Promise<RemoteDataPlane> {
    const program = [`${root}node_modules/.bin/node`, `${root}test/support/data-plane-program.ts`];
    const stateDir = `${lab.home}/machines/${host}/data-plane`;
    const plane = new RemoteDataPlane(lab.spawn('ssh', host, ...program, stateDir, underlay, ...options));
    const ready = Promise.withResolvers<unknown>();
    plane.#waiting.set(0, ready);
    plane.#listen();
    await ready.promise;
    return plane;
  }

  get log(): string {
    return this.#errors;
  }

  apply(state: NetworkState): Promise<DataPlaneCounters> {
    return this.#call('apply', state);
  }
  ensureNetwork(id: string): Promise<EngineNetwork> {
    return this.#call('ensureNetwork', id);
  }
  complete(container: IngressContainer): Promise<void> {
    return this.#call('complete', container);
  }
  /** What it and the tools that it has run have used of the processors since its start. */
  processorMs(): Promise<number> {
    return this.#call('processorMs');
  }
  networksInUse(): Promise<string[]> {
    return this.#call('networksInUse');
  }
  dnsServerFor(id: string): Promise<string | undefined> {
    return this.#call('dnsServerFor', id);
  }
  dnsListenAddresses(): Promise<DnsListenAddress[]> {
    return this.#call('dnsListenAddresses');
  }
  moveTo(underlayAddress: string): Promise<void> {
    return this.#call('moveTo', underlayAddress);
  }
  check(): Promise<Difference[]> {
    return this.#call('check');
  }
  counters(): Promise<DataPlaneCounters> {
    return this.#call('counters');
  }
  remove(): Promise<void> {
    return this.#call('remove');
  }

  /** Ends the program in good order; the kernel stays as it is. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
  }

  #call<T>(method: string, argument?: unknown): Promise<T> {
    const answer = Promise.withResolvers<unknown>();
    const id = this.#next++;
    this.#waiting.set(id, answer);
    this.#child.stdin!.write(`${JSON.stringify({ id, method, argument })}\n`);
    return answer.promise as Promise<T>;
  }

  #listen(): void {
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { id, result, error } = JSON.parse(line) as Answer;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the data plane ended with ${code}:\n${this.#errors}`));
    });
  }
}
