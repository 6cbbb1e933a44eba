/** A manager and its hosts, each a process of its own, and how results are written. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { daemonFlags } from '../beside/daemon-flags.ts';
import { Child } from './child.ts';
import { ApiClient } from './client.ts';
import { Members } from './members.ts';
import type { AgentsReport, AgentsStart, ManagerReport, ManagerStart } from './messages.ts';

/**
 * Hosts of one process at the most. Each answers pings between turns of its event loop, which with all of them in one
 * take longer than the manager waits.
 */
const HOSTS = 1000;

export class Rig {
  /** On which the manager serves the API. */
  readonly socket: string;
  readonly client: ApiClient;
  readonly manager: Child<ManagerStart, ManagerReport>;
  /** The other managers; undefined: there is only one. */
  readonly members: Members | undefined;
  readonly #start: ManagerStart;
  readonly #execArgv: string[];
  /** Hosts have disks of their own: here the manager's is not to wait for theirs. */
  readonly #identities = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'essaim-bench-'));
  readonly #hosts: Child<AgentsStart, AgentsReport>[] = [];

  private constructor(start: ManagerStart, members: Members | undefined, execArgv: string[]) {
    this.members = members;
    this.socket = start.socket;
    this.client = new ApiClient(start.socket);
    this.manager = new Child('manager.ts', start, [...daemonFlags(), ...execArgv]);
    this.#start = start;
    this.#execArgv = execArgv;
  }

  /** A manager without hosts. `managers`: with others on etcd, if there is to be more than one. */
  static async start(
    { directory, tasks, managers = 1 }: Pick<ManagerStart, 'directory' | 'tasks'> & { managers?: number },
    execArgv: string[] = [],
  ): Promise<Rig> {
    const socket = join(directory, 'api.sock');
    const members = managers > 1 ? await Members.create(directory) : undefined;
    const etcd = (await members?.place('leader', 1))?.address;
    const start = { directory, tasks, socket, port: await freePort(), ...(etcd && { etcd }) };
    const rig = new Rig(start, members, execArgv);
    try {
      await rig.manager.until((report) => report.type === 'ready');
      for (let number = 2; number <= managers; number++) await members!.follow(number);
      return rig;
    } catch (error) {
      await rig.end();
      throw error;
    }
  }

  /** Resolves when all hosts are ready. */
  async join(agents: number): Promise<void> {
    const { JoinTokens } = await this.client.get<{ JoinTokens: { Worker: string } }>('/swarm');
    const { port } = this.#start;
    const directory = this.#identities;
    const common = { remote: `127.0.0.1:${port}`, joinToken: JoinTokens.Worker, directory };
    for (let first = 1; first <= agents; first += HOSTS) {
      const start = { ...common, first, agents: Math.min(HOSTS, agents - first + 1) };
      this.#hosts.push(new Child('agents.ts', start, this.#execArgv));
    }
    for (const hosts of this.#hosts) await hosts.until((report) => report.type === 'joined');
    for (;;) {
      const nodes = await this.client.get<Array<{ Status: { State: string } }>>('/nodes');
      if (nodes.filter(({ Status }) => Status.State === 'ready').length >= agents) return;
      await this.well(wait(200));
    }
  }

  /** Waits, unless one of the processes fails. */
  async well<T>(until: Promise<T>): Promise<T> {
    return Promise.race([until, this.manager.failed, ...this.#hosts.map(({ failed }) => failed)]);
  }

  async end(): Promise<void> {
    this.client.close();
    await Promise.all(this.#hosts.map((hosts) => hosts.end()));
    await this.manager.end();
    await this.members?.end();
    rmSync(this.#identities, { recursive: true });
  }
}

function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
  });
  return promise;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function print(what: string, value: string): void {
  console.log(`${what.padEnd(46)} ${value}`);
}
