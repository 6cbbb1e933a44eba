/** A service's tasks by the place that they fill: a number for replicated services, a node for global ones. */
import type { Node, Service, Task } from '../model/objects.ts';
import { atLeast, compareStates, isTerminal } from '../model/task-state.ts';
import type { View } from '../store/contract.ts';

export interface Slot {
  key: number | string;
  /** Oldest first, without those that are wanted gone altogether. */
  tasks: Task[];
  /** Those wanted gone altogether that may still run. */
  leaving: Task[];
}

/** True while the task is wanted to run, now or later. */
export function isLive(task: Task): boolean {
  return compareStates(task.DesiredState, 'running') <= 0;
}

export function liveTasks(slot: Slot): Task[] {
  return slot.tasks.filter(isLive);
}

/** True if the task has a container that may be running: it was given to a node and has not stopped. */
export function mayRun(task: Task): boolean {
  return atLeast(task.Status.State, 'assigned') && !isTerminal(task.Status.State);
}

/** True if nothing can run on the node for this cluster: it is gone, down or being drained. */
export function isInvalid(node: Node | undefined): boolean {
  return isLost(node) || node!.Spec.Availability === 'drain';
}

/** True if whatever runs on the node is beyond our reach. */
export function isLost(node: Node | undefined): boolean {
  return !node || node.Status.State === 'down';
}

/**
 * A slot whose last task ended and is not to be replaced counts as filled. A rollback takes such tasks of before up
 * again: it has to lead to what ran.
 */
export function isFinished(slot: Slot, service: Service): boolean {
  const last = slot.tasks.at(-1);
  if (!last?.internal.finished || isLive(last)) return false;
  const update = service.internal.update;
  return !(update?.rollback && Date.parse(last.CreatedAt) < update.startedAt);
}

export interface ServiceTasks {
  slots: Map<number | string, Slot>;
  /** Those wanted gone. */
  leaving: Task[];
}

export function groupTasks(view: View, serviceId: string, byNode: boolean): ServiceTasks {
  const slots: ServiceTasks['slots'] = new Map();
  const leaving: Task[] = [];
  for (const task of view.tasksOfService(serviceId)) {
    const gone = task.DesiredState === 'remove';
    if (gone) leaving.push(task);
    if (gone && !mayRun(task)) continue;
    const key = (byNode ? task.NodeID : task.Slot) ?? '';
    let slot = slots.get(key);
    if (!slot) {
      slot = { key, tasks: [], leaving: [] };
      slots.set(key, slot);
    }
    (gone ? slot.leaving : slot.tasks).push(task);
  }
  for (const slot of slots.values()) {
    if (slot.tasks.length > 1) slot.tasks.sort(byCreation);
  }
  return { slots, leaving };
}

function byCreation(a: Task, b: Task): number {
  return a.CreatedAt < b.CreatedAt ? -1 : a.CreatedAt > b.CreatedAt ? 1 : 0;
}
