/** A manager and workers, on Essaim or on Docker's own swarm mode, with a service whose tasks are spread over them. */
import { type EngineClient, unixEngine } from '../../src/engine/client.ts';
import { Lab } from '../../test/support/lab.ts';

export const REPLICAS = 6;
const LOOK_MS = 25;
const PATIENCE = 180_000;

export interface Node {
  ID: string;
  Description: { Hostname: string };
  Status: { State: string; Message?: string };
}
export interface Task {
  ID: string;
  NodeID: string;
  Status: { State: string };
}

/** Waits until it holds; returns the milliseconds that it took. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<number> {
  const begun = performance.now();
  while (!(await holds().catch(() => false))) {
    if (performance.now() - begun > PATIENCE) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return performance.now() - begun;
}

export class Cluster implements AsyncDisposable {
  readonly name: string;
  readonly lab: Lab;
  readonly workers: readonly string[];
  readonly #api: EngineClient;

  private constructor(name: string, lab: Lab, workers: readonly string[], api: EngineClient) {
    this.name = name;
    this.lab = lab;
    this.workers = workers;
    this.#api = api;
  }

  static async on(kind: 'essaim' | 'docker swarm', hosts: readonly string[]): Promise<Cluster> {
    const lab = await Lab.with(...hosts);
    const [manager = '', ...workers] = hosts;
    const socket = (host: string): string => (kind === 'essaim' ? lab.socket(host) : lab.engineSocket(host));
    const api = unixEngine(socket(manager));
    const cluster = new Cluster(kind, lab, workers, api);
    try {
      const ip = await lab.address(manager);
      await api.json('POST', '/swarm/init', { body: { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: ip } });
      const { JoinTokens } = await api.json<{ JoinTokens: { Worker: string } }>('GET', '/swarm');
      for (const host of workers) {
        const body = {
          ...{ ListenAddr: '0.0.0.0:2377', RemoteAddrs: [`${ip}:2377`], JoinToken: JoinTokens.Worker },
        };
        const worker = unixEngine(socket(host));
        const answer = await worker.request('POST', '/swarm/join', { body });
        answer.body.resume();
        worker.close();
        if (answer.status !== 200) throw new Error(`${host} does not join`);
      }
      await api.json('POST', '/services/create', {
        body: {
          Name: 'web',
          TaskTemplate: { ContainerSpec: { Image: 'whoami:1', StopGracePeriod: 1e9 } },
          Mode: { Replicated: { Replicas: REPLICAS } },
        },
      });
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  nodes(): Promise<Node[]> {
    return this.#api.json<Node[]>('GET', '/nodes');
  }

  tasks(): Promise<Task[]> {
    const query = { filters: { service: ['web'], 'desired-state': ['running'] } };
    return this.#api.json<Task[]>('GET', '/tasks', { query });
  }

  /** All hosts are there, and all tasks run; `elsewhere`: not on that node. */
  async runs(elsewhere?: string): Promise<boolean> {
    const tasks = await this.tasks();
    const good = tasks.filter(({ NodeID, Status }) => NodeID !== elsewhere && Status.State === 'running');
    return good.length === REPLICAS && tasks.length === REPLICAS;
  }

  async settle(): Promise<void> {
    await until(`${this.name}: all hosts are there`, async () => {
      const nodes = await this.nodes();
      return (
        nodes.length === this.workers.length + 1 && nodes.every(({ Status }) => Status.State === 'ready')
      );
    });
    await until(`${this.name}: all tasks run`, () => this.runs());
  }

  /** New tasks, so that each host has as many. */
  async spread(): Promise<void> {
    const { Version, Spec } = await this.#api.json<{
      Version: { Index: number };
      Spec: { TaskTemplate: object };
    }>('GET', '/services/web');
    const old = new Set((await this.tasks()).map(({ ID }) => ID));
    const TaskTemplate = { ...Spec.TaskTemplate, ForceUpdate: Version.Index };
    await this.#api.json('POST', '/services/web/update', {
      query: { version: Version.Index },
      body: { ...Spec, TaskTemplate, UpdateConfig: { Parallelism: 0 } },
    });
    await until(`${this.name}: new tasks run`, async () => {
      const tasks = await this.tasks();
      return tasks.every(({ ID }) => !old.has(ID)) && (await this.runs());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#api.close();
    await this.lab[Symbol.asyncDispose]();
  }
}
