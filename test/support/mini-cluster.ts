/** The control plane on a store in memory, with agents that do as they are told at once: for tests of rules. */
import { startControl } from '../../src/control/runtime.ts';
import { timestamp } from '../../src/model/clock.ts';
import type { Node, Service, Task, TaskStatus } from '../../src/model/objects.ts';
import type { NodeSpec, ServiceSpec } from '../../src/model/spec.ts';
import { compareStates, isTerminal, type TaskState } from '../../src/model/task-state.ts';
import type { Change, Kind, Kinds, Store, View } from '../../src/store/contract.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { settled, VirtualClock } from './virtual-clock.ts';

const START_TIME = 100;
const STOP_TIME = 50;
const MOST_TURNS = 2_000;

/** What becomes of a task: it fails before or after its container starts, or it ends by itself. */
export type Fate =
  | { state: 'rejected' | 'failed' | 'complete'; after: number; exitCode?: number }
  | undefined;

export interface MiniClusterOptions {
  fate?: (task: Task) => Fate;
  clock?: VirtualClock;
  store?: Store;
  /** Without agents tasks stay as the control plane left them. */
  agents?: boolean;
}

export class MiniCluster implements AsyncDisposable {
  readonly store: Store;
  readonly clock: VirtualClock;
  readonly logged: string[] = [];
  fate: (task: Task) => Fate;
  private ids = 0;
  private turns = { at: 0, count: 0 };
  private control: { stop: AbortController; done: Promise<void> } | undefined;
  private readonly unwatch: () => void;

  constructor(options: MiniClusterOptions = {}) {
    this.store = options.store ?? openMemoryStore();
    this.clock = options.clock ?? new VirtualClock();
    this.fate = options.fate ?? (() => undefined);
    this.unwatch =
      options.agents === false
        ? () => {}
        : this.store.watch(this.store.view.revision, ({ events }) => {
            for (const event of events) {
              if (event.kind === 'task' && event.after) this.carryOut(event.after);
            }
          });
  }

  get view(): View {
    return this.store.view;
  }

  start(): void {
    const stop = new AbortController();
    const done = startControl({
      store: this.store,
      clock: this.clock,
      newId: () => this.newId('t'),
      signal: stop.signal,
      yieldTo: async () => this.countTurn(),
      log: (message, error) => this.logged.push(`${message}: ${(error as Error).stack}`),
    });
    this.control = { stop, done };
  }

  async stop(): Promise<void> {
    this.control?.stop.abort();
    await this.control?.done;
    this.control = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.unwatch();
    await this.store.close();
  }

  newId(prefix: string): string {
    return `${prefix}${(++this.ids).toString().padStart(6, '0')}`;
  }

  async write(...changes: Change[]): Promise<void> {
    await this.store.commit({ changes });
  }

  async addNode(id: string, more: Partial<Node> & { spec?: NodeSpec } = {}): Promise<void> {
    const { spec, ...rest } = more;
    await this.write({
      op: 'put',
      kind: 'node',
      object: { ...makeNode(id, this.now()), ...rest, Spec: { ...makeNode(id, '').Spec, ...spec } },
    });
  }

  async addService(id: string, spec: ServiceSpec): Promise<void> {
    await this.write({ op: 'put', kind: 'service', object: makeService(id, spec, this.now()) });
  }

  /** As a user's update: the spec is replaced whole, and the state of any update before is forgotten. */
  async updateService(id: string, change: (spec: ServiceSpec) => ServiceSpec): Promise<void> {
    const service = this.view.get('service', id)!;
    const { UpdateStatus: _, ...rest } = service;
    await this.write({
      op: 'put',
      kind: 'service',
      object: {
        ...rest,
        Spec: change(service.Spec),
        PreviousSpec: service.Spec,
        internal: {
          ...service.internal,
          specVersion: this.view.revision + 1,
          previousSpecVersion: service.internal.specVersion,
        },
      },
    });
  }

  async change<K extends Kind>(kind: K, id: string, change: (object: Kinds[K]) => Kinds[K]): Promise<void> {
    await this.write({ op: 'put', kind, object: change(this.view.get(kind, id)!) } as Change);
  }

  async remove(kind: Kind, id: string): Promise<void> {
    await this.write({ op: 'delete', kind, id, revision: this.view.get(kind, id)!.Version.Index } as Change);
  }

  async setNode(id: string, state: Node['Status']['State'], spec: NodeSpec = {}): Promise<void> {
    await this.change('node', id, (node) => ({
      ...node,
      Spec: { ...node.Spec, ...spec },
      Status: { ...node.Status, State: state },
      internal: state === 'down' ? { downSince: this.clock.now() } : {},
    }));
    // An agent that comes back is told everything anew.
    if (state === 'ready') for (const task of this.view.tasksOfNode(id)) this.carryOut(task);
  }

  async report(taskId: string, status: Partial<TaskStatus>): Promise<void> {
    const task = this.view.get('task', taskId);
    if (!task || (status.State && compareStates(status.State, task.Status.State) < 0)) return;
    await this.change('task', taskId, () => ({
      ...task,
      UpdatedAt: this.now(),
      Status: { ...task.Status, Timestamp: this.now(), ...status },
    }));
  }

  tasks(serviceId: string): Task[] {
    return [...this.view.tasksOfService(serviceId)];
  }

  /** Tasks that run and shall. */
  running(serviceId: string): Task[] {
    return this.tasks(serviceId).filter((t) => t.Status.State === 'running' && t.DesiredState === 'running');
  }

  async advance(ms: number): Promise<void> {
    await settled();
    await this.clock.advance(ms);
  }

  now(): string {
    return timestamp(this.clock.now());
  }

  /** Ends a control plane that is busy for ever without time going on. */
  private countTurn(): void {
    if (this.turns.at !== this.clock.now()) this.turns = { at: this.clock.now(), count: 0 };
    if (++this.turns.count < MOST_TURNS) return;
    this.logged.push('the control plane does not come to rest');
    this.control?.stop.abort();
  }

  private carryOut(task: Task): void {
    if (task.NodeID === undefined || compareStates(task.Status.State, 'assigned') < 0) return;
    if (isTerminal(task.Status.State)) return;
    if (compareStates(task.DesiredState, 'complete') > 0) {
      this.after(STOP_TIME, task.ID, () => ({ State: 'shutdown', Message: 'shutdown' }));
      return;
    }
    const fate = this.fate(task);
    if (task.Status.State === 'assigned') {
      if (fate?.state === 'rejected')
        this.after(fate.after, task.ID, () => ({ State: 'rejected', Err: 'no' }));
      else this.after(START_TIME / 2, task.ID, () => ({ State: 'ready', Message: 'prepared' }));
    } else if (task.Status.State === 'ready' && task.DesiredState !== 'ready') {
      this.after(START_TIME / 2, task.ID, () => ({ State: 'running', Message: 'started' }));
    } else if (task.Status.State === 'running' && fate && fate.state !== 'rejected') {
      this.after(fate.after, task.ID, () => ({ State: fate.state as TaskState, Err: 'ended' }));
    }
  }

  private after(ms: number, taskId: string, status: () => Partial<TaskStatus>): void {
    this.clock.timer(ms, () => {
      const task = this.view.get('task', taskId);
      const node = task?.NodeID && this.view.get('node', task.NodeID);
      if (!task || !node || node.Status.State === 'down') return;
      const next = status();
      if (compareStates(task.DesiredState, 'complete') > 0 && next.State !== 'shutdown') {
        if (!isTerminal(next.State!)) return;
      }
      void this.report(taskId, next);
    });
  }
}

export function makeNode(id: string, at: string): Node {
  return {
    ID: id,
    Version: { Index: 0 },
    CreatedAt: at,
    UpdatedAt: at,
    Spec: { Role: 'worker', Availability: 'active', Labels: {} },
    Description: {
      Hostname: id,
      Platform: { Architecture: 'x86_64', OS: 'linux' },
      Resources: { NanoCPUs: 8e9, MemoryBytes: 32e9 },
      Engine: { EngineVersion: '28.2.2', Labels: {}, Plugins: [] },
      TLSInfo: { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' },
    },
    Status: { State: 'ready', Addr: '10.0.0.1' },
    internal: {},
  };
}

export function makeService(id: string, spec: ServiceSpec, at: string): Service {
  return {
    ID: id,
    Version: { Index: 0 },
    CreatedAt: at,
    UpdatedAt: at,
    Spec: {
      Name: id,
      TaskTemplate: { ContainerSpec: { Image: 'busybox' } },
      ...spec,
    },
    Endpoint: { Spec: {} },
    internal: { specVersion: 1 },
  };
}
