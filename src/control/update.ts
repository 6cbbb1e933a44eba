/**
 * Rolling updates and rollbacks. There is no updater that runs: each time it is asked, this looks at the slots and does
 * the next steps. What it cannot see there stands in the service's `internal.update` and in the tasks that it made.
 */
import { timestamp } from '../model/clock.ts';
import { type UpdateRules, updateRules } from '../model/defaults.ts';
import type { Service, Task, UpdateStatus } from '../model/objects.ts';
import { isTerminal } from '../model/task-state.ts';
import type { Draft } from './draft.ts';
import { newTask, theCluster } from './new-task.ts';
import { waitFor } from './restart.ts';
import { isLive, liveTasks, mayRun, type Slot } from './slots.ts';

type Run = NonNullable<Service['internal']['update']>;

/** The run that is under way, unless the user has written another spec since. */
export function currentRun(service: Service): Run | undefined {
  const run = service.internal.update;
  if (!run || !service.UpdateStatus) return undefined;
  const { State } = service.UpdateStatus;
  const rollback = State === 'rollback_started' || State === 'rollback_paused';
  return run.specVersion === service.internal.specVersion && run.rollback === rollback ? run : undefined;
}

/**
 * Brings the slots to the service's present spec, a few at a time. The slots are changed in place; returns the service
 * as it now is. After a rollback was decided the slots have to be planned for anew.
 */
export function updateSlots(
  draft: Draft,
  service: Service,
  slots: readonly Slot[],
  isDirty: (task: Task) => boolean,
): Service {
  const state = service.UpdateStatus?.State;
  if (state === 'paused' || state === 'rollback_paused') return service;

  const dirty = slots.filter((slot) => isSlotDirty(slot, isDirty));
  const found = currentRun(service);
  if (dirty.length === 0 && !found) return settle(draft, service);

  const settlesAt = service.internal.contentSettlesAt ?? 0;
  if (!found && settlesAt > draft.now) {
    draft.wake(settlesAt);
    return service;
  }

  const rollback = state === 'rollback_started';
  const rules = updateRules(service.Spec, rollback);
  const run = found ?? begin(draft, service, rollback, dirty.length);
  let present = found ? service : markBegun(draft, service, run);

  const failed = watch(draft, run, rules, slots);
  if (failed.length > 0 && (state === undefined || state === 'updating' || rollback)) {
    const failures = run.failures + failed.length;
    present = withRun(draft, present, { ...run, failures });
    const action = rules.failureAction;
    if (action !== 'continue' && failures / Math.max(run.slots, 1) > rules.maxFailureRatio) {
      return stop(draft, present, failed.at(-1)!, rollback, action);
    }
  }

  const busy = advance(draft, present, { run, rules, slots, dirty, isDirty });
  return busy ? present : complete(draft, present, run, rules, slots);
}

function isSlotDirty(slot: Slot, isDirty: (task: Task) => boolean): boolean {
  const live = liveTasks(slot);
  if (live.length > 1) return true;
  const task = live[0] ?? slot.tasks.at(-1);
  return task !== undefined && isDirty(task);
}

function begin(draft: Draft, service: Service, rollback: boolean, slots: number): Run {
  return {
    run: draft.newId(),
    specVersion: service.internal.specVersion,
    rollback,
    startedAt: draft.now,
    slots,
    failures: 0,
  };
}

function markBegun(draft: Draft, service: Service, run: Run): Service {
  return withRun(
    draft,
    service.UpdateStatus
      ? service
      : {
          ...service,
          UpdateStatus: {
            State: 'updating',
            StartedAt: timestamp(draft.now),
            Message: 'update in progress',
          },
        },
    run,
  );
}

function withRun(draft: Draft, service: Service, update: Run | undefined): Service {
  const { update: _, ...internal } = service.internal;
  return draft.put('service', { ...service, internal: { ...internal, ...(update && { update }) } });
}

/** Nothing to update: ends what was left of an update or rollback whose slots are all as they should be. */
function settle(draft: Draft, service: Service): Service {
  const state = service.UpdateStatus?.State;
  if (state === 'updating' || state === 'rollback_started') return markComplete(draft, service);
  return service.internal.update ? withRun(draft, service, undefined) : service;
}

/**
 * Notes on the tasks of this run when they came up, and which of them failed too early. Returns the ids of those seen
 * to fail now.
 */
function watch(draft: Draft, run: Run, rules: UpdateRules, slots: readonly Slot[]): string[] {
  const failed: string[] = [];
  for (const slot of slots) {
    for (const [index, task] of slot.tasks.entries()) {
      const update = task.internal.update;
      if (update?.run !== run.run) continue;
      const { State } = task.Status;
      const ended = isTerminal(State);
      if (State !== 'running' && !ended) continue;
      const early = update.doneAt === undefined || draft.now - update.doneAt <= rules.monitor;
      const counts =
        early && !update.failed && (State === 'failed' || State === 'rejected' || State === 'complete');
      if (update.doneAt !== undefined && !counts) continue;
      if (counts) failed.push(task.ID);
      slot.tasks[index] = draft.put('task', {
        ...task,
        internal: {
          ...task.internal,
          update: { ...update, doneAt: update.doneAt ?? draft.now, ...(counts && { failed: true }) },
        },
      });
    }
  }
  return failed;
}

/** Too many failures: pauses, or goes back to the previous spec (once). */
function stop(
  draft: Draft,
  service: Service,
  taskId: string,
  rollback: boolean,
  action: 'pause' | 'rollback',
): Service {
  const cause = `due to failure or early termination of task ${taskId}`;
  const status = service.UpdateStatus!;
  const previous = service.PreviousSpec;
  if (rollback || action === 'pause' || !previous) {
    const paused: UpdateStatus = {
      ...status,
      State: rollback ? 'rollback_paused' : 'paused',
      // Docker says "update" of a rollback too.
      Message: `update paused ${cause}`,
    };
    return withRun(draft, { ...service, UpdateStatus: paused }, undefined);
  }

  const { PreviousSpec: _, ...rest } = service;
  const { previousSpecVersion, previousContents, contents, contentSettlesAt, ...others } = service.internal;
  const { previousImageBuild, imageBuild, ...internal } = others;
  const credential = draft.view.get('credential', service.ID);
  if (credential?.previousAuth !== undefined) {
    const { previousAuth, ...kept } = credential;
    draft.put('credential', { ...kept, auth: previousAuth });
  }
  return withRun(
    draft,
    {
      ...rest,
      Spec: previous,
      UpdateStatus: { ...status, State: 'rollback_started', Message: `update rolled back ${cause}` },
      internal: {
        ...internal,
        specVersion: previousSpecVersion ?? 0,
        specAfter: service.Version.Index,
        ...(previousContents && { contents: previousContents }),
        ...(previousImageBuild && { imageBuild: previousImageBuild }),
      },
    },
    undefined,
  );
}

interface Work {
  run: Run;
  rules: UpdateRules;
  slots: readonly Slot[];
  dirty: readonly Slot[];
  isDirty: (task: Task) => boolean;
}

/**
 * Finishes slots that have their new task and begins as many others as may be under way. True while there are any. Slots
 * without a running task come first: nothing is taken away there, and it shows whether the new spec runs at all.
 */
function advance(draft: Draft, service: Service, work: Work): boolean {
  let underWay = countUnderWay(draft, work);
  let busy = underWay > 0 || work.dirty.length > 0;
  for (const slot of [...work.dirty.filter((each) => !runs(each)), ...work.dirty.filter(runs)]) {
    if (draft.full()) return true;
    const live = liveTasks(slot);
    const clean = live.filter((task) => !work.isDirty(task));
    const chosen = clean.find((task) => task.DesiredState === 'running') ?? clean[0];
    if (chosen) {
      finishSlot(draft, slot, chosen, work.rules);
    } else if (underWay < work.rules.parallelism) {
      beginSlot(draft, service, slot, work);
      underWay++;
      busy = true;
    }
  }
  return busy;
}

function runs(slot: Slot): boolean {
  return liveTasks(slot).some((task) => task.Status.State === 'running');
}

/** Slots whose new task is not up yet, or whose delay is not over. */
function countUnderWay(draft: Draft, { run, rules, slots }: Work): number {
  let count = 0;
  for (const slot of slots) {
    const made = slot.tasks.filter((task) => task.internal.update?.run === run.run);
    const pending = made.some((task) => {
      const { doneAt } = task.internal.update!;
      if (doneAt === undefined) return isLive(task);
      if (doneAt + rules.delay <= draft.now) return false;
      draft.wake(doneAt + rules.delay);
      return true;
    });
    if (pending) count++;
  }
  return count;
}

/** The slot has a task of the new spec: the others go, at once or when it runs. */
function finishSlot(draft: Draft, slot: Slot, chosen: Task, rules: UpdateRules): void {
  const others = liveTasks(slot).filter((task) => task !== chosen);
  const keep =
    rules.order === 'start-first' && chosen.Status.State !== 'running'
      ? others.find((task) => task.Status.State === 'running')
      : undefined;
  for (const [index, task] of slot.tasks.entries()) {
    if (isLive(task) && task !== chosen && task !== keep) slot.tasks[index] = draft.want(task, 'shutdown');
  }
  if (chosen.DesiredState !== 'ready' || keep || chosen.internal.after !== undefined) return;
  const previous = others.find(mayRun);
  if (previous) {
    slot.tasks[slot.tasks.indexOf(chosen)] = draft.want(chosen, 'ready', { after: previous.ID });
  }
}

function beginSlot(draft: Draft, service: Service, slot: Slot, { run, rules }: Work): void {
  const live = liveTasks(slot);
  const keep =
    rules.order === 'start-first'
      ? (live.find((task) => task.Status.State === 'running') ?? live.at(-1))
      : undefined;
  for (const [index, task] of slot.tasks.entries()) {
    if (isLive(task) && task !== keep) slot.tasks[index] = draft.want(task, 'shutdown');
  }
  const { desired, after } = keep
    ? { desired: 'running' as const }
    : waitFor(draft, [...slot.leaving, ...slot.tasks]);
  slot.tasks.push(
    draft.put(
      'task',
      newTask(theCluster(draft.view), service, {
        id: draft.newId(),
        now: draft.now,
        slot: slot.key,
        desired,
        internal: { ...(after !== undefined && { after }), update: { run: run.run } },
      }),
    ),
  );
}

/** All slots are new: the update is complete once the last has been watched long enough. */
function complete(
  draft: Draft,
  service: Service,
  run: Run,
  rules: UpdateRules,
  slots: readonly Slot[],
): Service {
  let watchedUntil = draft.now;
  for (const slot of slots) {
    for (const task of slot.tasks) {
      const update = task.internal.update;
      if (update?.run !== run.run || update.doneAt === undefined) continue;
      watchedUntil = Math.max(watchedUntil, update.doneAt + rules.delay + rules.monitor);
    }
  }
  if (watchedUntil > draft.now) {
    draft.wake(watchedUntil);
    return service;
  }
  const state = service.UpdateStatus?.State;
  return state === 'updating' || state === 'rollback_started'
    ? markComplete(draft, service)
    : withRun(draft, service, undefined);
}

function markComplete(draft: Draft, service: Service): Service {
  const rollback = service.UpdateStatus!.State === 'rollback_started';
  const status: UpdateStatus = {
    ...service.UpdateStatus!,
    State: rollback ? 'rollback_completed' : 'completed',
    CompletedAt: timestamp(draft.now),
    Message: rollback ? 'rollback completed' : 'update completed',
  };
  return withRun(draft, { ...service, UpdateStatus: status }, undefined);
}
