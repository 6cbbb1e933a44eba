/** What a change of a node means for the tasks on it, whatever their service. */
import { timestamp } from '../model/clock.ts';
import { meetsConstraints, parseConstraints } from '../model/constraint.ts';
import type { Node, Task } from '../model/objects.ts';
import type { TaskState } from '../model/task-state.ts';
import { isTerminal } from '../model/task-state.ts';
import type { View } from '../store/contract.ts';
import type { ObjectPlanner } from './contract.ts';
import { Draft } from './draft.ts';
import { GenericStock } from './scheduler/generic.ts';
import { counts } from './scheduler/node-load.ts';

/** Tasks on a node that is down for so long are given up for good. */
const ORPHAN_AFTER = 24 * 60 * 60_000;

export const planNode: ObjectPlanner = (view, id, context) => {
  const draft = new Draft(view, context);
  const node = view.get('node', id);
  if (!node) {
    orphanTasks(draft, id);
    releaseAttachments(draft, id);
  } else if (node.Status.State === 'down') orphanInTime(draft, node);
  else if ((node.Spec.Availability || 'active') === 'active') enforce(draft, node);
  return draft.plan();
};

/** Nobody tells any more what becomes of the containers of a node that was removed. */
function releaseAttachments(draft: Draft, nodeId: string): void {
  for (const attachment of draft.view.all('attachment')) {
    if (attachment.NodeID !== nodeId) continue;
    if (draft.full()) return;
    draft.delete('attachment', attachment);
  }
}

function orphanInTime(draft: Draft, node: Node): void {
  const { downSince } = node.internal;
  if (downSince === undefined) return;
  if (downSince + ORPHAN_AFTER <= draft.now) orphanTasks(draft, node.ID);
  else draft.wake(downSince + ORPHAN_AFTER);
}

function orphanTasks(draft: Draft, nodeId: string): void {
  for (const task of draft.view.tasksOfNode(nodeId)) {
    if (isTerminal(task.Status.State)) continue;
    if (draft.full()) return;
    observe(draft, task, 'orphaned', 'task orphaned');
  }
}

/**
 * Rejects tasks that the node may no longer hold: its labels or resources have changed. The observed state is set, not
 * the desired one, so that the orchestrator sees a failure and replaces the task elsewhere.
 */
function enforce(draft: Draft, node: Node): void {
  const has = node.Description?.Resources;
  let cpus = has?.NanoCPUs ?? 0;
  let memory = has?.MemoryBytes ?? 0;
  const generic = new GenericStock(has?.GenericResources);
  for (const task of draft.view.tasksOfNode(node.ID)) {
    if (!counts(task)) continue;
    if (draft.full()) return;
    const reserved = task.Spec.Resources?.Reservations;
    const assigned = task.AssignedGenericResources ?? [];
    const wantedCpus = reserved?.NanoCPUs ?? 0;
    const wantedMemory = reserved?.MemoryBytes ?? 0;
    const fits =
      wantedCpus <= Math.max(cpus, 0) && wantedMemory <= Math.max(memory, 0) && generic.holds(assigned);
    if (!fits || !holds(draft.view, task, node)) {
      observe(draft, task, 'rejected', 'task rejected by constraint enforcer', {
        Err: 'assigned node no longer meets constraints',
      });
      continue;
    }
    cpus -= wantedCpus;
    memory -= wantedMemory;
    generic.take(assigned);
  }
}

/**
 * A task goes if neither its own constraints nor its service's present ones are met: where only the service's are not,
 * the service was updated, and the update replaces the task in its turn.
 */
function holds(view: View, task: Task, node: Node): boolean {
  const service = view.get('service', task.ServiceID);
  return [task.Spec, service?.Spec.TaskTemplate ?? task.Spec].some((spec) => {
    try {
      return meetsConstraints(parseConstraints(spec.Placement?.Constraints), node);
    } catch {
      return true; // what is not a constraint is passed over, as in scheduling
    }
  });
}

function observe(
  draft: Draft,
  task: Task,
  state: TaskState,
  message: string,
  more: { Err?: string } = {},
): void {
  draft.put('task', {
    ...task,
    Status: { ...task.Status, State: state, Timestamp: timestamp(draft.now), Message: message, ...more },
  });
}
