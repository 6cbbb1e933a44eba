/** Plain engines on lab hosts that listen on TCP, and managers that serve them as one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { wantedEngine } from './engine-folder.ts';
import { eventually, execute, Lab, type Outcome } from './lab.ts';

const SWARM = fileURLToPath(new URL('../../bin/swarm', import.meta.url));

/** `label`: one of the engine's. */
export async function plainEngines(hosts: Readonly<Record<string, { label?: string }>>): Promise<Lab> {
  const specs = Object.entries(hosts).map(([name, { label }]) => {
    // Said outright that there is no TLS, or the engine waits for 15 seconds.
    const options = ['host=tcp://0.0.0.0:2375', 'tls=false', ...(label ? [`label=${label}`] : [])];
    return { name, engine: wantedEngine(), options };
  });
  return Lab.with(...specs);
}

/** `swarm …` to its end. */
export function swarm(...args: string[]): Promise<Outcome> {
  return execute(SWARM, args, process.env);
}

export class Endpoint implements AsyncDisposable {
  readonly address: string;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
  }

  /** A manager at that address; resolves once so many hosts are Healthy. */
  static async start(address: string, healthy: number, ...args: string[]): Promise<Endpoint> {
    const child = spawn(SWARM, ['manage', '-H', `tcp://${address}`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const endpoint = new Endpoint(child, address);
    try {
      await endpoint.becomes(healthy, 'Healthy');
      return endpoint;
    } catch (error) {
      await endpoint.end('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get log(): string {
    return this.#log;
  }

  /** Waits until so many hosts have that status. */
  async becomes(count: number, status: string, timeout = 20_000): Promise<void> {
    await eventually(
      `${count} hosts are ${status}`,
      timeout,
      async () => {
        const answer = await fetch(`http://${this.address}/info`);
        const { SystemStatus } = (await answer.json()) as { SystemStatus: Array<[string, string]> };
        return (
          SystemStatus.filter(([key, value]) => / Status$/.test(key) && value === status).length === count
        );
      },
      async () => this.#log,
    );
  }

  /** The docker CLI (another one where `cli` gives its path) to its end. */
  run(args: readonly string[], cli = 'docker'): Promise<Outcome> {
    return execute(cli, args, { ...process.env, DOCKER_HOST: `tcp://${this.address}` });
  }

  /** Throws unless it succeeds; returns stdout without its last newline. */
  async docker(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0)
      throw new Error(`docker ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}\n${this.#log}`);
    return stdout.replace(/\n$/, '');
  }

  /** What it says of what is wrong. Throws if nothing is. */
  async refusal(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code === 0) throw new Error(`docker ${args.join(' ')} has worked: ${stdout}`);
    return stderr;
  }

  /** Removes all containers. */
  async clear(): Promise<void> {
    const ids = await this.docker('ps', '-aq');
    if (ids !== '') await this.docker('rm', '-fv', ...ids.split('\n'));
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exit;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end('SIGKILL');
  }
}
