/** Which tasks are deleted: those wanted gone once they are, and the oldest of a slot beyond the history limit. */
import { historyLimit, restartRules } from '../model/defaults.ts';
import type { Task } from '../model/objects.ts';
import { atLeast, isTerminal } from '../model/task-state.ts';
import type { Draft } from './draft.ts';
import { theCluster } from './new-task.ts';
import { isLive, isLost, type Slot } from './slots.ts';

/**
 * A task that is being removed stays to be seen this long after it stopped: clients that wait for a removal count
 * stopped tasks, and never return if those vanish at once.
 */
const LINGER = 500;

/** Deletes the tasks that are wanted gone and have nothing left on their node, or no node left. */
export function reapLeaving(draft: Draft, leaving: readonly Task[]): void {
  for (const task of leaving) {
    if (draft.full()) return;
    if (!atLeast(task.Status.State, 'assigned')) {
      draft.delete('task', task);
    } else if (isLost(task.NodeID === undefined ? undefined : draft.view.get('node', task.NodeID))) {
      draft.delete('task', task);
    } else if (isTerminal(task.Status.State)) {
      const until = Date.parse(task.UpdatedAt) + LINGER;
      if (until <= draft.now) draft.delete('task', task);
      else draft.wake(until);
    }
  }
}

/** Deletes the oldest ended tasks of slots that have more than the history may hold. */
export function trimHistory(draft: Draft, slots: Iterable<Slot>): void {
  const limit = historyLimit(theCluster(draft.view));
  if (limit < 0) return;
  for (const slot of slots) {
    if (slot.tasks.length < 2 || draft.full()) continue;
    const { maxAttempts } = restartRules(slot.tasks.at(-1)!.Spec);
    let excess = slot.tasks.length - (maxAttempts > 0 ? maxAttempts + 1 : limit);
    if (excess <= 0) continue;
    // The last task of a slot says what became of it, so it stays even if none is to be kept.
    const ended = slot.tasks.slice(0, -1).filter(isOver).sort(byStatusTime);
    for (const task of ended) {
      if (excess-- <= 0) break;
      draft.delete('task', task);
    }
  }
}

function isOver(task: Task): boolean {
  if (isLive(task)) return false;
  return isTerminal(task.Status.State) || !atLeast(task.Status.State, 'assigned');
}

function byStatusTime(a: Task, b: Task): number {
  const [left, right] = [Date.parse(a.Status.Timestamp), Date.parse(b.Status.Timestamp)];
  return left - right;
}
