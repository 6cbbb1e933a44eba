/**
 * Carries out on this node what the manager assigns to it, and tells the manager how it goes. Containers keep running
 * whatever happens to the manager or to the agent itself.
 */

import { type Clock, pause } from '../model/clock.ts';
import { contentKey } from '../model/contents.ts';
import { messageOf } from '../model/errors.ts';
import type { Config, Secret, TaskStatus, TLSInfo } from '../model/objects.ts';
import type { AssignedTask, Assignments, DownMessage } from '../model/protocol.ts';
import { atLeast, isTerminal, type TaskState } from '../model/task-state.ts';
import { Backoff } from './backoff.ts';
import type { HostNetworks, ManagerLink, ManagerSession, TaskContainer, TaskEngine } from './contract.ts';
import { Describer } from './describing.ts';
import { NetworkFollower } from './network-follower.ts';
import { Reporter } from './reporter.ts';
import { leaveInOrder } from './switch-off.ts';
import { TaskWorker } from './task-worker.ts';

/** For so long after the loss of a session a manager is looked for often. */
const BRISK_MS = 10_000;
const GOODBYE_MS = 1000;

export interface HostAddresses {
  addr: string;
  /** The address that carries the traffic between containers; empty: the same. */
  dataPathAddr: string;
}

export interface AgentOptions {
  link: ManagerLink;
  engine: TaskEngine;
  networks: HostNetworks;
  clock: Clock;
  /** Numbers in [0, 1). */
  random(): number;
  log(message: string): void;
  /** Where other nodes reach this one, as of now; without it, where its connection comes from. */
  addresses?(): HostAddresses;
  /** The public key of this host's tunnels of encrypted networks. */
  tunnelKey?: string;
  /** What the node's description says of its certificates, as of now. */
  tlsInfo(): TLSInfo;
  /** The version of the etcd on this host, if there is one. */
  etcd?(): Promise<string | undefined>;
  /** Called with everything that the manager says, before the agent acts on it. */
  heard?(message: DownMessage): void;
  /** Aborted when the host is about to be switched off: then the agent stops its tasks, and ends. */
  switchOff?: AbortSignal;
  signal: AbortSignal;
}

/**
 * Runs until aborted; then lets go of everything and leaves the containers as they are, unless the host is about to be
 * switched off.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  await new Agent(options).run();
}

class Agent {
  readonly #options: AgentOptions;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #reporter: Reporter;
  readonly #networks: NetworkFollower;
  readonly #describer: Describer;
  readonly #workers = new Map<string, TaskWorker>();
  /** The tasks that the manager wants here. Unknown until the first full assignment. */
  #assigned: Map<string, AssignedTask> | undefined;
  readonly #secrets = new Map<string, Secret>();
  readonly #configs = new Map<string, Config>();
  #session: ManagerSession | undefined;
  /** Aborted, and made anew, when the engine answers: what could not be done without it need not wait longer. */
  #engineCame = new AbortController();
  /** Aborted, and made anew, when a session begins. */
  #sessionCame = new AbortController();
  /** The host is about to be switched off: nothing new is begun. */
  #leaving = false;
  /** The manager has been told so, or could not be told. */
  #away = false;
  #sweeping = false;
  #sweepAgain = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#reporter = new Reporter(options.clock, options.log);
    this.#networks = new NetworkFollower(options.networks, options.log);
    this.#describer = new Describer(options);
  }

  async run(): Promise<void> {
    const { switchOff } = this.#options;
    const leave = (): void => {
      void this.#leave().then(() => this.#over.abort(new Error('the host is shutting down')));
    };
    switchOff?.addEventListener('abort', leave);
    const parts = [this.#keepSession(), this.#watchEngine(), this.#describer.keep(this.#signal)];
    await Promise.all(parts);
    switchOff?.removeEventListener('abort', leave);
    this.#reporter.use(undefined);
    for (const worker of this.#workers.values()) worker.letGo();
    // A container that takes its time to stop is the engine's business now.
    const finished = Promise.all([...this.#workers.values()].map((worker) => worker.finished));
    const patience = new AbortController();
    await Promise.race([finished, pause(this.#options.clock, GOODBYE_MS, patience.signal)]);
    patience.abort();
  }

  async #leave(): Promise<void> {
    const { engine, clock, log } = this.#options;
    this.#leaving = true;
    await leaveInOrder({
      ...{ engine, clock, log },
      session: () => this.#session,
      sessionCame: () => this.#sessionCame.signal,
      workers: () => this.#workers.values(),
      told: () => {
        this.#away = true;
        this.#reporter.use(undefined);
      },
    });
  }

  async #keepSession(): Promise<void> {
    const backoff = new Backoff(this.#options.clock, this.#options.random, BRISK_MS);
    while (!this.#signal.aborted && !this.#away) {
      let opened = false;
      try {
        await this.#oneSession(() => {
          opened = true;
        });
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#options.log(`no session with a manager: ${messageOf(error)}`);
      }
      if (opened) backoff.reset();
      await backoff.wait(AbortSignal.any([this.#signal, this.#engineCame.signal]));
    }
  }

  async #oneSession(opened: () => void): Promise<void> {
    const description = await this.#describer.first();
    const { link, addresses, tunnelKey } = this.#options;
    const keys = tunnelKey === undefined ? {} : { tunnelKey };
    const session = await link.open({ description, ...addresses?.(), ...keys }, this.#signal);
    const close = (): void => session.close();
    this.#signal.addEventListener('abort', close);
    try {
      if (this.#away) return;
      this.#session = session;
      for await (const message of session.messages) {
        if (this.#signal.aborted) return;
        if (message.type === 'session') {
          opened();
          for (const [id, worker] of this.#workers) this.#reporter.report(id, worker.status);
          this.#reporter.use(session);
          this.#describer.use(session);
          this.#sessionCame.abort();
          this.#sessionCame = new AbortController();
        }
        this.#options.heard?.(message);
        if (message.type === 'networks') this.#networks.follow(message, session);
        if (message.type === 'assignments' && !this.#leaving) this.#apply(message);
      }
    } finally {
      this.#signal.removeEventListener('abort', close);
      this.#session = undefined;
      this.#reporter.use(undefined);
      this.#describer.use(undefined);
      session.close();
    }
  }

  #apply(message: Assignments): void {
    if (message.full) {
      this.#secrets.clear();
      this.#configs.clear();
      this.#assigned = new Map();
    }
    // Until everything is known, a part of it says nothing.
    if (!this.#assigned) return;
    for (const secret of message.secrets) this.#secrets.set(keyOf(secret), secret);
    for (const config of message.configs) this.#configs.set(keyOf(config), config);
    for (const assigned of message.tasks) this.#assigned.set(assigned.task.ID, assigned);
    for (const id of message.removedTasks) this.#assigned.delete(id);
    const services = new Set(message.removedServices);
    for (const assigned of message.tasks)
      this.#assign(services.has(assigned.task.ServiceID) ? withoutService(assigned) : assigned);
    for (const worker of services.size > 0 ? this.#workers.values() : [])
      if (services.has(worker.assigned.task.ServiceID))
        worker.update(withoutService(worker.assigned, worker.status));
    const gone = message.full
      ? [...this.#workers.keys()].filter((id) => !this.#assigned!.has(id))
      : message.removedTasks;
    for (const id of gone) this.#remove(id);
    for (const key of message.removedSecrets) this.#secrets.delete(key);
    for (const key of message.removedConfigs) this.#configs.delete(key);
    if (message.full) void this.#sweep();
  }

  #assign(assigned: AssignedTask): void {
    const { ID } = assigned.task;
    const worker = this.#workers.get(ID);
    // A worker that removes its task is waited for; see #remove.
    if (worker?.removing) return;
    if (worker) worker.update(assigned);
    else this.#workers.set(ID, this.#newWorker(assigned));
  }

  #newWorker(assigned: AssignedTask): TaskWorker {
    const { engine, clock, log } = this.#options;
    return new TaskWorker(assigned, {
      engine,
      clock,
      log,
      dependencies: { secrets: this.#secrets, configs: this.#configs },
      joinsOthers: this.#networks.isCalled(assigned.task.ServiceID),
      report: (taskId, status) => this.#reporter.report(taskId, status),
    });
  }

  #remove(taskId: string): void {
    const worker = this.#workers.get(taskId);
    if (!worker || worker.removing) return;
    worker.remove();
    this.#reporter.forget(taskId);
    void worker.finished.then(() => {
      this.#workers.delete(taskId);
      this.#reporter.forget(taskId);
      const again = this.#assigned?.get(taskId);
      if (again && !this.#signal.aborted) this.#assign(again);
    });
  }

  async #watchEngine(): Promise<void> {
    const backoff = new Backoff(this.#options.clock, this.#options.random);
    while (!this.#signal.aborted) {
      try {
        const changed = (taskId: string | undefined): void => {
          backoff.reset();
          if (taskId === undefined) void this.#sweep();
          else this.#workers.get(taskId)?.look();
        };
        const answers = (does: boolean): void => {
          this.#describer.engine(does);
          if (!does) return;
          this.#engineCame.abort();
          this.#engineCame = new AbortController();
        };
        await this.#options.engine.watch({ changed, answers }, this.#signal);
      } catch (error) {
        this.#options.log(`the engine is not watched: ${messageOf(error)}`);
      }
      await backoff.wait(this.#signal);
    }
  }

  /** Compares all containers with all tasks: removes what nobody wants and lets workers look at what has changed. */
  async #sweep(): Promise<void> {
    this.#sweepAgain = true;
    if (this.#sweeping) return;
    this.#sweeping = true;
    const backoff = new Backoff(this.#options.clock, this.#options.random);
    while (this.#sweepAgain && !this.#signal.aborted) {
      this.#sweepAgain = false;
      try {
        await this.#sweepOnce();
      } catch (error) {
        this.#options.log(`the engine's containers are not known: ${messageOf(error)}`);
        this.#sweepAgain = true;
        await backoff.wait(this.#signal);
      }
    }
    this.#sweeping = false;
  }

  async #sweepOnce(): Promise<void> {
    const containers = new Map((await this.#options.engine.list()).map((c) => [c.taskId, c]));
    for (const [id, worker] of this.#workers) {
      if (deservesLook(worker.status.State, containers.get(id))) worker.look();
    }
    const assigned = this.#assigned;
    const workers = this.#workers;
    if (!assigned || this.#signal.aborted) return;
    const strays = [...containers.keys()].filter((id) => !assigned.has(id) && !workers.has(id));
    const removals = await Promise.allSettled(strays.map((id) => this.#removeStray(id)));
    const refused = removals.find((removal) => removal.status === 'rejected');
    if (refused) throw refused.reason;
  }

  async #removeStray(taskId: string): Promise<void> {
    this.#options.log(
      `removing the container of task ${taskId}, which is not assigned to this node any more`,
    );
    await this.#options.engine.remove(taskId);
  }
}

/** The task of a service that is no more: what does not run yet is not started. */
function withoutService(assigned: AssignedTask, status: TaskStatus = assigned.task.Status): AssignedTask {
  if (atLeast(status.State, 'running')) return assigned;
  return { ...assigned, task: { ...assigned.task, DesiredState: 'remove' } };
}

/** Whether a container as it was found may be news to the worker of its task. */
function deservesLook(state: TaskState, container: TaskContainer | undefined): boolean {
  if (state === 'starting') return true;
  if (isTerminal(state)) return container?.state === 'running';
  return state === 'running' && (container?.state !== 'running' || container.health === 'unhealthy');
}

const keyOf = (object: Secret | Config): string => contentKey(object.ID, object.internal.contentVersion);
