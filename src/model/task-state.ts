/**
 * The life of a task, in SwarmKit's order. Observed and desired state only ever move forward along it.
 * NEW and PENDING are the orchestrator's and allocator's, ASSIGNED the scheduler's, ACCEPTED to REJECTED the agent's,
 * REMOVE is only ever desired, ORPHANED is the manager's for tasks on a node lost for a day.
 */
export const TASK_STATES = [
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'remove',
  'orphaned',
] as const;

export type TaskState = (typeof TASK_STATES)[number];

const ORDER = new Map<TaskState, number>(TASK_STATES.map((state, index) => [state, index]));

/** Below zero, zero or above zero as `a` comes before, is, or comes after `b` in a task's life. */
export function compareStates(a: TaskState, b: TaskState): number {
  return ORDER.get(a)! - ORDER.get(b)!;
}

/** True if `a` is `b` or later. */
export function atLeast(a: TaskState, b: TaskState): boolean {
  return compareStates(a, b) >= 0;
}

/** True once a task's container will never run (again): complete, shutdown, failed, rejected, orphaned. */
export function isTerminal(state: TaskState): boolean {
  return atLeast(state, 'complete');
}
