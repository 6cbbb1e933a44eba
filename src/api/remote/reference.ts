/** What a client may call the container of a task, wherever in the swarm it is. */
import { ApiError } from '../../model/errors.ts';
import type { Task } from '../../model/objects.ts';
import { taskName } from '../../model/task-context.ts';
import { atLeast } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';

/** A container of a task on its node. */
export interface Place {
  task: Task;
  nodeId: string;
  /** Its id, or its name while the id has not been reported. */
  container: string;
  /**
   * full: the reference can mean nothing else on any host. short: a local container of that name, or whose id begins
   * with it, comes first. task: it is the id of the task, or the beginning of it.
   */
  by: 'full' | 'short' | 'task';
}

/** Shorter beginnings of ids are words that somebody may have called a container. */
export const LEAST = 4;

const TASK_ID = /^[a-z0-9]{1,25}$/;
const CONTAINER_ID = /^[a-f0-9]{1,64}$/;

/**
 * The place that a reference names: a container's id or the beginning of it, `web.1.<task id>`, `web.1` for the task
 * that runs in that slot (`web.<node id>` for a global service), a task's id or the beginning of it. Beginnings shorter
 * than `least` characters name nothing. Throws ApiError 400 if it names several.
 */
export function findPlace(view: View, reference: string, least: number): Place | undefined {
  if (reference.includes('.')) return byName(view, reference);
  if (reference.length < least) return undefined;
  if (CONTAINER_ID.test(reference)) {
    const found = only(reference, containersStarting(view, reference));
    if (found) return placeOf(found, reference.length === 64 ? 'full' : 'short');
  }
  if (!TASK_ID.test(reference)) return undefined;
  const task = view.get('task', reference) ?? only(reference, tasksStarting(view, reference));
  return task && placeOf(task, 'task');
}

function byName(view: View, name: string): Place | undefined {
  const [service = '', slot = '', id, ...more] = name.split('.');
  if (more.length > 0) return undefined;
  if (id !== undefined) {
    const task = view.get('task', id);
    return task && taskName(task) === name ? placeOf(task, 'full') : undefined;
  }
  const owner = view.byName('service', service).find(({ Spec }) => Spec.Name === service);
  if (!owner) return undefined;
  const inSlot = [...view.tasksOfService(owner.ID)].filter(
    (task) => String(task.Slot || task.NodeID) === slot && mayHaveContainer(task),
  );
  const [best] = inSlot.sort(moreAlive);
  return best && placeOf(best, 'short');
}

/** The one that runs and is to go on comes first, then one that runs, then the newest. */
function moreAlive(a: Task, b: Task): number {
  const rank = ({ Status, DesiredState }: Task): number =>
    Status.State !== 'running' ? 2 : DesiredState === 'running' ? 0 : 1;
  return rank(a) - rank(b) || Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt);
}

function mayHaveContainer(task: Task): boolean {
  return (
    task.NodeID !== undefined &&
    (task.Status.ContainerStatus?.ContainerID ? true : atLeast(task.Status.State, 'ready'))
  );
}

function placeOf(task: Task, by: Place['by']): Place | undefined {
  if (!mayHaveContainer(task)) return undefined;
  const container = task.Status.ContainerStatus?.ContainerID || taskName(task);
  return { task, nodeId: task.NodeID!, container, by };
}

function* containersStarting(view: View, prefix: string): Generator<Task> {
  for (const task of view.all('task')) {
    if (task.Status.ContainerStatus?.ContainerID?.startsWith(prefix)) yield task;
  }
}

function* tasksStarting(view: View, prefix: string): Generator<Task> {
  for (const task of view.all('task')) if (task.ID.startsWith(prefix)) yield task;
}

function only(reference: string, found: Iterable<Task>): Task | undefined {
  const [first, second] = found;
  if (second) throw new ApiError(400, `Multiple IDs found with provided prefix: ${reference}`);
  return first;
}
