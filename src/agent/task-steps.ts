/**
 * The life of a task on its node as pure functions: what to do next, and what its outcome makes of the task's status.
 */
import type { TaskStatus } from '../model/objects.ts';
import { atLeast, isTerminal, type TaskState } from '../model/task-state.ts';
import type { TaskContainer } from './contract.ts';

export type Step =
  /** Go to this state at once. */
  | { kind: 'move'; state: TaskState; message: string }
  /** Carry this out, then go on with `done` or `failed`. */
  | { kind: 'prepare' | 'start' | 'wait' | 'stop' }
  /** Nothing until the assignment changes. */
  | { kind: 'rest' };

/** What to do with a task that is in `state` and is wanted to be in `desired`. */
export function nextStep(state: TaskState, desired: TaskState): Step {
  if (isTerminal(state)) return { kind: 'rest' };
  if (atLeast(desired, 'shutdown')) return { kind: 'stop' };
  // These three run to their end, even past the desired state.
  if (state === 'preparing') return { kind: 'prepare' };
  if (state === 'starting') return { kind: 'start' };
  if (state === 'running') return { kind: 'wait' };
  if (atLeast(state, desired)) return { kind: 'rest' };
  if (state === 'accepted') return { kind: 'move', state: 'preparing', message: 'preparing' };
  if (state === 'ready') return { kind: 'move', state: 'starting', message: 'starting' };
  return { kind: 'move', state: 'accepted', message: 'accepted' };
}

const DONE = {
  prepare: ['ready', 'prepared'],
  start: ['running', 'started'],
  wait: ['complete', 'finished'],
  stop: ['shutdown', 'shutdown'],
} as const;

/** The status after an action went well. */
export function done(status: TaskStatus, action: keyof typeof DONE, timestamp: string): TaskStatus {
  const [state, message] = DONE[action];
  return moved(status, state, message, timestamp);
}

export function moved(status: TaskStatus, state: TaskState, message: string, timestamp: string): TaskStatus {
  const { Err: _, ...rest } = status;
  return { ...rest, State: state, Message: message, Timestamp: timestamp };
}

/** The status after an action failed for good: before the start the task is rejected, afterwards it has failed. */
export function failed(status: TaskStatus, error: string, timestamp: string): TaskStatus {
  const state = atLeast(status.State, 'starting') ? 'failed' : 'rejected';
  return { ...status, State: state, Err: error, Timestamp: timestamp };
}

/** The status with what is known of the container. */
export function withContainer(status: TaskStatus, container: TaskContainer | undefined): TaskStatus {
  if (!container) return status;
  return {
    ...status,
    ContainerStatus: {
      ContainerID: container.containerId,
      PID: container.pid,
      ExitCode: container.exitCode,
    },
    PortStatus: container.ports,
  };
}

export const UNHEALTHY = 'dockerexec: unhealthy container';
export const DESTROYED = 'dockerexec: container destroyed';

/** Why a container that exited counts as a failure; undefined if it does not. */
export function exitError(container: TaskContainer, unhealthy: boolean): string | undefined {
  const cause = unhealthy ? UNHEALTHY : container.error;
  if (container.exitCode !== 0)
    return `task: non-zero exit (${container.exitCode})${cause ? `: ${cause}` : ''}`;
  return unhealthy ? UNHEALTHY : undefined;
}
