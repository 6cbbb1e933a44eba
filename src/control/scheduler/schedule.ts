/** Finds nodes for tasks that wait. Nothing is kept: what is decided counts once it is committed. */
import { timestamp } from '../../model/clock.ts';
import type { Node, Task } from '../../model/objects.ts';
import { atLeast } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';
import { type Filter, filtersFor, Tally } from './filters.ts';
import { groupKey, type SchedulerIndex } from './index.ts';
import { counts, NodeLoad } from './node-load.ts';
import { NodeOrder } from './node-order.ts';
import { type Candidate, isUnburdened, Spread } from './spread.ts';

const ASSIGNED = 'scheduler assigned task to node';
const CONFIRMED = 'scheduler confirmed task can run on preassigned node';

/**
 * `planned`: tasks as they will be with what else is about to be committed; undefined for those that will be no more.
 * Pending ones among them are placed as well, though the index does not know them yet. `limit`: about how many tasks to
 * change. Returns the tasks with a node now, and those whose reason for having none is new.
 */
export function schedule(
  view: View,
  index: SchedulerIndex,
  planned: ReadonlyMap<string, Task | undefined>,
  now: number,
  limit: number,
): Task[] {
  return new Pass(view, index, planned, now, limit).run();
}

class Pass {
  private readonly view: View;
  private readonly index: SchedulerIndex;
  private readonly planned: ReadonlyMap<string, Task | undefined>;
  private readonly now: number;
  private readonly limit: number;
  private readonly loads = new Map<string, NodeLoad>();
  private readonly filters = new Map<string, Filter[]>();
  private readonly changed: Task[] = [];
  /** Of the nodes in `loads`. */
  private readonly order = new NodeOrder();

  constructor(
    view: View,
    index: SchedulerIndex,
    planned: ReadonlyMap<string, Task | undefined>,
    now: number,
    limit: number,
  ) {
    this.view = view;
    this.index = index;
    this.planned = planned;
    this.now = now;
    this.limit = limit;
  }

  run(): Task[] {
    for (const [id, task] of this.planned) this.foresee(this.view.get('task', id), task);
    const newGroups = new Map<string, Task[]>();
    const newPreassigned: Task[] = [];
    for (const [id, task] of this.planned) {
      if (!this.isToPlace(task) || this.isKnown(id)) continue;
      if (task.NodeID !== undefined) {
        newPreassigned.push(task);
        continue;
      }
      const key = groupKey(task);
      const group = newGroups.get(key);
      if (group) group.push(task);
      else newGroups.set(key, [task]);
    }

    this.confirmWaiting();
    for (const task of newPreassigned) this.confirm(task);
    for (const group of this.index.groups.values()) {
      const fresh = newGroups.get(group.key) ?? [];
      newGroups.delete(group.key);
      if (group.triedAt === this.index.capacity && fresh.length === 0) continue;
      if (this.full()) continue;
      const waiting = [...this.waiting(group.tasks), ...fresh];
      if (this.placeAll(group.key, waiting)) group.triedAt = this.index.capacity;
    }
    for (const [key, tasks] of newGroups) {
      if (!this.full()) this.placeAll(key, tasks);
    }
    return this.changed;
  }

  /** A task that is about to be stopped counts no more: the one in its place is wanted where it was. */
  private foresee(before: Task | undefined, after: Task | undefined): void {
    if (!before?.NodeID || counts(before) === (after !== undefined && counts(after))) return;
    this.changeLoad(before.NodeID, (load) => {
      load.remove(before);
      if (after) load.add(after);
    });
  }

  private full(): boolean {
    return this.changed.length >= this.limit;
  }

  private isKnown(id: string): boolean {
    return this.view.get('task', id)?.Status.State === 'pending';
  }

  /** The tasks as they are planned to be, without those that are planned to be given up. */
  private *waiting(ids: Iterable<string>): IterableIterator<Task> {
    for (const id of ids) {
      const task = this.planned.has(id) ? this.planned.get(id) : this.view.get('task', id);
      if (this.isToPlace(task)) yield task;
    }
  }

  /** It waits for its place and is still wanted, and so is its service. */
  private isToPlace(task: Task | undefined): task is Task {
    if (task?.Status.State !== 'pending' || atLeast(task.DesiredState, 'shutdown')) return false;
    return this.view.get('service', task.ServiceID) !== undefined;
  }

  private confirmWaiting(): void {
    for (const nodeId of this.index.changedNodes) {
      if (this.full()) return;
      for (const task of this.waiting(this.index.preassigned.get(nodeId) ?? [])) this.confirm(task);
      this.index.changedNodes.delete(nodeId);
    }
  }

  /** Decides on a task that has its node already. */
  private confirm(task: Task): void {
    const node = this.view.get('node', task.NodeID!);
    if (!node) return;
    const tally = new Tally(this.filtersOf(task));
    if (tally.check(node, this.peekLoad(node.ID))) {
      this.assign(task, node, CONFIRMED);
    } else {
      this.explain(task, tally.explain());
    }
  }

  /** Places tasks of one group. True if all were looked at. */
  private placeAll(key: string, tasks: readonly Task[]): boolean {
    const [first] = tasks;
    if (!first) return true;
    const failures = this.index.recentFailures(key, this.now);
    const preferences = first.Spec.Placement?.Preferences ?? [];
    const left = preferences.length > 0 ? tasks : this.placeOnUnburdened(first, tasks, failures);
    return left.length === 0 || this.placeAmongAll(first, left, failures);
  }

  /**
   * Gives tasks, one each, to nodes that have none of their service, the emptiest first: no other node comes before such
   * a one, so the others need not be looked at. Returns the tasks that are left.
   */
  private placeOnUnburdened(
    first: Task,
    tasks: readonly Task[],
    failures: ReadonlyMap<string, number>,
  ): readonly Task[] {
    const tally = new Tally(this.filtersOf(first));
    let placed = 0;
    for (const id of this.index.order.emptiest(this.order)) {
      const task = tasks[placed];
      if (!task || this.full()) break;
      const node = this.view.get('node', id)!;
      if (!isUnburdened(this.candidate(node, task, failures))) continue;
      if (!tally.check(node, this.peekLoad(id))) continue;
      this.assign(task, node, ASSIGNED);
      placed++;
    }
    return tasks.slice(placed);
  }

  private placeAmongAll(first: Task, tasks: readonly Task[], failures: ReadonlyMap<string, number>): boolean {
    if (this.full()) return false;
    const tally = new Tally(this.filtersOf(first));
    const passed: Candidate[] = [];
    const others: Candidate[] = [];
    for (const id of this.index.order.emptiest(this.order)) {
      const node = this.view.get('node', id)!;
      const candidate = this.candidate(node, first, failures);
      (tally.check(node, this.peekLoad(node.ID)) ? passed : others).push(candidate);
    }

    const spread = new Spread(passed, others, first.Spec.Placement?.Preferences);
    for (const task of tasks) {
      if (this.full()) return false;
      const candidate = spread.next();
      if (candidate) {
        this.assign(task, candidate.node, ASSIGNED);
        spread.placed(tally.checkAgain(candidate.node, this.peekLoad(candidate.node.ID)));
      } else {
        this.explain(task, noSuitableNode(tally));
      }
    }
    return true;
  }

  private candidate(node: Node, task: Task, failures: ReadonlyMap<string, number>): Candidate {
    const load = this.peekLoad(node.ID);
    return {
      node,
      failures: failures.get(node.ID) ?? 0,
      serviceTasks: load.byService.get(task.ServiceID) ?? 0,
      tasks: load.tasks,
    };
  }

  private assign(task: Task, node: Node, message: string): void {
    const wanted = task.Spec.Resources?.Reservations?.GenericResources ?? [];
    const generic = wanted.length > 0 ? this.peekLoad(node.ID).genericLeft(node).choose(wanted) : undefined;
    const placed: Task = {
      ...task,
      UpdatedAt: timestamp(this.now),
      NodeID: node.ID,
      Status: { State: 'assigned', Timestamp: timestamp(this.now), Message: message, PortStatus: {} },
      ...(generic && { AssignedGenericResources: generic }),
    };
    this.changeLoad(node.ID, (load) => load.add(placed));
    this.changed.push(placed);
  }

  private explain(task: Task, reason: string): void {
    if (task.Status.Err === reason) return;
    const at = timestamp(this.now);
    this.changed.push({ ...task, UpdatedAt: at, Status: { ...task.Status, Timestamp: at, Err: reason } });
  }

  private filtersOf(task: Task): Filter[] {
    const key = groupKey(task);
    let filters = this.filters.get(key);
    if (!filters) {
      filters = filtersFor(this.view, task);
      this.filters.set(key, filters);
    }
    return filters;
  }

  private peekLoad(nodeId: string): NodeLoad {
    return this.loads.get(nodeId) ?? this.index.load(nodeId);
  }

  /** Changes this pass's own copy. */
  private changeLoad(nodeId: string, change: (load: NodeLoad) => void): void {
    let load = this.loads.get(nodeId);
    if (!load) {
      load = new NodeLoad(this.index.load(nodeId));
      this.loads.set(nodeId, load);
    }
    change(load);
    this.order.set(nodeId, load.tasks);
  }
}

function noSuitableNode(tally: Tally): string {
  const reason = tally.explain();
  return reason ? `no suitable node (${reason})` : 'no suitable node';
}
