/** Services whose tasks are to end: each slot, or each node, until one task of the present iteration is complete. */
import type { Service, Task } from '../model/objects.ts';
import { compareStates, isTerminal } from '../model/task-state.ts';
import { isWaiting, MOST_WAITING, noteUnmade } from './ahead.ts';
import type { Draft } from './draft.ts';
import { eligible, isActive } from './global.ts';
import { reapLeaving, trimHistory } from './history.ts';
import { newTask, theCluster } from './new-task.ts';
import { endOf, history, promoteSlot, shouldRestart, start } from './restart.ts';
import { groupTasks, isInvalid, mayRun, type Slot } from './slots.ts';

/** Runs `totalCompletions` tasks to their end, at most `maxConcurrent` at a time. */
export function planReplicatedJob(
  draft: Draft,
  service: Service,
  { maxConcurrent, totalCompletions }: { maxConcurrent: number; totalCompletions: number },
): void {
  const { slots, leaving } = groupTasks(draft.view, service.ID, false);
  for (const slot of slots.values()) {
    if (draft.full()) return;
    dropOld(draft, service, slot, true);
    retry(draft, service, slot);
  }
  const underWay = [...slots.values()].filter((slot) => isUnderWay(service, slot));
  let active = underWay.length;
  let waiting = underWay.filter(({ tasks }) => tasks.some(isWaiting)).length;
  let unmade = 0;
  for (let number = 0; number < totalCompletions && active + unmade < maxConcurrent; number++) {
    const slot = slots.get(number) ?? { key: number, tasks: [], leaving: [] };
    if (isSettled(service, slot) || isUnderWay(service, slot)) continue;
    if (waiting >= MOST_WAITING) {
      unmade++;
      continue;
    }
    if (draft.full()) return;
    slots.set(number, slot);
    begin(draft, service, slot);
    active++;
    waiting++;
  }
  noteUnmade(draft, [...slots.values()], unmade);
  finish(draft, slots.values(), leaving);
}

/** Runs one task to its end on each node that meets the constraints. */
export function planGlobalJob(draft: Draft, service: Service): void {
  const { slots, leaving } = groupTasks(draft.view, service.ID, true);
  const wants = eligible(service);
  for (const slot of slots.values()) {
    if (draft.full()) return;
    dropOld(draft, service, slot, false);
    const node = draft.view.get('node', String(slot.key));
    if (isInvalid(node) || !wants(node!)) stop(draft, slot);
    else retry(draft, service, slot);
  }
  for (const node of draft.view.all('node')) {
    const slot = slots.get(node.ID) ?? { key: node.ID, tasks: [], leaving: [] };
    if (isSettled(service, slot) || isUnderWay(service, slot)) continue;
    if (node.Status.State !== 'ready' || !isActive(node) || !wants(node)) continue;
    if (draft.full()) return;
    slots.set(node.ID, slot);
    begin(draft, service, slot);
  }
  finish(draft, slots.values(), leaving);
}

function iterationOf(object: { JobIteration?: { Index?: number } } | undefined): number {
  return object?.JobIteration?.Index ?? 0;
}

function ofIteration(service: Service, slot: Slot): Task[] {
  return slot.tasks.filter((task) => iterationOf(task) === iterationOf(service.JobStatus));
}

/** True if the task is to come to its end, now or later. */
function isWanted(task: Task): boolean {
  return compareStates(task.DesiredState, 'complete') <= 0;
}

function isUnderWay(service: Service, slot: Slot): boolean {
  return ofIteration(service, slot).some((task) => isWanted(task) && task.Status.State !== 'complete');
}

/** Nothing more is to be done in the slot: a task is complete, or none is to be tried again. */
function isSettled(service: Service, slot: Slot): boolean {
  const tasks = ofIteration(service, slot);
  return tasks.some((task) => task.Status.State === 'complete') || tasks.at(-1)?.internal.finished === true;
}

/**
 * Tasks of iterations before that have not ended are of no use any more, and those that failed are not tried again. As
 * with Docker, those that have ended stay to be seen in a replicated job and go in a global one.
 */
function dropOld(draft: Draft, service: Service, slot: Slot, keepEnded: boolean): void {
  for (const [index, task] of slot.tasks.entries()) {
    if (iterationOf(task) === iterationOf(service.JobStatus)) continue;
    if (keepEnded && isTerminal(task.Status.State)) {
      const waits = isWanted(task) && task.Status.State !== 'complete';
      if (waits) slot.tasks[index] = draft.want(task, 'shutdown');
      continue;
    }
    slot.tasks[index] = draft.want(task, 'remove');
    slot.leaving.push(slot.tasks[index]);
  }
  slot.tasks = slot.tasks.filter((task) => task.DesiredState !== 'remove');
}

function stop(draft: Draft, slot: Slot): void {
  for (const [index, task] of slot.tasks.entries()) {
    if (isWanted(task) && task.Status.State !== 'complete') slot.tasks[index] = draft.want(task, 'shutdown');
  }
}

/** Gives up tasks that failed or lost their node, and tries again as the restart policy says. */
function retry(draft: Draft, service: Service, slot: Slot): void {
  for (const [index, task] of [...slot.tasks.entries()]) {
    if (!isWanted(task) || task.Status.State === 'complete') continue;
    const why = endOf(draft, slot, task);
    if (!why) continue;
    if (!shouldRestart(task, draft.now)) {
      slot.tasks[index] = draft.want(task, 'shutdown', { finished: true });
      continue;
    }
    slot.tasks[index] = draft.want(task, 'shutdown');
    const { desired, internal } = start(draft, task, why);
    create(draft, service, slot, desired === 'ready', { ...internal, ...history(draft, service, task) });
  }
}

function begin(draft: Draft, service: Service, slot: Slot): void {
  const previous = [...slot.leaving, ...slot.tasks].findLast(mayRun);
  create(draft, service, slot, previous !== undefined, previous ? { after: previous.ID } : {});
}

function create(
  draft: Draft,
  service: Service,
  slot: Slot,
  waits: boolean,
  internal: Partial<Task['internal']>,
): void {
  const task = newTask(theCluster(draft.view), service, {
    id: draft.newId(),
    now: draft.now,
    slot: slot.key,
    desired: waits ? 'ready' : 'complete',
    internal,
  });
  const JobIteration = { Index: iterationOf(service.JobStatus) };
  slot.tasks.push(draft.put('task', { ...task, JobIteration }));
}

function finish(draft: Draft, slots: Iterable<Slot>, leaving: readonly Task[]): void {
  const all = [...slots];
  for (const slot of all) promoteSlot(draft, slot, 'complete');
  trimHistory(draft, all);
  reapLeaving(draft, leaving);
}
