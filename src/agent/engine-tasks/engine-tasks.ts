/** Runs tasks as containers of a Docker Engine. */
import { type EngineClient, EngineUnavailableError } from '../../engine/client.ts';
import { hostOf } from '../../model/cidr.ts';
import type { Clock } from '../../model/clock.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import { isNodeLocal } from '../../model/node-local.ts';
import type { NetworkAttachment, NodeDescription, Task } from '../../model/objects.ts';
import type { AssignedTask } from '../../model/protocol.ts';
import { type Host, templateContext } from '../../model/task-context.ts';
import {
  type EngineHooks,
  type FetchImage,
  type TaskContainer,
  type TaskDependencies,
  type TaskEngine,
  type TaskNetworks,
  TemporaryError,
} from '../contract.ts';
import { describe, type EngineInfo, type EnginePlugin } from '../describe.ts';
import { hostRoutes } from '../routes.ts';
import { containerPlan, type FileMount } from './container-config.ts';
import { ContainerRequests } from './container-requests.ts';
import { FileStore } from './file-store.ts';
import { Images } from './images.ts';
import { Limiter } from './limiter.ts';
import { hasHostPorts, type JoinedNetwork, type JoinedNetworks, wantedAddresses } from './network-config.ts';
import { NodeLocalNetworks } from './node-local.ts';
import { callersGone } from './serving/callers.ts';
import { listening, publishedTargets } from './serving/listening.ts';
import { taskFiles } from './task-files.ts';
import { type WatchHooks, watchContainers } from './watch.ts';

/**
 * How many containers are made or started at a time. It is work for the processors: more than they can do at once makes
 * each slower and the whole no faster.
 */
const parallel = (cpus: number): number => Math.min(Math.max(cpus + 1, 2), 16);
const DEFAULT_GRACE_S = 10;

export interface EngineTasksOptions {
  engine: EngineClient;
  networks: TaskNetworks;
  /** Shared with whoever makes other containers on them; absent: nobody does. */
  nodeLocal?: NodeLocalNetworks;
  clock: Clock;
  nodeId: string;
  /** Where the files of secrets and configs lie; see FileStore. */
  filesFolder: string;
  log(message: string): void;
  /** How to get an image from another node; absent: from registries alone. */
  fetchImage?: FetchImage;
}

export class EngineTasks implements TaskEngine {
  readonly #options: EngineTasksOptions;
  readonly #engine: EngineClient;
  readonly #images: Images;
  readonly #files: FileStore;
  readonly #limiter = new Limiter(parallel(1));
  readonly #containers: ContainerRequests;
  readonly #nodeLocal: NodeLocalNetworks;
  /** How containers ended, for when somebody removes them before they are looked at. */
  readonly #ends = new Map<string, { containerId: string; exitCode: number }>();
  #host: Promise<Host> | undefined;
  /** The engine does not answer, or is about to end: what is begun now would not last. */
  #ending = false;

  constructor(options: EngineTasksOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#images = new Images(options);
    this.#containers = new ContainerRequests(options.engine, options.nodeId);
    this.#nodeLocal = options.nodeLocal ?? new NodeLocalNetworks(options.engine);
    this.#files = new FileStore(options.filesFolder);
  }

  describe(): Promise<Omit<NodeDescription, 'TLSInfo'>> {
    return this.#asking(async () => {
      const [info, plugins, Routes] = await Promise.all([
        this.#engine.json<EngineInfo>('GET', '/info'),
        this.#engine.json<EnginePlugin[] | null>('GET', '/plugins'),
        hostRoutes(),
      ]);
      const description = { ...describe(info, plugins ?? []), Routes };
      this.#limiter.limit = parallel(info.NCPU);
      this.#host = Promise.resolve(this.#hostOf(description));
      return description;
    });
  }

  list(): Promise<TaskContainer[]> {
    return this.#asking(async () => {
      const containers = await this.#containers.list();
      const alive = containers.filter(({ state }) => state !== 'exited').map(({ taskId }) => taskId);
      await this.#files.recover(new Set(alive));
      return containers;
    });
  }

  inspect(taskId: string): Promise<TaskContainer | undefined> {
    return this.#asking(async () => {
      const id = await this.#containers.of(taskId);
      const found = id === undefined ? undefined : await this.#containers.inspect(id);
      if (found?.state === 'exited') await this.#files.drop(taskId);
      if (found) return found;
      const end = this.#ends.get(taskId);
      return end && { ...end, taskId, state: 'exited', pid: 0, ports: {} };
    });
  }

  prepare(
    assigned: AssignedTask,
    dependencies: TaskDependencies,
    signal: AbortSignal,
    progress?: (message: string) => void,
  ): Promise<string> {
    return this.#asking(async () => {
      const { task, auth } = assigned;
      const host = await this.#knowHost();
      const files = taskFiles(task, dependencies, templateContext(task, host));
      const image = await this.#images.fetch(task, auth, signal, progress);
      signal.throwIfAborted();
      return await this.#onNetworks(task, signal, async (joined) => {
        const mounts = await this.#files.put(task.ID, files);
        try {
          return await this.#makeContainer(assigned, host, { mounts, joined, image }, signal);
        } catch (error) {
          await this.#files.drop(task.ID);
          throw error;
        }
      });
    });
  }

  start(taskId: string, signal: AbortSignal): Promise<void> {
    return this.#asking(async () => {
      const fresh = this.#containers.takeFresh(taskId);
      if (!fresh && (await this.inspect(taskId))?.state !== 'created') return;
      const id = await this.#containers.of(taskId);
      try {
        await this.#limiter.run(() => {
          this.#expectToLast();
          return this.#containers.start(id!);
        }, signal);
      } catch (error) {
        if (!(error instanceof ApiError) || error instanceof EngineUnavailableError) throw error;
        throw new Error(`starting container failed: ${startText(error.message)}`);
      }
    });
  }

  async complete({ task }: AssignedTask, { pid }: TaskContainer): Promise<void> {
    const hostPorts = hasHostPorts(task);
    for (const { Network, Addresses } of task.NetworksAttachments ?? []) {
      const addresses = wantedAddresses(task, Addresses);
      await this.#options.networks.complete({ networkId: Network.ID, pid, addresses, hostPorts });
    }
  }

  listening({ task }: AssignedTask, { pid }: TaskContainer, signal: AbortSignal): Promise<void> {
    return listening({ pid, ports: publishedTargets(task), clock: this.#options.clock, signal });
  }

  stop(assigned: AssignedTask): Promise<void> {
    return this.#asking(async () => {
      const { ID, Spec } = assigned.task;
      const id = await this.#containers.of(ID);
      if (id !== undefined) await this.#letCallersGo(id, assigned.task);
      const grace = Spec.ContainerSpec?.StopGracePeriod;
      const seconds = grace === undefined || grace === null ? DEFAULT_GRACE_S : Math.floor(grace / 1e9);
      if (id !== undefined) await this.#containers.stop(id, seconds);
      await this.#files.drop(ID);
    });
  }

  remove(taskId: string): Promise<void> {
    return this.#asking(async () => {
      const id = await this.#containers.of(taskId);
      if (id !== undefined) {
        await this.#containers.stop(id, DEFAULT_GRACE_S);
        await this.#containers.remove(id);
      }
      await this.#files.drop(taskId);
      this.#containers.forget(taskId);
      this.#ends.delete(taskId);
      await this.#pruneNetworks();
    });
  }

  watch({ changed, answers }: EngineHooks, signal: AbortSignal): Promise<void> {
    const { clock, nodeId, log } = this.#options;
    const hooks: WatchHooks = {
      happened: (event) => {
        if (event?.action === 'die') {
          this.#ends.set(event.taskId, { containerId: event.containerId, exitCode: event.exitCode });
        }
        changed(event?.taskId);
      },
      answers: (does) => {
        this.#ending = !does;
        answers(does);
      },
    };
    return watchContainers({ engine: this.#engine, clock, nodeId, signal, log }, hooks);
  }

  /** The node leaves: removes all containers of its tasks at once, running or not, and what was prepared for them. */
  async clear(): Promise<void> {
    const containers = await this.list();
    await Promise.all(containers.map(({ containerId }) => this.#containers.remove(containerId)));
    await this.#files.clear();
    await this.#pruneNetworks();
  }

  /** What is left of networks does no harm, and goes the next time. */
  async #pruneNetworks(): Promise<void> {
    await this.#nodeLocal
      .prune()
      .catch((error: unknown) =>
        this.#options.log(`networks without containers are left: ${messageOf(error)}`),
      );
  }

  /** Has the networks of a task on this host while its container is made. They may come a little later than the task. */
  async #onNetworks<T>(
    task: Task,
    signal: AbortSignal,
    make: (joined: JoinedNetworks) => Promise<T>,
  ): Promise<T> {
    const { networks } = this.#options;
    const joined = new Map<string, JoinedNetwork>();
    const held: Array<NetworkAttachment['Network']> = [];
    try {
      for (const { Network } of task.NetworksAttachments ?? []) {
        if (isNodeLocal(Network.Spec)) {
          const name = await this.#nodeLocal.ensure(Network);
          held.push(Network);
          joined.set(Network.ID, { name, dns: undefined, isNodeLocal: true });
        } else {
          const { engineNetworkId, laysIPv6 } = await networks.ensureNetwork(Network.ID, signal);
          joined.set(Network.ID, { name: engineNetworkId, dns: networks.dnsServerFor(Network.ID), laysIPv6 });
        }
      }
      return await make(joined);
    } finally {
      for (const network of held) this.#nodeLocal.release(network);
    }
  }

  async #makeContainer(
    assigned: AssignedTask,
    host: Host,
    { mounts, joined, image }: { mounts: readonly FileMount[]; joined: JoinedNetworks; image: string },
    signal: AbortSignal,
  ): Promise<string> {
    const { ID } = assigned.task;
    const plan = containerPlan(assigned, host, mounts, await this.#engine.apiVersion(), joined, image);
    const id = await this.#limiter.run(() => {
      this.#expectToLast();
      return this.#containers.create(ID, plan.name, plan.body);
    }, signal);
    for (const { network, endpoint } of plan.connect) await this.#containers.connect(id, network, endpoint);
    return id;
  }

  /** Returns when nobody is being served over the task's networks any more, or has been for long enough. */
  async #letCallersGo(id: string, { NetworksAttachments }: Task): Promise<void> {
    const addresses = (NetworksAttachments ?? []).flatMap(({ Addresses }) => Addresses.map(hostOf));
    if (addresses.length === 0) return;
    const container = await this.#containers.inspect(id);
    if (container?.state !== 'running') return;
    await callersGone({ pid: container.pid, addresses, clock: this.#options.clock });
  }

  async #knowHost(): Promise<Host> {
    if (!this.#host) await this.describe();
    return this.#host!;
  }

  #hostOf(description: Omit<NodeDescription, 'TLSInfo'>): Host {
    const { Architecture = '', OS = '' } = description.Platform;
    return {
      nodeId: this.#options.nodeId,
      hostname: description.Hostname,
      platform: { Architecture: Architecture ?? '', OS: OS ?? '' },
    };
  }

  #expectToLast(): void {
    if (this.#ending) throw new TemporaryError('the engine is about to end');
  }

  /** An engine that does not answer is not the task's fault. */
  async #asking<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Error) || !isUnavailable(error)) throw error;
      throw new TemporaryError(error.message, { cause: error });
    }
  }
}

/** The engine did not answer, or not to the end. */
function isUnavailable(error: Error): boolean {
  return (
    error instanceof EngineUnavailableError || ('code' in error && /^E(CONN|PIPE)/.test(String(error.code)))
  );
}

/** Docker Swarm looks for the sources of bind mounts itself before a start, and says it in its own words. */
function startText(message: string): string {
  const missing = /bind source path does not exist: (.*)$/.exec(message);
  return missing ? `invalid bind mount source, source path not found: ${missing[1]}` : message;
}
