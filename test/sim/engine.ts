/**
 * A Docker Engine in memory: containers that take their time, fail, crash and get unhealthy as chance will have it. It
 * stands for the thousands of schedules that no real engine could be taken through.
 */
import {
  type EngineHooks,
  type TaskContainer,
  type TaskEngine,
  TemporaryError,
} from '../../src/agent/contract.ts';
import type { Clock } from '../../src/model/clock.ts';
import { contentKey } from '../../src/model/contents.ts';
import type { NodeDescription } from '../../src/model/objects.ts';
import type { AssignedTask } from '../../src/model/protocol.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

/** What a service's image does; its name says so. */
export type Behaviour = 'steady' | 'crashing' | 'unhealthy' | 'missing' | 'brief';

interface Container extends TaskContainer {
  behaviour: Behaviour;
  checked: boolean;
  started: boolean;
}

export interface ContainerHooks {
  started(taskId: string): void;
  /** `asked`: because the agent wanted it, not by itself. */
  stopped(taskId: string, asked: boolean): void;
  /** A task is prepared with less than it needs. */
  lacks(taskId: string, what: string): void;
}

export class FakeEngine {
  readonly containers = new Map<string, Container>();
  /** away: it is being restarted, or does not run. */
  mode: 'good' | 'slow' | 'failing' | 'stuck' | 'away' = 'good';
  /** False once faults are over: images behave then, too. */
  troubled = true;
  powered = true;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #hooks: ContainerHooks;
  readonly #description: Omit<NodeDescription, 'TLSInfo'>;
  /** What was removed by hand, as it ended. */
  readonly #gone = new Map<string, Container>();
  readonly #watchers = new Set<EngineHooks>();
  /** Operations that wait for a stuck engine to go on. */
  #held: Array<() => void> = [];
  readonly #busyUntil = new Map<string, number>();
  /** Until when it still works on what it was asked for while it was slow. */
  #slowUntil = 0;
  #boots = 0;
  #ids = 0;

  /** It does what it is asked for, at once. */
  get isWell(): boolean {
    return this.mode === 'good' && this.#clock.now() >= this.#slowUntil;
  }

  constructor(
    description: Omit<NodeDescription, 'TLSInfo'>,
    clock: Clock,
    random: Random,
    hooks: ContainerHooks,
  ) {
    this.#description = description;
    this.#clock = clock;
    this.#random = random;
    this.#hooks = hooks;
  }

  running(): string[] {
    return [...this.containers.values()].filter(({ state }) => state === 'running').map((c) => c.taskId);
  }

  /** Everything stops at once and nobody is told. */
  powerCut(): void {
    this.powered = false;
    this.#boots++;
    this.#watchers.clear();
    this.#held = [];
    for (const container of this.containers.values()) this.#end(container, 137);
  }

  powerOn(): void {
    this.powered = true;
    this.mode = 'good';
  }

  setMode(mode: FakeEngine['mode']): void {
    const before = this.mode;
    this.mode = mode;
    if (before !== mode && (before === 'away' || mode === 'away')) this.#tellWhether(mode !== 'away');
    if (mode === 'stuck') return;
    for (const go of this.#held.splice(0)) go();
  }

  /** It ends in order, and all containers with it. */
  shutDown(): void {
    this.setMode('away');
    for (const container of this.containers.values()) this.#end(container, 143);
  }

  /** Someone has removed a task's container by hand. */
  destroy(taskId: string): void {
    const container = this.containers.get(taskId);
    if (!container) return;
    this.#end(container, 137);
    this.containers.delete(taskId);
    this.#gone.set(taskId, { ...container, state: 'exited' });
    this.#tell(taskId);
  }

  /** The engine as one agent process sees it: nothing reaches a process that is gone. */
  face(process: Process): TaskEngine {
    const call = <T>(typical: number, work: () => T, container?: string): Promise<T> =>
      process.promise((resolve, reject) => {
        const boot = this.#boots;
        const run = () => {
          if (boot !== this.#boots || !this.powered) return;
          if (this.mode === 'stuck') {
            this.#held.push(run);
            return;
          }
          if (this.mode === 'away') {
            reject(new TemporaryError('the engine does not answer'));
            return;
          }
          // What was asked for happens, whether or not the one who asked is still there.
          const outcome = attempt(work);
          if (outcome.ok && this.mode === 'failing' && this.#random.chance(0.1)) {
            reject(new TemporaryError('the engine has broken the connection'));
            return;
          }
          if (outcome.ok) resolve(outcome.value);
          else reject(outcome.error);
        };
        const slowness = this.mode === 'slow' ? 15 : 1;
        const now = this.#clock.now();
        let at = now + this.#random.latency(typical * slowness);
        if (container !== undefined) {
          // One after the other: the engine locks a container for as long as it works on it.
          at = Math.max(at, this.#busyUntil.get(container) ?? 0);
          this.#busyUntil.set(container, at);
        }
        if (this.mode === 'slow') this.#slowUntil = Math.max(this.#slowUntil, at);
        this.#clock.timer(at - now, run);
      });
    return {
      describe: () => call(5, () => this.#description),
      list: () => call(10, () => [...this.containers.values()].map(copy)),
      inspect: (taskId) =>
        call(3, () => {
          this.#mayFail();
          const container = this.containers.get(taskId) ?? this.#gone.get(taskId);
          return container && copy(container);
        }),
      prepare: async (assigned, dependencies, signal) => {
        for (const { SecretID } of assigned.task.Spec.ContainerSpec?.Secrets ?? []) {
          const version = assigned.task.internal.contents?.[SecretID ?? ''] ?? 0;
          const secret = dependencies.secrets.get(contentKey(SecretID ?? '', version));
          if ((secret?.internal.contentVersion ?? 0) !== version || !secret?.Spec.Data)
            this.#hooks.lacks(assigned.task.ID, `secret ${SecretID}, version ${version}`);
        }
        const id = await call(60, () => (signal.aborted ? '' : this.#prepare(assigned)), assigned.task.ID);
        signal.throwIfAborted();
        return id;
      },
      start: (taskId) => call(80, () => this.#start(taskId), taskId),
      complete: async () => {},
      listening: async () => {},
      stop: (assigned) => call(40, () => this.#stop(assigned.task.ID), assigned.task.ID),
      remove: (taskId) => call(20, () => this.#remove(taskId), taskId),
      watch: ({ changed, answers }, signal) =>
        new Promise((resolve) => {
          const watcher: EngineHooks = {
            changed: (taskId) => process.run(() => changed(taskId)),
            answers: (does) => process.run(() => answers(does)),
          };
          this.#watchers.add(watcher);
          if (this.mode === 'away') answers(false);
          signal.addEventListener('abort', () => {
            this.#watchers.delete(watcher);
            resolve();
          });
        }),
    };
  }

  #prepare({ task }: AssignedTask): string {
    this.#mayFail();
    const known = this.containers.get(task.ID);
    if (known) return known.containerId;
    const behaviour = behaviourOf(task.Spec.ContainerSpec?.Image ?? '');
    if (behaviour === 'missing' && this.troubled) throw new Error('No such image');
    const containerId = `c${++this.#ids}`;
    this.containers.set(task.ID, {
      containerId,
      taskId: task.ID,
      state: 'created',
      pid: 0,
      exitCode: 0,
      ports: {},
      behaviour,
      checked: task.Spec.ContainerSpec?.Healthcheck != null,
      started: false,
    });
    return containerId;
  }

  #start(taskId: string): void {
    this.#mayFail();
    const container = this.containers.get(taskId);
    if (!container) throw new Error(`No such container: ${taskId}`);
    if (container.started) return;
    container.started = true;
    container.state = 'running';
    container.pid = 1000 + ++this.#ids;
    container.exitCode = 0;
    this.#hooks.started(taskId);
    if (container.checked) {
      container.health = 'starting';
      this.#later(container, this.#random.latency(800), () => {
        const ill = this.troubled && container.behaviour === 'unhealthy' && this.#random.chance(0.6);
        container.health = ill ? 'unhealthy' : 'healthy';
        this.#tell(taskId);
      });
    }
    if (container.behaviour === 'crashing') {
      this.#later(container, this.#random.latency(5000), () => {
        if (this.troubled) this.#end(container, this.#random.pick([0, 1, 139]));
      });
    }
    if (container.behaviour === 'brief') {
      this.#later(container, this.#random.int(500, 4000), () => this.#end(container, 0));
    }
  }

  #stop(taskId: string): void {
    this.#mayFail();
    const container = this.containers.get(taskId);
    if (container) this.#end(container, 143, true);
  }

  #remove(taskId: string): void {
    this.#mayFail();
    const container = this.containers.get(taskId);
    if (!container) return;
    this.#end(container, 137, true);
    this.containers.delete(taskId);
  }

  #mayFail(): void {
    if (this.mode !== 'failing') return;
    if (this.#random.chance(0.3)) throw new TemporaryError('the engine does not answer');
    if (this.#random.chance(0.2)) throw new Error('the engine has failed');
  }

  #later(container: Container, ms: number, fn: () => void): void {
    this.#clock.timer(ms, () => {
      if (this.containers.get(container.taskId) === container && container.state === 'running') fn();
    });
  }

  #end(container: Container, exitCode: number, asked = false): void {
    if (container.state !== 'running') return;
    const { health } = container;
    container.state = 'exited';
    container.pid = 0;
    container.exitCode = exitCode;
    delete container.health;
    this.#hooks.stopped(container.taskId, asked && health !== 'unhealthy');
    this.#tell(container.taskId);
  }

  #tell(taskId: string): void {
    const lost = this.troubled && this.#random.chance(0.02);
    this.#clock.timer(lost ? this.#random.int(500, 3000) : 2, () => {
      if (this.mode === 'away') return;
      for (const watcher of this.#watchers) watcher.changed(lost ? undefined : taskId);
    });
  }

  #tellWhether(answers: boolean): void {
    for (const watcher of this.#watchers) {
      watcher.answers(answers);
      if (answers) watcher.changed(undefined);
    }
  }
}

function behaviourOf(image: string): Behaviour {
  const [name] = image.split(':');
  return name as Behaviour;
}

function copy(container: Container): TaskContainer {
  const { behaviour: _, checked: __, started: ___, ...rest } = container;
  return { ...rest };
}

function attempt<T>(work: () => T): { ok: true; value: T } | { ok: false; error: unknown } {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
}
