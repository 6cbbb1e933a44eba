/** Whether a cluster that is left in peace is what its users asked for. */
import { isWaiting, MOST_WAITING } from '../../src/control/ahead.ts';
import { modeOf } from '../../src/model/defaults.ts';
import { isTaskDirty } from '../../src/model/dirty.ts';
import type { Node, Service, Task } from '../../src/model/objects.ts';
import { atLeast, isTerminal } from '../../src/model/task-state.ts';
import type { View } from '../../src/store/contract.ts';
import { describeTask, isLive, meets, placeOf } from './invariants.ts';
import type { World } from './world.ts';

/** What is not as it should be; empty once all is well. */
export function problems(world: World): string[] {
  const { view } = world;
  const found: string[] = [];
  for (const node of view.all('node')) {
    if (node.Status.State !== 'ready') found.push(`${node.ID} is ${node.Status.State}`);
    const addr = world.hostOf(node.ID)?.addr;
    if (addr && node.Status.Addr !== addr) found.push(`${node.ID} is not known to be at ${addr}`);
  }
  for (const task of view.all('task')) {
    if (!view.get('service', task.ServiceID)) found.push(`its service is gone: ${describeTask(task)}`);
  }
  for (const service of view.all('service')) {
    if (service.JobStatus) {
      found.push(...ofJob(view, service));
      continue;
    }
    found.push(...ofService(view, service, world.witness.startFirst.has(service.ID)));
  }
  for (const content of view.all('oldContent')) {
    const { of, version, internal } = content;
    const needed = internal.services.some((id) => {
      const service = view.get('service', id)?.internal;
      const tasks = [...view.tasksOfService(id)].filter((task) => !isTerminal(task.Status.State));
      const pinned = [service?.contents, service?.previousContents, ...tasks.map((t) => t.internal.contents)];
      return service && pinned.some((contents) => (contents?.[of] ?? 0) === version);
    });
    if (!needed) found.push(`content that nobody needs is kept: ${content.ID}`);
  }
  found.push(...ofContainers(world), ...(world.several?.problems() ?? []));
  found.push(...ofSessions(world));
  return found;
}

/** Every agent is connected to the manager that leads. */
function ofSessions({ hosts, network, manager }: World): string[] {
  return hosts.flatMap(({ nodeId }) =>
    network.hasSession(nodeId, manager) ? [] : [`${nodeId} has no session with the leader`],
  );
}

function ofService(view: View, service: Service, startFirst: boolean): string[] {
  const found: string[] = [];
  const name = service.Spec.Name;
  const slots = new Map<string, Task[]>();
  for (const task of view.tasksOfService(service.ID)) {
    const slot = slots.get(placeOf(task));
    if (slot) slot.push(task);
    else slots.set(placeOf(task), [task]);
  }
  const state = service.UpdateStatus?.State;
  const paused = state === 'paused' || state === 'rollback_paused';
  // An update waits for its new tasks; one that finds no place stops it for as long as it finds none.
  const stuck = [...slots.values()]
    .flat()
    .some((task) => isLive(task) && isNew(service, task) && !canRun(view, service, task));
  let filled = 0;
  for (const [place, tasks] of slots) {
    const live = tasks.filter(isLive);
    if (modeOf(service.Spec).kind === 'global' && !isEligible(view, service, place.split('/')[1]!, tasks)) {
      for (const task of live) found.push(`${name}: has no business there: ${describeTask(task)}`);
      continue;
    }
    // Where the new task comes first, an update that does not go on leaves both; on a paused node it never does.
    const halted = paused || stuck || nodeOf(view, live[0])?.Spec.Availability === 'pause';
    if (live.length > (halted && startFirst ? 2 : 1))
      found.push(`${name}: ${live.map(describeTask).join(' beside ')}`);
    for (const task of tasks)
      if (!isLive(task) && !isSettled(task)) found.push(`not stopped: ${describeTask(task)}`);
    const [task] = live;
    if (!task) {
      if (tasks.some((each) => each.internal.finished && each.DesiredState !== 'remove')) filled++;
      continue;
    }
    filled++;
    const node = nodeOf(view, task);
    if (!paused && !stuck && isTaskDirty(service, task, node) && node?.Spec.Availability !== 'pause')
      found.push(`${name}: of an older spec: ${describeTask(task)}`);
    if (task.Status.State === 'running') continue;
    if (canRun(view, service, task)) found.push(`${name}: does not run: ${describeTask(task)}`);
  }
  if (!stuck && (state === 'updating' || state === 'rollback_started')) found.push(`${name}: is ${state}`);
  const wanted = wantedOf(view, service, slots);
  // Of what there is no room for, only some are made ahead.
  const waiting = [...slots.values()].filter((tasks) => tasks.some(isWaiting)).length;
  if (filled !== wanted && !(filled < wanted && waiting >= MOST_WAITING))
    found.push(`${name}: ${filled} slots are filled, not ${wanted}`);
  return found;
}

/** A job is done: each of its places has come to its end once in the present iteration. */
function ofJob(view: View, service: Service): string[] {
  const found: string[] = [];
  const places = new Set<string>();
  let stuck = false;
  for (const task of view.tasksOfService(service.ID)) {
    if (task.JobIteration?.Index !== service.JobStatus!.JobIteration.Index) {
      if (!isSettled(task)) found.push(`of an iteration before: ${describeTask(task)}`);
      continue;
    }
    if (task.Status.State === 'complete' || task.internal.finished) places.add(placeOf(task));
    if (!isLive(task)) continue;
    if (canRun(view, service, task)) found.push(`is not done: ${describeTask(task)}`);
    else stuck = true;
  }
  const mode = modeOf(service.Spec);
  if (mode.kind === 'replicated-job' && places.size !== mode.totalCompletions && !stuck)
    found.push(`${service.Spec.Name}: ${places.size} of ${mode.totalCompletions} are done`);
  if (mode.kind !== 'global-job') return found;
  for (const node of view.all('node')) {
    const wanted =
      node.Status.State === 'ready' &&
      node.Spec.Availability === 'active' &&
      meets(service.Spec.TaskTemplate, node);
    if (wanted && !stuck && !places.has(`${service.ID}/${node.ID}`))
      found.push(`${service.Spec.Name}: is not done on ${node.ID}`);
  }
  return found;
}

function nodeOf(view: View, task: Task | undefined): Node | undefined {
  return task?.NodeID === undefined ? undefined : view.get('node', task.NodeID);
}

function isNew(service: Service, task: Task): boolean {
  return task.internal.specVersion === service.internal.specVersion;
}

function isSettled(task: Task): boolean {
  return isTerminal(task.Status.State) || !atLeast(task.Status.State, 'assigned');
}

function wantedOf(view: View, service: Service, slots: ReadonlyMap<string, Task[]>): number {
  const mode = modeOf(service.Spec);
  if (mode.kind === 'replicated') return mode.replicas;
  return [...view.all('node')].filter((node) =>
    isEligible(view, service, node.ID, slots.get(`${service.ID}/${node.ID}`) ?? []),
  ).length;
}

/** Whether a global service has a task on a node, where it has had `tasks`. */
function isEligible(view: View, service: Service, nodeId: string, tasks: readonly Task[]): boolean {
  const node = view.get('node', nodeId);
  if (!node || node.Status.State === 'down' || !meets(service.Spec.TaskTemplate, node)) return false;
  if (node.Spec.Availability !== 'pause') return node.Spec.Availability !== 'drain';
  // It keeps what it has, and gets no more.
  return tasks.some((task) => isLive(task) || (task.internal.finished && task.DesiredState !== 'remove'));
}

/** True if there is a place for a task that does not run. */
function canRun(view: View, service: Service, task: Task): boolean {
  if (atLeast(task.Status.State, 'assigned')) return true;
  const nodes = task.NodeID === undefined ? [...view.all('node')] : [view.get('node', task.NodeID)!];
  return nodes.some((node) => fits(view, service, task, node));
}

function fits(view: View, service: Service, task: Task, node: Node): boolean {
  if (node.Spec.Availability !== 'active' || node.Status.State !== 'ready' || !meets(task.Spec, node))
    return false;
  let cpus = node.Description?.Resources.NanoCPUs ?? 0;
  let ofService = 0;
  for (const other of view.tasksOfNode(node.ID)) {
    if (!atLeast(other.Status.State, 'assigned') || isTerminal(other.Status.State)) continue;
    cpus -= other.Spec.Resources?.Reservations?.NanoCPUs ?? 0;
    if (other.ServiceID === service.ID && isLive(other)) ofService++;
  }
  const most = task.Spec.Placement?.MaxReplicas ?? 0;
  if (most > 0 && ofService >= most) return false;
  return (task.Spec.Resources?.Reservations?.NanoCPUs ?? 0) <= cpus;
}

function ofContainers(world: World): string[] {
  const found: string[] = [];
  const expected = new Map<string, string>();
  for (const task of world.view.all('task')) {
    if (isLive(task) && task.Status.State === 'running') expected.set(task.ID, task.NodeID!);
  }
  for (const host of world.hosts) {
    for (const id of host.engine.running()) {
      if (host.engine.containers.get(id)?.behaviour === 'brief') found.push(`${id} has yet to end`);
      if (expected.get(id) === host.nodeId) expected.delete(id);
      else
        found.push(`${host.nodeId} runs a container of ${id}: ${describeTask(world.view.get('task', id))}`);
    }
  }
  for (const id of expected.keys()) found.push(`no container of ${describeTask(world.view.get('task', id))}`);
  return found;
}
