/** Replacing tasks that ended or lost their node, as the restart policy says, and starting those that had to wait. */
import { restartRules } from '../model/defaults.ts';
import type { Service, Task } from '../model/objects.ts';
import { atLeast, isTerminal, type TaskState } from '../model/task-state.ts';
import type { Draft } from './draft.ts';
import { newTask, theCluster } from './new-task.ts';
import { isInvalid, isLive, isLost, mayRun, type Slot } from './slots.ts';

/** How long a replacement waits for its predecessor to stop. */
const STOP_TIMEOUT = 60_000;
/** Failures are remembered this long for the scheduler, and no fewer than these for it. */
const FAILURE_MEMORY = 5 * 60_000;
const REMEMBERED = 32;
const MOST_REMEMBERED = 1_000;

/** Whether a task with desired state `ready` may go on; otherwise when that may change though nothing else does. */
function gate(draft: Draft, task: Task, slot: Slot): { open: boolean; at: number } {
  const { notBefore = 0, after } = task.internal;
  // More than its whole delay ahead it was written by a manager whose clock is ahead, and would wait for all of the difference.
  const waits = notBefore > draft.now && notBefore <= draft.now + restartRules(task.Spec).delay;
  if (waits) return { open: false, at: notBefore };
  // The one it was to wait for may have waited itself and never run: everyone who has been told to stop counts.
  const awaited = (other: Task) =>
    other.ID !== task.ID && (other.ID === after || atLeast(other.DesiredState, 'shutdown'));
  const busy = [...slot.leaving, ...slot.tasks].some((other) => awaited(other) && isInReach(draft, other));
  if (!busy) return { open: true, at: draft.now };
  const timeout = Date.parse(task.CreatedAt) + STOP_TIMEOUT;
  return { open: timeout <= draft.now, at: timeout };
}

/** True if the task may run, on a node that can be told to stop it. */
function isInReach(draft: Draft, task: Task): boolean {
  return mayRun(task) && !isLost(task.NodeID === undefined ? undefined : draft.view.get('node', task.NodeID));
}

/** What a new task in the slot has to wait for: the predecessor that may still run within reach, if there is one. */
export function waitFor(draft: Draft, tasks: readonly Task[]): { desired: TaskState; after?: string } {
  const previous = tasks.findLast((task) => isInReach(draft, task));
  return previous ? { desired: 'ready', after: previous.ID } : { desired: 'running' };
}

/** True if the policy of the task wants it replaced now that it has ended or lost its place. */
export function shouldRestart(task: Task, now: number): boolean {
  const { condition, maxAttempts, window } = restartRules(task.Spec);
  if (condition === 'none') return false;
  if (condition === 'on-failure' && task.Status.State === 'complete') return false;
  if (maxAttempts === 0) return true;
  if (window === 0) return (task.internal.restartCount ?? 0) < maxAttempts;
  const recent = task.internal.restarts?.filter((restart) => restart.at > now - window) ?? [];
  return recent.length < maxAttempts;
}

/**
 * Looks at every task of the slot that is wanted: one that has ended, or whose node is lost or drained, is given up and
 * replaced. `isDirty` tells tasks of an older spec. Returns nothing; the slot is changed in place.
 */
export function restartSlot(
  draft: Draft,
  service: Service,
  slot: Slot,
  isDirty: (task: Task) => boolean,
): void {
  for (let index = 0; index < slot.tasks.length; index++) {
    const task = slot.tasks[index]!;
    const why = isLive(task) && endOf(draft, slot, task);
    if (why) giveUp(draft, service, slot, index, { ...why, isDirty });
  }
}

/** Why a task will not run (any more), if that is to be dealt with now; otherwise the plan wakes when it is. */
export function endOf(
  draft: Draft,
  slot: Slot,
  task: Task,
): { lost: boolean; displaced: boolean } | undefined {
  const node = task.NodeID === undefined ? undefined : draft.view.get('node', task.NodeID);
  const displaced = task.NodeID !== undefined && isInvalid(node);
  const ended = isTerminal(task.Status.State);
  if (!ended && !displaced) return undefined;
  if (ended && task.DesiredState === 'ready') {
    // It failed while it waited: its delay holds for it too, or a missing image makes a tight loop.
    const { open, at } = gate(draft, task, slot);
    if (!open) {
      draft.wake(at);
      return undefined;
    }
  }
  return { lost: isLost(node), displaced };
}

function giveUp(
  draft: Draft,
  service: Service,
  slot: Slot,
  index: number,
  why: { lost: boolean; displaced: boolean; isDirty: (task: Task) => boolean },
): void {
  const task = slot.tasks[index]!;
  const ended = isTerminal(task.Status.State);
  const covered = slot.tasks.some(
    (other) => other !== task && isLive(other) && (why.isDirty(task) || !why.isDirty(other)),
  );
  if (covered) {
    slot.tasks[index] = draft.want(task, 'shutdown');
    return;
  }
  if (!shouldRestart(task, draft.now)) {
    slot.tasks[index] = draft.want(task, 'shutdown', { finished: true });
    return;
  }

  const { update } = task.internal;
  // An update waits for its task in each slot to come up; a task that lost its node before hands that over.
  const handOver = update !== undefined && update.doneAt === undefined && !ended;
  slot.tasks[index] = draft.want(task, 'shutdown', handOver ? { update: undefined } : {});
  const replacement = newTask(theCluster(draft.view), service, {
    id: draft.newId(),
    now: draft.now,
    slot: slot.key,
    ...start(draft, task, why),
  });
  Object.assign(replacement.internal, history(draft, service, task), handOver && { update });
  slot.tasks.push(draft.put('task', replacement));
}

/** When the replacement of a task may run: `lost` and `displaced` tell of the node of that task. */
export function start(
  draft: Draft,
  task: Task,
  why: { lost: boolean; displaced: boolean },
): { desired: TaskState; internal: Partial<Task['internal']> } {
  const { notBefore, after } = task.internal;
  const ended = isTerminal(task.Status.State);
  if (task.DesiredState === 'ready' && !ended) {
    return {
      desired: 'ready',
      internal: { ...(notBefore !== undefined && { notBefore }), ...(after !== undefined && { after }) },
    };
  }
  // The delay is there for tasks that fail again and again: not for those whose node went away.
  if (why.displaced) {
    const { desired, after: previous } =
      ended || why.lost ? { desired: 'running' as const } : waitFor(draft, [task]);
    return { desired, internal: previous === undefined ? {} : { after: previous } };
  }
  const { delay } = restartRules(task.Spec);
  return delay > 0
    ? { desired: 'ready', internal: { notBefore: draft.now + delay } }
    : { desired: 'running', internal: {} };
}

/** What the replacement remembers of the restarts of its slot. */
export function history(draft: Draft, service: Service, task: Task): Partial<Task['internal']> {
  const { maxAttempts, window } = restartRules(task.Spec);
  const same = task.internal.specVersion === service.internal.specVersion;
  const { State } = task.Status;
  const failed = same && (State === 'failed' || State === 'rejected');
  const since = draft.now - Math.max(FAILURE_MEMORY, maxAttempts > 0 ? window : 0);
  const before = (same && task.internal.restarts) || [];
  const most = Math.min(Math.max(REMEMBERED, maxAttempts), MOST_REMEMBERED);
  return {
    restarts: [
      ...before.filter((restart) => restart.at > since),
      { at: draft.now, node: failed ? (task.NodeID ?? '') : '' },
    ].slice(-most),
    restartCount: (same ? (task.internal.restartCount ?? 0) : 0) + 1,
  };
}

/** Lets waiting tasks start if they may now. `to` is what they are wanted to be then. */
export function promoteSlot(draft: Draft, slot: Slot, to: TaskState = 'running'): void {
  for (const [index, task] of slot.tasks.entries()) {
    if (task.DesiredState !== 'ready' || isTerminal(task.Status.State)) continue;
    const { open, at } = gate(draft, task, slot);
    if (open) slot.tasks[index] = draft.want(task, to);
    else draft.wake(at);
  }
}
