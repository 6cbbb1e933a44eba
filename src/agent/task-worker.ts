/**
 * Takes one task through its life on this node. It never stops a container because of anything but the task's own
 * desired state, and it can take up a task at any point, whatever happened to the agent before.
 */

import { type Clock, timestamp } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { TaskStatus } from '../model/objects.ts';
import type { AssignedTask } from '../model/protocol.ts';
import { atLeast, isTerminal, type TaskState } from '../model/task-state.ts';
import type { TaskContainer, TaskDependencies, TaskEngine } from './contract.ts';
import { TemporaryError } from './contract.ts';
import {
  DESTROYED,
  done,
  exitError,
  failed,
  moved,
  nextStep,
  type Step,
  withContainer,
} from './task-steps.ts';

const RETRY_MS = 1000;

export interface TaskWorkerOptions {
  engine: TaskEngine;
  clock: Clock;
  dependencies: TaskDependencies;
  /** Others of its service were called at its published ports when it came: it is called as well as soon as it runs. */
  joinsOthers: boolean;
  /** Called with every new status. */
  report(taskId: string, status: TaskStatus): void;
  log(message: string): void;
}

export class TaskWorker {
  readonly #options: TaskWorkerOptions;
  #assigned: AssignedTask;
  #status: TaskStatus;
  /** Ends the action that runs when the task is to stop or the worker is let go. */
  readonly #interrupt = new AbortController();
  /** Something happened to the container or the assignment since it was last looked at. */
  #stirred = false;
  /** Its container may be news even if the task is over. */
  #toLookAt = false;
  #wake: (() => void) | undefined;
  #fate: 'work' | 'remove' | 'let go' = 'work';
  /** What the container was when it was last looked at after its start, to save looking again. */
  #seen: TaskContainer | undefined;
  readonly finished: Promise<void>;

  constructor(assigned: AssignedTask, options: TaskWorkerOptions) {
    this.#options = options;
    this.#assigned = assigned;
    this.#status = assigned.task.Status;
    this.finished = this.#run();
  }

  get assigned(): AssignedTask {
    return this.#assigned;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  /** The task as the manager wants it now. */
  update(assigned: AssignedTask): void {
    // What is desired only moves forward, whatever order messages come in.
    const desired = later(this.#assigned.task.DesiredState, assigned.task.DesiredState);
    this.#assigned = { ...assigned, task: { ...assigned.task, DesiredState: desired } };
    this.#stir();
  }

  /** Something may have happened to the container. */
  look(): void {
    this.#toLookAt = true;
    this.#stir();
  }

  /** The task is no more: its container goes. */
  remove(): void {
    this.#fate = 'remove';
    this.#stir();
  }

  /** The agent ends: the container stays as it is. */
  letGo(): void {
    this.#fate = 'let go';
    this.#stir();
  }

  get removing(): boolean {
    return this.#fate === 'remove';
  }

  #stir(): void {
    this.#stirred = true;
    if (this.#wanted !== 'run') this.#interrupt.abort();
    this.#wake?.();
  }

  get #wanted(): 'run' | 'stop' {
    return this.#fate !== 'work' || atLeast(this.#assigned.task.DesiredState, 'shutdown') ? 'stop' : 'run';
  }

  async #run(): Promise<void> {
    while (this.#fate === 'work') {
      const step = nextStep(this.#status.State, this.#assigned.task.DesiredState);
      if (step.kind === 'move') this.#set(moved(this.#status, step.state, step.message, this.#now()));
      else if (step.kind === 'rest') await this.#rest();
      else await this.#act(step.kind);
    }
    while (this.#fate === 'remove') {
      try {
        await this.#options.engine.remove(this.#id);
        return;
      } catch (error) {
        this.#options.log(`cannot remove the container of task ${this.#id} yet: ${messageOf(error)}`);
        await this.#pause();
      }
    }
  }

  /** Returns once the container is known not to run, or the task's fate has changed. */
  async #makeSureItStopped(): Promise<void> {
    while (this.#fate === 'work') {
      try {
        const container = await this.#options.engine.inspect(this.#id);
        if (container?.state === 'running') await this.#options.engine.stop(this.#assigned);
        return;
      } catch (error) {
        this.#options.log(`cannot stop the container of task ${this.#id} yet: ${messageOf(error)}`);
        await this.#pause();
      }
    }
  }

  async #act(action: Exclude<Step['kind'], 'move' | 'rest'>): Promise<void> {
    try {
      const over = await this.#carryOut(action, this.#interrupt.signal);
      if (over) this.#set(done(this.#status, action, this.#now()));
    } catch (error) {
      // Interrupted: what failed does not matter, the next step is to stop.
      if (action !== 'stop' && this.#wanted === 'stop') return;
      // A container that cannot be stopped is not stopped, whatever the reason: its place must not be taken yet.
      if (error instanceof TemporaryError || action === 'stop') {
        this.#options.log(`task ${this.#id}: ${action} is tried again: ${messageOf(error)}`);
        await this.#pause();
        return;
      }
      // It may run although the engine says otherwise (even before its start: an agent before this one may have been
      // killed before it could report it), and would go on beside the task that replaces this one.
      await this.#makeSureItStopped();
      if (this.#fate !== 'work') return;
      if (action !== 'wait') await this.#tryToObserve();
      this.#set(failed(this.#status, messageOf(error), this.#now()));
    }
  }

  /** True if the action came to its end; false if it was interrupted. */
  async #carryOut(action: Exclude<Step['kind'], 'move' | 'rest'>, signal: AbortSignal): Promise<boolean> {
    const { engine } = this.#options;
    switch (action) {
      case 'prepare': {
        const ContainerID = await engine.prepare(
          this.#assigned,
          this.#options.dependencies,
          signal,
          (message) => this.#say(message),
        );
        // Whoever wants to look at it or to help it before it runs has to know which container it is.
        this.#status = { ...this.#status, ContainerStatus: { ContainerID, PID: 0, ExitCode: 0 } };
        return true;
      }
      case 'start':
        return this.#start(signal);
      case 'wait':
        return this.#wait(signal);
      case 'stop': {
        await engine.stop(this.#assigned);
        if (atLeast(this.#status.State, 'preparing')) await this.#tryToObserve();
        return true;
      }
    }
  }

  async #start(signal: AbortSignal): Promise<boolean> {
    this.#stirred = false;
    const { engine, joinsOthers } = this.#options;
    await engine.start(this.#id, signal);
    let complete = false;
    for (;;) {
      const container = await this.#observe();
      if (!container) throw new Error(DESTROYED);
      if (!complete && container.state === 'running') await engine.complete(this.#assigned, container);
      complete = true;
      if (container.state === 'exited' || container.health === undefined || container.health === 'healthy') {
        if (joinsOthers && container.state === 'running' && container.health === undefined)
          await engine.listening(this.#assigned, container, signal);
        if (signal.aborted) return false;
        this.#seen = container;
        return true;
      }
      if (container.health === 'unhealthy') return this.#stopUnhealthy();
      if (!(await this.#untilStirred(signal))) return false;
      this.#stirred = false;
    }
  }

  async #wait(signal: AbortSignal): Promise<boolean> {
    let container = this.#seen;
    this.#seen = undefined;
    for (;;) {
      if (!container) {
        this.#stirred = false;
        container = await this.#options.engine.inspect(this.#id);
      }
      if (!container) throw new Error(DESTROYED);
      if (container.state === 'created') throw new Error('the container was never started');
      if (container.state === 'exited') return this.#exited(container, false);
      if (container.health === 'unhealthy') return this.#stopUnhealthy();
      if (!(await this.#untilStirred(signal))) return false;
      container = undefined;
    }
  }

  async #stopUnhealthy(): Promise<boolean> {
    await this.#options.engine.stop(this.#assigned);
    const container = await this.#options.engine.inspect(this.#id);
    if (!container) throw new Error(DESTROYED);
    return this.#exited(container, true);
  }

  #exited(container: TaskContainer, unhealthy: boolean): boolean {
    this.#status = withContainer(this.#status, container);
    const error = exitError(container, unhealthy);
    if (error) throw new Error(error);
    return true;
  }

  /** Looks at the container and notes it in the status that is reported next. */
  async #observe(): Promise<TaskContainer | undefined> {
    const container = await this.#options.engine.inspect(this.#id);
    this.#status = withContainer(this.#status, container);
    return container;
  }

  /** The same where the status can do without. */
  async #tryToObserve(): Promise<void> {
    try {
      await this.#observe();
    } catch (error) {
      this.#options.log(`cannot look at the container of task ${this.#id}: ${messageOf(error)}`);
    }
  }

  async #rest(): Promise<void> {
    await this.#untilStirred();
    this.#stirred = false;
    // A task can be over while its container still runs: the manager gave it up, or this agent was killed between
    // deciding and doing. Nobody counts on such a container any more.
    if (this.#toLookAt && isTerminal(this.#status.State)) {
      this.#toLookAt = false;
      await this.#makeSureItStopped();
    }
  }

  /** Resolves with true once something happened, with false if interrupted. */
  async #untilStirred(signal?: AbortSignal): Promise<boolean> {
    if (!this.#stirred && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return !signal?.aborted;
  }

  /** Waits before something is tried again; ends early when the assignment changes. */
  async #pause(): Promise<void> {
    this.#stirred = false;
    const cancel = this.#options.clock.timer(RETRY_MS, () => this.#stir());
    await this.#untilStirred();
    cancel();
  }

  /** What a step that takes long is at. */
  #say(message: string): void {
    if (this.#status.State === 'preparing' && this.#status.Message !== message)
      this.#set(moved(this.#status, 'preparing', message, this.#now()));
  }

  #set(status: TaskStatus): void {
    this.#status = status;
    this.#options.report(this.#id, status);
  }

  get #id(): string {
    return this.#assigned.task.ID;
  }

  #now(): string {
    return timestamp(this.#options.clock.now());
  }
}

const later = (a: TaskState, b: TaskState): TaskState => (atLeast(a, b) ? a : b);
