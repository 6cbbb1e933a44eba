/** Gives tasks what they need of the cluster and a node: what the allocator and the scheduler have to do, in one step. */
import type { Service, Task } from '../model/objects.ts';
import type { Change, Commit, View } from '../store/contract.ts';
import { Allocation, toPending } from './allocator/allocate.ts';
import { AllocatorIndex, type Work } from './allocator/index.ts';
import { SchedulerIndex } from './scheduler/index.ts';
import { schedule } from './scheduler/schedule.ts';

export class Placement {
  readonly #scheduler: SchedulerIndex;
  readonly #allocator: AllocatorIndex;
  /** What the changes that were returned last settle for the allocator. */
  #settled: Work | undefined;

  constructor(view: View) {
    this.#scheduler = new SchedulerIndex(view);
    this.#allocator = new AllocatorIndex(view);
  }

  /** To be told of every commit. */
  apply(commit: Commit, view: View): void {
    this.#scheduler.apply(commit);
    this.#allocator.apply(commit, view);
    if (this.#allocator.takeFreed()) this.#scheduler.retryAll();
  }

  /** True if something waits that was not looked at since it, or what there is for it, has changed. */
  hasWork(): boolean {
    return this.#scheduler.hasWork() || this.#allocator.hasWork();
  }

  /**
   * Allocates and schedules what waits and what the changes bring.
   * @param changes what is to be committed anyway, of each object at most once
   * @param limit about how many tasks are placed at the most
   * @returns those changes and its own together, in the order in which they have to be made
   * @throws whatever goes wrong in it; then `undo` has everything looked at again
   */
  place(view: View, changes: readonly Change[], now: number, limit: number): Change[] {
    const others: Change[] = [];
    const tasks = new Map<string, Task | undefined>();
    const deletions: Change[] = [];
    for (const change of changes) {
      if (change.kind !== 'task') others.push(change);
      else if (change.op === 'put') tasks.set(change.object.ID, change.object);
      else {
        tasks.set(change.id, undefined);
        deletions.push(change);
      }
    }
    const allocation = new Allocation(view, this.#allocator, now);
    this.#settled = allocation.work;
    allocation.prepare(plannedServices(others));
    this.#placeTasks(view, tasks, allocation, now, limit);
    const first = allocation.finish(others);
    const puts = [...tasks.values()].filter((task) => task !== undefined);
    return [...first, ...puts.map((object): Change => ({ op: 'put', kind: 'task', object })), ...deletions];
  }

  /** What `place` returned was committed. */
  done(): void {
    this.#settled = undefined;
  }

  /** Changes were not carried out: what they were about is looked at again. */
  undo(): void {
    this.#scheduler.retryAll();
    if (this.#settled) this.#allocator.putBack(this.#settled);
    this.#settled = undefined;
  }

  /** `tasks`: those that are about to change, undefined for those that go; others are added. */
  #placeTasks(
    view: View,
    tasks: Map<string, Task | undefined>,
    allocation: Allocation,
    now: number,
    limit: number,
  ): void {
    for (const [id, task] of tasks) {
      if (task && isNew(task)) tasks.set(id, toPending(task, now));
    }
    let room = limit;
    for (const id of this.#scheduler.fresh) {
      if (room-- <= 0) break;
      const task = view.get('task', id);
      if (task && !tasks.has(id) && isNew(task)) tasks.set(id, toPending(task, now));
    }
    for (const placed of schedule(view, this.#scheduler, tasks, now, limit)) {
      const before = tasks.get(placed.ID) ?? view.get('task', placed.ID)!;
      const task = allocation.attach(placed, before);
      if (task !== before) tasks.set(task.ID, task);
    }
  }
}

/** The services that are about to be written, by id. */
function plannedServices(changes: readonly Change[]): Map<string, Service> {
  const puts = changes.filter((change) => change.kind === 'service' && change.op === 'put');
  return new Map(puts.map(({ object }) => [object.ID, object]));
}

function isNew({ Status, DesiredState }: Task): boolean {
  return Status.State === 'new' && DesiredState !== 'shutdown' && DesiredState !== 'remove';
}
