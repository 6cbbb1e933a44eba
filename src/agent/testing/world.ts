/** For tests of the agent: a clock that they turn and an engine of no substance. */
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { NodeDescription } from '../../model/objects.ts';
import type { AssignedTask } from '../../model/protocol.ts';
import { runAgent } from '../agent.ts';
import { type EngineHooks, type TaskContainer, type TaskEngine, TemporaryError } from '../contract.ts';
import { FakeManager } from './manager.ts';

const TLS = { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' };

/** Containers are entries of a map. What takes time on a real engine takes a little here as well. */
export class MapEngine implements TaskEngine {
  readonly containers = new Map<string, TaskContainer>();
  readonly calls: string[] = [];
  completion: Promise<void> = Promise.resolve();
  readonly starts = new Map<string, number>();
  hostname = 'h1';
  away = false;
  health: TaskContainer['health'];
  /** Resolves when containers listen at their ports. */
  listens: Promise<void> = Promise.resolve();
  readonly #clock: VirtualClock;
  #hooks: EngineHooks | undefined;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async describe(): Promise<Omit<NodeDescription, 'TLSInfo'>> {
    await this.#step('describe');
    return {
      Hostname: this.hostname,
      Platform: { Architecture: 'x86_64', OS: 'linux' },
      Resources: { NanoCPUs: 1e9, MemoryBytes: 1 },
      Engine: { EngineVersion: '1', Labels: {}, Plugins: [] },
    };
  }

  async list(): Promise<TaskContainer[]> {
    await this.#step('list');
    return [...this.containers.values()];
  }

  async inspect(taskId: string): Promise<TaskContainer | undefined> {
    await this.#step(`inspect ${taskId}`);
    return this.containers.get(taskId);
  }

  async prepare(assigned: AssignedTask, _: unknown, signal: AbortSignal): Promise<string> {
    const { ID } = assigned.task;
    await this.#step(`prepare ${ID}`);
    signal.throwIfAborted();
    const known = this.containers.get(ID);
    if (known) return known.containerId;
    const [containerId, state] = [`c${ID}`, 'created' as const];
    this.containers.set(ID, { containerId, taskId: ID, state, pid: 0, exitCode: 0, ports: {} });
    return containerId;
  }

  async start(taskId: string, signal: AbortSignal): Promise<void> {
    await this.#step(`start ${taskId}`);
    signal.throwIfAborted();
    const container = this.containers.get(taskId);
    if (!container) throw new Error('starting container failed: No such container');
    if (container.state !== 'created') return;
    this.starts.set(taskId, (this.starts.get(taskId) ?? 0) + 1);
    this.containers.set(taskId, { ...container, state: 'running', pid: 7, health: this.health });
  }

  /** Waits for `completion`. */
  async complete(): Promise<void> {
    await this.completion;
  }

  /** Waits for `listens`. */
  async listening(_: AssignedTask, __: TaskContainer, signal: AbortSignal): Promise<void> {
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await Promise.race([this.listens, aborted]);
  }

  async stop({ task }: AssignedTask): Promise<void> {
    await this.#step(`stop ${task.ID}`);
    this.end(task.ID, 137);
  }

  async remove(taskId: string): Promise<void> {
    await this.#step(`remove ${taskId}`);
    this.containers.delete(taskId);
  }

  watch(hooks: EngineHooks, signal: AbortSignal): Promise<void> {
    this.#hooks = hooks;
    hooks.changed(undefined);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }

  end(taskId: string, exitCode: number): void {
    const container = this.containers.get(taskId);
    if (container?.state !== 'running') return;
    this.set({ ...container, state: 'exited', pid: 0, exitCode });
  }

  set(container: TaskContainer): void {
    this.containers.set(container.taskId, container);
    this.tell(container.taskId);
  }

  destroy(taskId: string): void {
    this.containers.delete(taskId);
    this.tell(taskId);
  }

  /** It is about to end, or has come back. */
  answers(does: boolean): void {
    this.#hooks?.answers(does);
  }

  tell(taskId: string | undefined): void {
    this.#hooks?.changed(taskId);
  }

  async #step(call: string): Promise<void> {
    this.calls.push(call);
    await new Promise<void>((resolve) => void this.#clock.timer(10, resolve));
    if (this.away) throw new TemporaryError('the engine does not answer');
  }
}

export interface World {
  clock: VirtualClock;
  engine: MapEngine;
  manager: FakeManager;
  logs: string[];
  /** The host is about to be switched off; resolves when the agent has ended by itself. */
  switchOff(): Promise<void>;
  /** Ends the agent and begins another one. */
  again(): Promise<void>;
}

/** Runs the body with an agent of its own. */
export async function world(body: (world: World) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const engine = new MapEngine(clock);
  const manager = new FakeManager();
  const logs: string[] = [];
  let end = new AbortController();
  let off = new AbortController();
  let running = Promise.resolve();
  const begin = (): void => {
    end = new AbortController();
    off = new AbortController();
    const log = (message: string): void => void logs.push(message);
    const networks = { apply: async () => {} };
    const options = { link: manager, engine, networks, clock, random: () => 0.5, log, tlsInfo: () => TLS };
    running = runAgent({ ...options, switchOff: off.signal, signal: end.signal });
  };
  const stop = async (): Promise<void> => {
    end.abort();
    await clock.advance(2000);
    await running;
  };
  begin();
  try {
    await body({
      clock,
      engine,
      manager,
      logs,
      switchOff: () => {
        off.abort();
        return running;
      },
      again: async () => {
        await stop();
        begin();
      },
    });
  } finally {
    await stop();
  }
}
