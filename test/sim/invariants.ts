/** What must hold whatever happens. Each check throws a Violation that says what was broken. */
import { isDeepStrictEqual } from 'node:util';
import { timestamp } from '../../src/model/clock.ts';
import { meetsConstraints, parseConstraints } from '../../src/model/constraint.ts';
import { modeOf } from '../../src/model/defaults.ts';
import { isTaskDirty } from '../../src/model/dirty.ts';
import type { Node, Service, Task } from '../../src/model/objects.ts';
import { atLeast, compareStates, isTerminal } from '../../src/model/task-state.ts';
import type { Commit, EventOf, StoreEvent, View } from '../../src/store/contract.ts';

export class Violation extends Error {}

/** How long a container may run that should not, or a task be said to run that does not, while its agent is connected. */
export const STRAY_BOUND = 40_000;
/** How long (ms) it takes an agent at most to hear that a service is gone. */
const TOLD_WITHIN = 5_000;
/** How long a new task waits for one before it that does not stop. */
const STOP_TIMEOUT = 60_000;

export function describeTask(task: Task | undefined): string {
  if (!task) return 'no task';
  const place = task.Slot ?? 'global';
  return `task ${task.ID} (${task.internal.service.Name}.${place} on ${task.NodeID ?? 'no node'}, ${task.Status.State}, wanted ${task.DesiredState})`;
}

export function isLive(task: Task): boolean {
  return compareStates(task.DesiredState, 'complete') <= 0 && !isTerminal(task.Status.State);
}

/** It takes of its node what it reserves. */
function holdsPlace(task: Task): boolean {
  return atLeast(task.Status.State, 'assigned') && !isTerminal(task.Status.State);
}

/** The slot that a task fills. */
export function placeOf(task: Task): string {
  return `${task.ServiceID}/${task.Slot ?? task.NodeID}`;
}

export function startsFirst(service: Service): boolean {
  const specs = [service.Spec, service.PreviousSpec];
  return specs.some(
    (spec) => spec?.UpdateConfig?.Order === 'start-first' || spec?.RollbackConfig?.Order === 'start-first',
  );
}

export function meets(spec: Task['Spec'] | undefined | null, node: Node): boolean {
  return meetsConstraints(parseConstraints(spec?.Placement?.Constraints), node);
}

/** What a commit changed, as it was. */
interface Before {
  tasks: Map<string, Task | undefined>;
  services: Map<string, Service | undefined>;
}

/** A commit against the states before and after it. `now`: milliseconds; undefined: clocks go as they like. */
export function checkCommit(commit: Commit, view: View, now: number | undefined): void {
  const before: Before = { tasks: new Map(), services: new Map() };
  for (const event of commit.events) {
    if (now !== undefined) checkTime(event, now);
    if (event.kind === 'task') before.tasks.set(event.id, event.before);
    if (event.kind === 'service') before.services.set(event.id, event.before);
  }
  const touched = new Set<string>();
  for (const event of commit.events) {
    if (event.kind !== 'task') continue;
    if (!event.before) checkCreated(event.after!, view, before);
    else if (!event.after) checkDeleted(event.before, view);
    else checkUpdated(event, view, before);
    if (event.after) {
      checkPlaced(event.before, event.after, view);
      touched.add(placeOf(event.after));
    }
    if (event.after?.NodeID && holdsPlace(event.after)) {
      if (!event.before || !holdsPlace(event.before)) checkCapacity(event.after, view);
    }
  }
  for (const place of touched) checkPlace(place, view);
}

/** Tasks of a service that is gone only go. */
function checkPlaced(before: Task | undefined, after: Task, view: View): void {
  const placed =
    atLeast(after.Status.State, 'assigned') && !(before && atLeast(before.Status.State, 'assigned'));
  const stays = after.DesiredState !== 'shutdown' && after.DesiredState !== 'remove';
  if (placed && stays && !view.get('service', after.ServiceID))
    throw new Violation(`placed although its service is gone: ${describeTask(after)}`);
}

/** Whoever writes an object says when. */
function checkTime({ kind, id, after }: StoreEvent, now: number): void {
  if (after && after.UpdatedAt !== timestamp(now))
    throw new Violation(`${kind} ${id} was written at ${timestamp(now)} and says ${after.UpdatedAt}`);
}

function checkUpdated(event: EventOf<'task'>, view: View, before: Before): void {
  const [old, task] = [event.before!, event.after!];
  const fail = (what: string) => {
    throw new Violation(`${what}: ${describeTask(old)} became ${describeTask(task)}`);
  };
  if (compareStates(task.Status.State, old.Status.State) < 0) fail('the observed state went back');
  if (compareStates(task.DesiredState, old.DesiredState) < 0) fail('the desired state went back');
  if (old.NodeID !== undefined && task.NodeID !== old.NodeID) fail('the node changed');
  if (task.ServiceID !== old.ServiceID || task.Slot !== old.Slot) fail('the slot changed');
  if (task.Spec !== old.Spec && !isDeepStrictEqual(task.Spec, old.Spec)) fail('the spec changed');
  const given = isLive(old) && atLeast(task.DesiredState, 'shutdown');
  if (given && !causeToStop(old, view, before)) fail('stopped without a cause');
}

/** Tasks of the same slot as they were before the commit. */
function neighbours(task: Task, view: View, before: Before): Task[] {
  const tasks = [...view.tasksOfService(task.ServiceID)].map((other) =>
    before.tasks.has(other.ID) ? before.tasks.get(other.ID) : other,
  );
  for (const [id, old] of before.tasks) if (old && !view.get('task', id)) tasks.push(old);
  return tasks.filter(
    (other): other is Task => other !== undefined && other.ID !== task.ID && placeOf(other) === placeOf(task),
  );
}

/** Why a task that may still run is given up. */
function causeToStop(task: Task, view: View, before: Before): boolean {
  const service = view.get('service', task.ServiceID);
  if (!service || causeToMove(task, service, view, before)) return true;
  if (neighbours(task, view, before).some(isLive)) return true;
  const mode = modeOf(service.Spec);
  if (mode.kind !== 'replicated') return false;
  const slots = new Set<string>();
  for (const other of view.tasksOfService(service.ID)) {
    const old = before.tasks.has(other.ID) ? before.tasks.get(other.ID) : other;
    // A task that has ended fills its slot until it is replaced, or for good.
    if (!old || old.DesiredState === 'remove') continue;
    if (compareStates(old.DesiredState, 'running') <= 0 || old.internal.finished) slots.add(placeOf(old));
  }
  return slots.size > mode.replicas;
}

/** Why a task that may still run is replaced. A commit that turns an update back has still gone on with it. */
function causeToMove(task: Task, service: Service, view: View, before: Before): boolean {
  const earlier = before.services.get(service.ID);
  return causeIn(task, service, view) || (earlier !== undefined && causeIn(task, earlier, view));
}

function causeIn(task: Task, service: Service, view: View): boolean {
  // Each update of a job begins anew.
  if (service.JobStatus && task.JobIteration?.Index !== service.JobStatus.JobIteration.Index) return true;
  const node = task.NodeID === undefined ? undefined : view.get('node', task.NodeID);
  if (task.NodeID !== undefined) {
    if (!node || node.Status.State === 'down' || node.Spec.Availability === 'drain') return true;
    if (!meets(task.Spec, node) || !meets(service.Spec.TaskTemplate, node)) return true;
  }
  return isTaskDirty(service, task, node);
}

function checkCreated(task: Task, view: View, before: Before): void {
  const service = view.get('service', task.ServiceID);
  if (!service) throw new Violation(`made for a service that is gone: ${describeTask(task)}`);
  for (const other of neighbours(task, view, before)) {
    if (isLive(other) && !causeToMove(other, service, view, before)) {
      throw new Violation(`${describeTask(task)} was made without a cause beside ${describeTask(other)}`);
    }
  }
}

function checkDeleted(task: Task, view: View): void {
  const node = task.NodeID === undefined ? undefined : view.get('node', task.NodeID);
  const mayRun = holdsPlace(task);
  if (mayRun && node && node.Status.State !== 'down') {
    throw new Violation(`deleted while it may run: ${describeTask(task)}`);
  }
}

function checkCapacity(task: Task, view: View): void {
  const node = view.get('node', task.NodeID!);
  const has = node?.Description?.Resources;
  if (!node || !has)
    throw new Violation(`assigned to a node that nothing is known of: ${describeTask(task)}`);
  let cpus = 0;
  let memory = 0;
  let ofService = 0;
  for (const other of view.tasksOfNode(node.ID)) {
    if (!holdsPlace(other)) continue;
    cpus += other.Spec.Resources?.Reservations?.NanoCPUs ?? 0;
    memory += other.Spec.Resources?.Reservations?.MemoryBytes ?? 0;
    if (!isLive(other) || other.ServiceID !== task.ServiceID) continue;
    // An older spec has its own limit, and the tasks of both are placed together.
    if (other.internal.specVersion === task.internal.specVersion) ofService++;
  }
  if (cpus > has.NanoCPUs || memory > has.MemoryBytes) {
    throw new Violation(
      `reserved beyond the capacity of ${node.ID}: ${cpus} CPU, ${memory} B with ${describeTask(task)}`,
    );
  }
  const most = task.Spec.Placement?.MaxReplicas ?? 0;
  if (task.Slot !== undefined && most > 0 && ofService > most) {
    throw new Violation(`more than ${most} replicas on ${node.ID} with ${describeTask(task)}`);
  }
  if (node.Status.State !== 'ready')
    throw new Violation(`assigned to a node that is not ready: ${describeTask(task)}`);
}

/** Never two tasks of a slot are wanted running, unless the update's order has the new one start first. */
function checkPlace(place: string, view: View): void {
  const [serviceId] = place.split('/') as [string];
  const service = view.get('service', serviceId);
  if (!service) return;
  const wanted = [...view.tasksOfService(serviceId)].filter(
    (task) =>
      placeOf(task) === place && task.DesiredState === 'running' && isLive(task) && !isLost(task, view),
  );
  const most = startsFirst(service) ? 2 : 1;
  if (wanted.length > most) {
    throw new Violation(
      `${wanted.length} tasks of one slot are wanted running: ${wanted.map(describeTask).join(', ')}`,
    );
  }
}

export function isLost(task: Task, view: View): boolean {
  if (task.NodeID === undefined) return false;
  const node = view.get('node', task.NodeID);
  return !node || node.Status.State === 'down';
}

/** A container was started, on a host that its manager could reach for long enough. `goneAt`: when its service went. */
export function checkWanted(task: Task, now: number, goneAt: number | undefined): void {
  if (goneAt !== undefined && now - goneAt > TOLD_WITHIN)
    throw new Violation(`started ${now - goneAt} ms after its service was gone: ${describeTask(task)}`);
}

/**
 * A container was started while another one of its slot runs. `reachable`: the host of the other one has been within
 * reach long enough to have been told anything.
 */
export function checkStarted(
  task: Task,
  other: Task,
  options: { now: number; reachable: boolean; startFirst: boolean },
): void {
  const { now, reachable, startFirst } = options;
  if (!reachable || startFirst) return;
  if (now - Date.parse(task.CreatedAt) >= STOP_TIMEOUT) return;
  throw new Violation(
    `two containers of one slot run: ${describeTask(task)} was started beside ${describeTask(other)}`,
  );
}
