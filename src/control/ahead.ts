/**
 * How many tasks are made ahead of what there is room for: a service can be scaled to any number, and tasks that nobody
 * can place are work for everyone. Who sees the last of those that wait is told how many more there would be.
 */
import type { Task } from '../model/objects.ts';
import { atLeast } from '../model/task-state.ts';
import type { Draft } from './draft.ts';
import type { Slot } from './slots.ts';

/** How many tasks of a service may wait for a node at once: further ones are made as these get theirs. */
export const MOST_WAITING = 500;

/** True if the task is wanted and no node has been found for it yet. */
export function isWaiting({ NodeID, Status, DesiredState }: Task): boolean {
  return !NodeID && !atLeast(Status.State, 'assigned') && !atLeast(DesiredState, 'shutdown');
}

/** Notes on the last waiting task of the service, and on no other, how many more are not made for lack of room. */
export function noteUnmade(draft: Draft, slots: readonly Slot[], unmade: number): void {
  let last: Slot | undefined;
  if (unmade > 0) {
    for (const slot of slots) {
      if (slot.tasks.some(isWaiting) && !(last && Number(last.key) > Number(slot.key))) last = slot;
    }
  }
  for (const slot of slots) {
    for (const [index, task] of slot.tasks.entries()) {
      const more = slot === last && task === slot.tasks.findLast(isWaiting) ? unmade : undefined;
      if (task.internal.unmade === more) continue;
      const { unmade: _, ...internal } = task.internal;
      const noted = { ...task, internal: { ...internal, ...(more !== undefined && { unmade: more }) } };
      slot.tasks[index] = draft.put('task', noted);
    }
  }
}
