/**
 * The working copy of a planner: objects as they will be once the plan is committed, and the changes that lead there.
 */

import { timestamp } from '../model/clock.ts';
import type { Task, TaskStatus } from '../model/objects.ts';
import type { TaskState } from '../model/task-state.ts';
import type { Change, Kind, Kinds, View } from '../store/contract.ts';
import type { Plan, PlanContext } from './contract.ts';

export class Draft {
  readonly view: View;
  readonly now: number;
  private readonly context: PlanContext;
  private readonly changes = new Map<string, Change>();
  private wakeAt: number | undefined;
  private stopped = false;

  constructor(view: View, context: PlanContext) {
    this.view = view;
    this.now = context.now;
    this.context = context;
  }

  newId(): string {
    return this.context.newId();
  }

  /** Writes an object that is in the store or new (Version.Index 0), and returns it as it now is. */
  put<K extends Kind>(kind: K, object: Kinds[K]): Kinds[K] {
    const written = { ...object, UpdatedAt: timestamp(this.now) };
    this.changes.set(`${kind} ${object.ID}`, { op: 'put', kind, object: written } as Change);
    return written;
  }

  delete<K extends Kind>(kind: K, object: Kinds[K]): void {
    const change = { op: 'delete', kind, id: object.ID, revision: object.Version.Index } as Change;
    this.changes.set(`${kind} ${object.ID}`, change);
  }

  /**
   * Moves a task's desired state forward and notes what only the cluster needs to know. A task that is to be shut down and
   * is on no node has no agent who would say that it has stopped: it is shut down at once.
   */
  want(task: Task, state: TaskState, internal: Partial<Task['internal']> = {}): Task {
    const Status = state === 'shutdown' && !task.NodeID ? this.shutDown(task.Status) : task.Status;
    return this.put('task', {
      ...task,
      DesiredState: state,
      Status,
      internal: { ...task.internal, ...internal },
    });
  }

  private shutDown({ Err: _, ...status }: TaskStatus): TaskStatus {
    return { ...status, State: 'shutdown', Timestamp: timestamp(this.now) };
  }

  wake(at: number): void {
    if (this.wakeAt === undefined || at < this.wakeAt) this.wakeAt = at;
  }

  /** True when this plan is long enough; whoever asks leaves out the rest of its work, which is then asked for again. */
  full(): boolean {
    if (this.changes.size < this.context.limit) return false;
    this.stopped = true;
    return true;
  }

  plan(): Plan {
    const plan: Plan = { changes: [...this.changes.values()] };
    if (this.wakeAt !== undefined) plan.wakeAt = this.wakeAt;
    if (this.stopped) plan.more = true;
    return plan;
  }
}
