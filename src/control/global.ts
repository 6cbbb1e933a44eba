import { meetsConstraints, parseConstraints } from '../model/constraint.ts';
import type { Node, Service } from '../model/objects.ts';
import { dirtyCheck } from './dirt.ts';
import type { Draft } from './draft.ts';
import { reapLeaving, trimHistory } from './history.ts';
import { newTask, theCluster } from './new-task.ts';
import { promoteSlot, restartSlot, waitFor } from './restart.ts';
import { groupTasks, isFinished, isInvalid, isLive, liveTasks, type Slot } from './slots.ts';
import { updateSlots } from './update.ts';

/** Keeps one task of a service on each node that meets its constraints. */
export function planGlobal(draft: Draft, service: Service): void {
  const { slots, leaving } = groupTasks(draft.view, service.ID, true);
  const isDirty = dirtyCheck(draft.view, service);
  const wants = eligible(service);

  const kept: Slot[] = [];
  for (const slot of slots.values()) {
    if (draft.full()) return;
    const node = draft.view.get('node', String(slot.key));
    if (!node) {
      for (const [index, task] of slot.tasks.entries()) slot.tasks[index] = draft.want(task, 'remove');
    } else if (isInvalid(node) || !wants(node)) {
      for (const [index, task] of slot.tasks.entries()) {
        if (isLive(task)) slot.tasks[index] = draft.want(task, 'shutdown');
      }
    } else {
      restartSlot(draft, service, slot, isDirty);
      kept.push(slot);
    }
  }

  const filled = kept.filter((slot) => liveTasks(slot).length > 0 || isFinished(slot, service));
  // A paused node keeps what it has.
  const changing = filled.filter((slot) => isActive(draft.view.get('node', String(slot.key))));
  const present = updateSlots(draft, service, changing, isDirty);
  fill(draft, present, slots, new Set(filled.map((slot) => slot.key)));
  for (const slot of kept) promoteSlot(draft, slot);
  trimHistory(draft, slots.values());
  reapLeaving(draft, leaving);
}

function fill(
  draft: Draft,
  service: Service,
  slots: Map<number | string, Slot>,
  filled: ReadonlySet<number | string>,
): void {
  const wants = eligible(service);
  const cluster = theCluster(draft.view);
  for (const node of draft.view.all('node')) {
    if (filled.has(node.ID) || isInvalid(node) || !isActive(node) || !wants(node)) continue;
    if (draft.full()) return;
    const slot = slots.get(node.ID) ?? { key: node.ID, tasks: [], leaving: [] };
    slots.set(node.ID, slot);
    const { desired, after } = waitFor(draft, [...slot.leaving, ...slot.tasks]);
    const task = newTask(cluster, service, {
      id: draft.newId(),
      now: draft.now,
      slot: node.ID,
      desired,
      ...(after !== undefined && { internal: { after } }),
    });
    slot.tasks.push(draft.put('task', task));
  }
}

export function isActive(node: Node | undefined): boolean {
  return (node?.Spec.Availability || 'active') === 'active';
}

/** Which nodes the service asks for. Constraints that are not such are met by none. */
export function eligible(service: Service): (node: Node) => boolean {
  try {
    const constraints = parseConstraints(service.Spec.TaskTemplate?.Placement?.Constraints);
    return (node) => meetsConstraints(constraints, node);
  } catch {
    return () => false;
  }
}
