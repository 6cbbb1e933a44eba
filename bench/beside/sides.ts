/** Essaim and Docker Swarm on engines of the same kind, three lab hosts each, the first of them the manager. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type EngineClient, unixEngine } from '../../src/engine/client.ts';
import { Lab } from '../../test/support/lab.ts';

export interface Task {
  Slot?: number;
  Status: { State: string };
}

export class Side implements AsyncDisposable {
  readonly name: string;
  readonly lab: Lab;
  readonly hosts: readonly string[];
  /** What clients speak with, by host; the manager is the first. */
  readonly apis: readonly EngineClient[];
  /** The engines under it; the same ones for Docker Swarm. */
  readonly engines: readonly EngineClient[];

  private constructor(name: string, lab: Lab, hosts: readonly string[], ownDaemon: boolean) {
    this.name = name;
    this.lab = lab;
    this.hosts = hosts;
    this.engines = hosts.map((host) => unixEngine(lab.engineSocket(host)));
    this.apis = ownDaemon ? hosts.map((host) => unixEngine(lab.socket(host))) : this.engines;
  }

  static essaim(): Promise<Side> {
    return Side.#on('essaim', ['ea', 'eb', 'ec'], true);
  }

  static dockerSwarm(): Promise<Side> {
    return Side.#on('docker swarm', ['sa', 'sb', 'sc'], false);
  }

  static async #on(name: string, hosts: readonly string[], ownDaemon: boolean): Promise<Side> {
    const side = new Side(name, await Lab.with(...hosts), hosts, ownDaemon);
    try {
      await side.#found();
      return side;
    } catch (error) {
      await side[Symbol.asyncDispose]();
      throw error;
    }
  }

  get api(): EngineClient {
    return this.apis[0]!;
  }

  async #found(): Promise<void> {
    const ip = await this.lab.address(this.hosts[0]!);
    const address = { ListenAddr: '0.0.0.0:2377' };
    await this.api.json('POST', '/swarm/init', { body: { ...address, AdvertiseAddr: ip } });
    const { JoinTokens } = await this.api.json<{ JoinTokens: { Worker: string } }>('GET', '/swarm');
    const body = { ...address, RemoteAddrs: [`${ip}:2377`], JoinToken: JoinTokens.Worker };
    for (const api of this.apis.slice(1)) await empty(api, 'POST', '/swarm/join', body);
  }

  /** The docker CLI on the manager. Throws unless it succeeds. */
  async docker(...args: string[]): Promise<void> {
    const socket =
      this.apis === this.engines ? this.lab.engineSocket(this.hosts[0]!) : this.lab.socket(this.hosts[0]!);
    const env = { ...process.env, DOCKER_HOST: `unix://${socket}` };
    await promisify(execFile)('docker', args, { env, maxBuffer: 64 << 20 });
  }

  /** How many containers there are on all hosts, running or not. */
  async containers(): Promise<number> {
    const lists = await Promise.all(
      this.engines.map((engine) => engine.json<unknown[]>('GET', '/containers/json', { query: { all: 1 } })),
    );
    return lists.flat().length;
  }

  /** The tasks that are to run, of one service or of all. */
  tasks(service?: string): Promise<Task[]> {
    const filters = { 'desired-state': ['running'], ...(service && { service: [service] }) };
    return this.api.json<Task[]>('GET', '/tasks', { query: { filters } });
  }

  async running(service?: string): Promise<number> {
    return (await this.tasks(service)).filter(({ Status }) => Status.State === 'running').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [...this.apis, ...this.engines]) client.close();
    await this.lab[Symbol.asyncDispose]();
  }
}

/** A request whose answer does not matter unless it is a refusal. */
export async function empty(
  engine: EngineClient,
  method: string,
  path: string,
  body?: unknown,
): Promise<void> {
  await engine.json(method, path, { ...(body !== undefined && { body }) });
}

/** Looks every `every` ms until it holds. Throws after `patience` ms. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  { every = 20, patience = 180_000 } = {},
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${patience / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
