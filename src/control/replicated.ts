import type { Service, Task } from '../model/objects.ts';
import { compareStates } from '../model/task-state.ts';
import { isWaiting, MOST_WAITING, noteUnmade } from './ahead.ts';
import { dirtyCheck } from './dirt.ts';
import type { Draft } from './draft.ts';
import { reapLeaving, trimHistory } from './history.ts';
import { newTask, theCluster } from './new-task.ts';
import { promoteSlot, restartSlot, waitFor } from './restart.ts';
import { groupTasks, isFinished, liveTasks, type Slot } from './slots.ts';
import { updateSlots } from './update.ts';

/** Keeps `replicas` slots of a service filled with tasks of its present spec. */
export function planReplicated(draft: Draft, service: Service, replicas: number): void {
  const { slots, leaving } = groupTasks(draft.view, service.ID, false);
  const isDirty = dirtyCheck(draft.view, service);
  for (const slot of slots.values()) {
    if (draft.full()) return;
    restartSlot(draft, service, slot, isDirty);
  }

  const filled: Slot[] = [];
  const dead: Slot[] = [];
  for (const slot of slots.values()) {
    (liveTasks(slot).length > 0 || isFinished(slot, service) ? filled : dead).push(slot);
  }
  const kept = filled.length > replicas ? scaleDown(draft, filled, replicas) : filled;
  const present = updateSlots(draft, service, kept, isDirty);
  if (filled.length < replicas) fill(draft, present, slots, kept, replicas, isDirty);
  if (draft.full()) return;
  noteUnmade(draft, kept, replicas - kept.length);
  for (const slot of dead) if (liveTasks(slot).length === 0) remove(draft, slot);
  for (const slot of kept) promoteSlot(draft, slot);
  trimHistory(draft, kept);
  reapLeaving(draft, leaving);
}

/** Creates tasks in the lowest free slots. Those of an older spec that wait may have their place in other circumstances. */
function fill(
  draft: Draft,
  service: Service,
  slots: Map<number | string, Slot>,
  kept: Slot[],
  replicas: number,
  isDirty: (task: Task) => boolean,
): void {
  const isAhead = (task: Task): boolean => isWaiting(task) && !isDirty(task);
  let waiting = kept.filter(({ tasks }) => tasks.some(isAhead)).length;
  const taken = new Set(kept.map((slot) => slot.key));
  const cluster = theCluster(draft.view);
  for (let number = 1; kept.length < replicas; number++) {
    if (taken.has(number)) continue;
    if (waiting >= MOST_WAITING || draft.full()) return;
    const slot = slots.get(number) ?? { key: number, tasks: [], leaving: [] };
    const { desired, after } = waitFor(draft, [...slot.leaving, ...slot.tasks]);
    const task = newTask(cluster, service, {
      id: draft.newId(),
      now: draft.now,
      slot: number,
      desired,
      ...(after !== undefined && { internal: { after } }),
    });
    slot.tasks.push(draft.put('task', task));
    kept.push(slot);
    waiting++;
  }
}

/**
 * Removes slots down to `replicas` and returns those kept: first slots in transition or without a node, then those that
 * are the most on their node; among these, tasks that do not run go before those that do, high numbers before low.
 */
function scaleDown(draft: Draft, filled: readonly Slot[], replicas: number): Slot[] {
  const ordered = filled
    .map((slot) => ({ slot, live: liveTasks(slot), rank: Number.POSITIVE_INFINITY }))
    .sort((a, b) => Number(runs(b.slot)) - Number(runs(a.slot)) || Number(a.slot.key) - Number(b.slot.key));
  const onNode = new Map<string, number>();
  for (const entry of ordered) {
    const nodeId = entry.live.length === 1 ? entry.live[0]!.NodeID : undefined;
    if (nodeId === undefined) continue;
    entry.rank = (onNode.get(nodeId) ?? 0) + 1;
    onNode.set(nodeId, entry.rank);
  }
  ordered.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank));
  for (const { slot } of ordered.slice(replicas).reverse()) {
    if (draft.full()) break;
    remove(draft, slot);
  }
  return ordered.slice(0, replicas).map(({ slot }) => slot);
}

function runs(slot: Slot): boolean {
  return slot.tasks.some(
    (task) => task.Status.State === 'running' && compareStates(task.DesiredState, 'running') <= 0,
  );
}

function remove(draft: Draft, slot: Slot): void {
  for (const [index, task] of slot.tasks.entries()) slot.tasks[index] = draft.want(task, 'remove');
}
