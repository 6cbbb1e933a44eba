/** For tests of the agent: a manager that assigns what a test says and remembers what it is told. */
import type { Task, TaskStatus } from '../../model/objects.ts';
import type {
  AssignedTask,
  Assignments,
  DownMessage,
  HostDescription,
  SessionRequest,
  StatusRequest,
} from '../../model/protocol.ts';
import type { ContainerSpec, EndpointSpec, TaskSpec } from '../../model/spec.ts';
import { compareStates, type TaskState } from '../../model/task-state.ts';
import type { ManagerLink, ManagerSession, TaskNetworks } from '../contract.ts';

export interface TaskOptions {
  container?: ContainerSpec;
  template?: Omit<TaskSpec, 'ContainerSpec'>;
  endpoint?: EndpointSpec;
  service?: { Name: string; Labels: Record<string, string> };
  nodeId?: string;
  slot?: number;
  state?: TaskState;
  desired?: TaskState;
}

/** A task as the scheduler hands it over. */
export function makeTask(id: string, options: TaskOptions = {}): Task {
  const now = '2026-01-01T00:00:00.000Z';
  return {
    ID: id,
    Version: { Index: 1 },
    CreatedAt: now,
    UpdatedAt: now,
    Labels: {},
    Spec: { ...options.template, ContainerSpec: { Image: 'busybox', ...options.container } },
    ServiceID: 'service1',
    Slot: options.slot ?? 1,
    NodeID: options.nodeId ?? 'node1',
    Status: { Timestamp: now, State: options.state ?? 'assigned', Message: '', PortStatus: {} },
    DesiredState: options.desired ?? 'running',
    internal: {
      specVersion: 1,
      service: options.service ?? { Name: 'web', Labels: {} },
      ...(options.endpoint ? { endpoint: options.endpoint } : {}),
    },
  };
}

const nothing: Assignments = {
  full: false,
  tasks: [],
  removedTasks: [],
  removedServices: [],
  secrets: [],
  configs: [],
  removedSecrets: [],
  removedConfigs: [],
};

export class FakeManager implements ManagerLink {
  readonly tasks = new Map<string, AssignedTask>();
  secrets: Assignments['secrets'] = [];
  configs: Assignments['configs'] = [];
  /** All states that were reported of a task, in order. */
  readonly history = new Map<string, TaskStatus[]>();
  readonly descriptions: HostDescription[] = [];
  readonly networksApplied: number[] = [];
  batches = 0;
  /** How often the agent has said that its host is about to be switched off. */
  gone = 0;
  sessions = 0;
  /** No session can be opened. */
  away = false;
  /** Reports are refused. */
  deaf = false;
  #open: Channel | undefined;
  readonly #waiters = new Set<() => void>();

  async open(request: SessionRequest): Promise<ManagerSession> {
    if (this.away) throw new Error('the manager is away');
    this.descriptions.push(request.description);
    const channel = new Channel();
    this.#open?.end();
    this.#open = channel;
    channel.push({
      type: 'session',
      sessionId: `s${++this.sessions}`,
      nodeId: 'node1',
      clusterId: 'cluster1',
      revision: 1,
      managers: [],
      roots: '',
      heartbeatPeriod: 5e9,
    });
    const tasks = [...this.tasks.values()];
    const { secrets, configs } = this;
    channel.push({ type: 'assignments', ...nothing, full: true, tasks, secrets, configs });
    return {
      messages: channel,
      report: async (statuses) => {
        if (this.deaf || this.#open !== channel) throw new Error('the session is over');
        this.#take(statuses);
      },
      describe: async (description) => {
        this.descriptions.push(description);
      },
      networksApplied: async ({ revision }) => {
        this.networksApplied.push(revision);
      },
      away: async () => {
        this.gone++;
      },
      close: () => channel.end(),
    };
  }

  assign(...tasks: Array<Task | AssignedTask>): void {
    const assigned = tasks.map((task) => ('task' in task ? task : { task }));
    for (const one of assigned) this.tasks.set(one.task.ID, one);
    this.send({ tasks: assigned });
  }

  desire(taskId: string, DesiredState: TaskState): void {
    const { task, ...rest } = this.tasks.get(taskId)!;
    this.assign({ task: { ...task, DesiredState }, ...rest });
  }

  remove(...taskIds: string[]): void {
    for (const id of taskIds) this.tasks.delete(id);
    this.send({ removedTasks: taskIds });
  }

  /** Clients are led to tasks of these services, at a port each. */
  publish(...services: string[]): void {
    this.#open?.push({
      ...{ type: 'networks', revision: 1, full: true, dataPathPort: 4789, networks: [], removedNetworks: [] },
      published: services.map((serviceId, index) => ({
        ...{ protocol: 'tcp', port: 8000 + index, targetPort: 80, serviceId, targets: ['10.0.0.5'] },
      })),
    });
  }

  send(part: Partial<Assignments>): void {
    this.#open?.push({ type: 'assignments', ...nothing, ...part });
  }

  /** The session breaks. */
  cut(): void {
    const channel = this.#open;
    this.#open = undefined;
    channel?.break(new Error('the connection was lost'));
  }

  status(taskId: string): TaskStatus | undefined {
    return this.history.get(taskId)?.at(-1);
  }

  states(taskId: string): TaskState[] {
    return (this.history.get(taskId) ?? []).map(({ State }) => State);
  }

  /** Resolves with the task's status once it has reached the state; throws if it has gone past it. */
  async until(taskId: string, state: TaskState): Promise<TaskStatus> {
    for (;;) {
      const status = this.status(taskId);
      if (status?.State === state) return status;
      if (status && compareStates(status.State, state) > 0)
        throw new Error(`task ${taskId} is ${status.State}, not ${state}: ${status.Err}`);
      await this.news();
    }
  }

  /** Resolves when something was reported. */
  news(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.add(resolve);
    });
  }

  #take({ statuses }: StatusRequest): void {
    this.batches++;
    for (const { taskId, status } of statuses) {
      const before = this.history.get(taskId) ?? [];
      const last = before.at(-1);
      if (last && compareStates(last.State, status.State) > 0)
        throw new Error(`task ${taskId} went back from ${last.State} to ${status.State}`);
      if (last?.State !== status.State) this.history.set(taskId, [...before, status]);
      const assigned = this.tasks.get(taskId);
      if (assigned) this.tasks.set(taskId, { ...assigned, task: { ...assigned.task, Status: status } });
    }
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const resolve of waiters) resolve();
  }
}

class Channel implements AsyncIterable<DownMessage> {
  readonly #messages: DownMessage[] = [];
  #over: { error?: Error } | undefined;
  #wake: (() => void) | undefined;

  push(message: DownMessage): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  end(): void {
    this.#over ??= {};
    this.#wake?.();
  }

  break(error: Error): void {
    this.#over = { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DownMessage> {
    for (;;) {
      while (this.#messages.length > 0 && !this.#over) yield this.#messages.shift()!;
      if (this.#over?.error) throw this.#over.error;
      if (this.#over) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A host without networks of the cluster. */
export const NO_NETWORKS: TaskNetworks = {
  ensureNetwork: async (id) => {
    throw new Error(`there is no network ${id} here`);
  },
  dnsServerFor: () => undefined,
  complete: async () => {},
};
