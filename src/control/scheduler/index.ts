/**
 * What the scheduler knows beyond the view: what tasks take of each node, which tasks wait, and where which service has
 * failed. It is kept up with each commit and can be made from a view at any time.
 */
import type { Task } from '../../model/objects.ts';
import { sameSpec } from '../../model/same-spec.ts';
import { compareStates } from '../../model/task-state.ts';
import type { Commit, EventOf, View } from '../../store/contract.ts';
import { counts, NodeLoad, occupies } from './node-load.ts';
import { NodeOrder } from './node-order.ts';

const FAILURE_MEMORY = 5 * 60_000;

/** Tasks of one service and spec version that wait for a node: what holds for one holds for all. */
export interface Group {
  key: string;
  tasks: Set<string>;
  /** The capacity count at which every task of the group was last found to fit nowhere. */
  triedAt?: number;
}

export function groupKey(task: Task): string {
  return `${task.ServiceID} ${task.internal.specVersion}`;
}

export class SchedulerIndex {
  readonly groups = new Map<string, Group>();
  /** Tasks that have a node from the start and wait for the word that it can take them. */
  readonly preassigned = new Map<string, Set<string>>();
  /** Nodes whose preassigned tasks have to be looked at. */
  readonly changedNodes = new Set<string>();
  /** Tasks that the allocator has not seen. */
  readonly fresh = new Set<string>();
  /** The nodes that there are. */
  readonly order = new NodeOrder();
  /** Grows whenever a task that fitted nowhere might fit now. */
  capacity = 0;
  private readonly loads = new Map<string, NodeLoad>();
  private readonly failures = new Map<string, Map<string, number[]>>();

  constructor(view: View) {
    const latest = new Map<string, Task>();
    for (const node of view.all('node')) this.order.set(node.ID, 0);
    for (const task of view.all('task')) {
      this.enter(task);
      // The youngest task of a slot knows the failures of those before it.
      if (!task.internal.restarts) continue;
      const slot = `${groupKey(task)} ${task.Slot ?? task.NodeID ?? ''}`;
      const other = latest.get(slot);
      if (!other || (other.internal.restartCount ?? 0) < (task.internal.restartCount ?? 0))
        latest.set(slot, task);
    }
    for (const task of latest.values()) {
      for (const restart of task.internal.restarts!) this.rememberFailure(task, restart);
    }
    this.retryAll();
  }

  /** True if there is a task that was not looked at since it, or what nodes have, has changed. */
  hasWork(): boolean {
    if (this.fresh.size > 0 || this.changedNodes.size > 0) return true;
    return this.groups.values().some((group) => group.triedAt !== this.capacity);
  }

  load(nodeId: string): NodeLoad {
    let load = this.loads.get(nodeId);
    if (!load) {
      load = new NodeLoad();
      this.loads.set(nodeId, load);
    }
    return load;
  }

  /** How often tasks of the group failed on each node in the last minutes. */
  recentFailures(key: string, now: number): ReadonlyMap<string, number> {
    const recent = new Map<string, number>();
    const byNode = this.failures.get(key);
    if (!byNode) return recent;
    for (const [nodeId, times] of byNode) {
      const kept = times.filter((at) => at > now - FAILURE_MEMORY);
      if (kept.length === 0) {
        byNode.delete(nodeId);
      } else {
        byNode.set(nodeId, kept);
        recent.set(nodeId, kept.length);
      }
    }
    if (byNode.size === 0) this.failures.delete(key);
    return recent;
  }

  apply(commit: Commit): void {
    for (const event of commit.events) {
      if (event.kind === 'task') this.applyTask(event);
      else if (event.kind === 'node') this.applyNode(event);
      else if (event.kind === 'service' && !event.after) this.forgetService(event.id);
    }
  }

  /** Has everything that waits looked at again, after a decision about it was not carried out. */
  retryAll(): void {
    this.capacity++;
    for (const nodeId of this.preassigned.keys()) this.changedNodes.add(nodeId);
  }

  private applyNode({ id, before, after }: EventOf<'node'>): void {
    if (!after) this.changedNodes.delete(id);
    if (!after) this.order.delete(id);
    else if (!before) this.order.set(id, this.load(id).tasks);
    const matters =
      before?.Status.State !== after?.Status.State ||
      before?.Status.Addr !== after?.Status.Addr ||
      !sameSpec(before?.Spec, after?.Spec) ||
      !sameSpec(before?.Description, after?.Description);
    if (!matters) return;
    this.capacity++;
    if (after && this.preassigned.has(id)) this.changedNodes.add(id);
  }

  private applyTask({ before, after }: EventOf<'task'>): void {
    if (before) this.leave(before);
    if (after) this.enter(after);
    const frees = before !== undefined && occupies(before) && !(after && occupies(after));
    const uncounts = before !== undefined && counts(before) && !(after && counts(after));
    if (frees || uncounts) {
      this.capacity++;
      const nodeId = before.NodeID!;
      if (this.preassigned.has(nodeId)) this.changedNodes.add(nodeId);
    }
    const newest = after?.internal.restarts?.at(-1);
    if (!before && after && newest) this.rememberFailure(after, newest);
  }

  private enter(task: Task): void {
    if (occupies(task)) this.changeLoad(task.NodeID!, (load) => load.add(task));
    if (compareStates(task.DesiredState, 'complete') > 0) return;
    if (task.Status.State === 'new') {
      this.fresh.add(task.ID);
    } else if (task.Status.State === 'pending') {
      if (task.NodeID !== undefined) {
        const waiting = this.preassigned.get(task.NodeID);
        if (waiting) waiting.add(task.ID);
        else this.preassigned.set(task.NodeID, new Set([task.ID]));
        if (!task.Status.Err) this.changedNodes.add(task.NodeID);
        return;
      }
      const key = groupKey(task);
      let group = this.groups.get(key);
      if (!group) {
        group = { key, tasks: new Set() };
        this.groups.set(key, group);
      }
      group.tasks.add(task.ID);
      // A task with a reason in it is one that was just tried.
      if (!task.Status.Err) group.triedAt = undefined;
    }
  }

  private leave(task: Task): void {
    if (occupies(task)) this.changeLoad(task.NodeID!, (load) => load.remove(task));
    this.fresh.delete(task.ID);
    if (task.Status.State !== 'pending') return;
    if (task.NodeID !== undefined) {
      const waiting = this.preassigned.get(task.NodeID);
      waiting?.delete(task.ID);
      if (waiting?.size === 0) this.preassigned.delete(task.NodeID);
      return;
    }
    const group = this.groups.get(groupKey(task));
    group?.tasks.delete(task.ID);
    if (group?.tasks.size === 0) this.groups.delete(group.key);
  }

  private changeLoad(nodeId: string, change: (load: NodeLoad) => void): void {
    const load = this.load(nodeId);
    change(load);
    // Tasks may outlive their node.
    if (this.order.has(nodeId)) this.order.set(nodeId, load.tasks);
  }

  private rememberFailure(task: Task, { at, node }: { at: number; node: string }): void {
    if (node === '') return;
    const key = groupKey(task);
    let byNode = this.failures.get(key);
    if (!byNode) {
      byNode = new Map();
      this.failures.set(key, byNode);
    }
    const times = byNode.get(node);
    if (times) times.push(at);
    else byNode.set(node, [at]);
  }

  private forgetService(serviceId: string): void {
    for (const key of this.failures.keys()) {
      if (key.startsWith(`${serviceId} `)) this.failures.delete(key);
    }
  }
}
