/** An engine without containers: every step succeeds, in the time that a real engine takes for it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { EngineHooks, TaskContainer, TaskEngine } from '../../src/agent/contract.ts';
import type { NodeDescription } from '../../src/model/objects.ts';
import type { AssignedTask } from '../../src/model/protocol.ts';

/** Milliseconds for making a container and for starting one, evenly spread. */
const STEP = [100, 300] as const;

export class SimulatedEngine implements TaskEngine {
  readonly #hostname: string;
  readonly #containers = new Map<string, TaskContainer>();

  constructor(hostname: string) {
    this.#hostname = hostname;
  }

  async describe(): Promise<Omit<NodeDescription, 'TLSInfo'>> {
    return {
      Hostname: this.#hostname,
      Platform: { Architecture: 'x86_64', OS: 'linux' },
      Resources: { NanoCPUs: 16e9, MemoryBytes: 64 * 2 ** 30 },
      Engine: {
        EngineVersion: '28.2.2',
        Labels: {},
        Plugins: ['bridge', 'host', 'macvlan', 'null', 'overlay'].map((Name) => ({ Type: 'Network', Name })),
      },
    };
  }

  async list(): Promise<TaskContainer[]> {
    return [...this.#containers.values()];
  }

  async inspect(taskId: string): Promise<TaskContainer | undefined> {
    return this.#containers.get(taskId);
  }

  async prepare({ task }: AssignedTask): Promise<string> {
    await step();
    const containerId = task.ID.padEnd(64, '0');
    this.#containers.set(task.ID, {
      containerId,
      taskId: task.ID,
      state: 'created',
      pid: 0,
      exitCode: 0,
      ports: {},
    });
    return containerId;
  }

  async start(taskId: string): Promise<void> {
    await step();
    this.#change(taskId, { state: 'running', pid: 4711 });
  }

  async complete(): Promise<void> {}

  async listening(): Promise<void> {}

  async stop({ task }: AssignedTask): Promise<void> {
    await step();
    this.#change(task.ID, { state: 'exited', pid: 0, exitCode: 143 });
  }

  async remove(taskId: string): Promise<void> {
    this.#containers.delete(taskId);
  }

  async watch(_hooks: EngineHooks, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #change(taskId: string, change: Partial<TaskContainer>): void {
    const container = this.#containers.get(taskId);
    if (container) this.#containers.set(taskId, { ...container, ...change });
  }
}

function step(): Promise<void> {
  const [least, most] = STEP;
  return wait(least + Math.random() * (most - least));
}
