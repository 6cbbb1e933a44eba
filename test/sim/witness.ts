/** Looks at all that happens in a simulated world, and says what should not have been. */
import type { Node, Service, Task } from '../../src/model/objects.ts';
import type { Commit, View } from '../../src/store/contract.ts';
import type { Host } from './host.ts';
import {
  checkCommit,
  checkStarted,
  checkWanted,
  describeTask,
  isLive,
  placeOf,
  startsFirst,
  Violation,
} from './invariants.ts';
import { checkStrays } from './strays.ts';
import type { World } from './world.ts';

/** How long (ms) a host has to be within reach before it is held to what its manager wants. */
const REACHABLE_AFTER = 5_000;
/** How long (ms) an agent may take to carry out what it decided when its engine had failed. */
const DECIDED_WITHIN = 20_000;

export class Witness {
  /** Services whose updates have at some time started new tasks first. */
  readonly startFirst = new Set<string>();
  /** When each service that is no more was removed (ms). */
  readonly #goneAt = new Map<string, number>();
  /** Tasks whose containers nobody waits for: their host was lost, or they were told to be over by the manager. */
  readonly #givenUp = new Set<string>();
  readonly #sorrows = new Map<string, number>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A container was started on that host. */
  started(host: Host, taskId: string): void {
    this.#guard(() => this.#started(host, taskId));
  }

  /** `asked`: its agent wanted it. */
  stopped(host: Host, taskId: string, asked: boolean): void {
    this.#guard(() => this.#stopped(host, taskId, asked));
  }

  committed(commit: Commit, view: View): void {
    for (const event of commit.events) {
      this.#world.log(`r${commit.revision} ${summary(event)}`);
      if (event.kind !== 'service') continue;
      if (!event.after) this.#goneAt.set(event.id, this.#world.clock.now());
      else if (startsFirst(event.after)) this.startFirst.add(event.id);
    }
    for (const { kind, id, before, after } of commit.events) {
      if (kind === 'node' && before && after)
        this.#guard(() => this.#world.wellness.judged(before as Node, after as Node));
      if (kind === 'node' && (!after || (after as Node).Status.State === 'down')) {
        for (const task of view.tasksOfNode(id)) this.#givenUp.add(task.ID);
      }
      if (
        kind === 'task' &&
        after &&
        (after as Task).Status.Message === 'task rejected by constraint enforcer'
      )
        this.#givenUp.add(id);
    }
    this.#guard(() => checkCommit(commit, view, this.#world.several ? undefined : this.#world.clock.now()));
  }

  #started(host: Host, taskId: string): void {
    this.#world.log(`${host.nodeId}: container of ${taskId} is started`);
    const task = this.#world.view.get('task', taskId);
    if (!task) return;
    const now = this.#world.clock.now();
    if (this.#world.wellness.fineFor(host, REACHABLE_AFTER))
      checkWanted(task, now, this.#goneAt.get(task.ServiceID));
    for (const each of this.#world.hosts) {
      for (const otherId of each.engine.running()) {
        const other = otherId === taskId ? undefined : this.#world.view.get('task', otherId);
        if (
          this.#givenUp.has(taskId) ||
          !other ||
          placeOf(other) !== placeOf(task) ||
          this.#givenUp.has(otherId)
        )
          continue;
        checkStarted(task, other, {
          now,
          reachable:
            this.#world.wellness.fineFor(each, REACHABLE_AFTER) &&
            this.#world.wellness.fineFor(host, REACHABLE_AFTER),
          startFirst: this.startFirst.has(task.ServiceID),
        });
      }
    }
  }

  #stopped(host: Host, taskId: string, asked: boolean): void {
    this.#world.log(`${host.nodeId}: container of ${taskId} has stopped${asked ? ' as asked' : ''}`);
    if (!asked || !this.#world.wellness.fineFor(host, DECIDED_WITHIN)) return;
    const task = this.#world.view.get('task', taskId);
    // Agents hear that a service is gone before its tasks are told one by one.
    if (task && isLive(task) && this.#world.view.get('service', task.ServiceID))
      throw new Violation(`stopped by its agent without a cause: ${describeTask(task)}`);
  }

  /** Looks each second for what should not be. */
  keepLooking(): void {
    this.#world.wellness.second();
    for (const host of this.#world.hosts) this.#guard(() => this.#world.wellness.checkLost(host));
    this.#guard(() => checkStrays(this.#world, this.#sorrows));
    this.#guard(() => this.#world.several?.checkLed());
    this.#world.clock.timer(1000, () => this.keepLooking());
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#world.fail(
        error instanceof Violation ? error : new Error('a check has failed', { cause: error }),
      );
    }
  }
}

function summary(event: Commit['events'][number]): string {
  const { kind, id, after } = event;
  if (!after) return `${kind} ${id} deleted`;
  if (kind === 'task') {
    const task = after as Task;
    const err = task.Status.Err ? ` (${task.Status.Err})` : '';
    const waits = task.internal.after ? ` after ${task.internal.after}` : '';
    return `task ${id} ${task.internal.service.Name}.${task.Slot ?? 'global'} v${task.internal.specVersion} on ${task.NodeID ?? '-'}: ${task.Status.State}${err}, wanted ${task.DesiredState}${waits}`;
  }
  if (kind === 'node') {
    const node = after as Node;
    return `node ${id} ${node.Status.State} ${node.Status.Message ?? ''} ${node.Spec.Availability} ${JSON.stringify(node.Spec.Labels)}`;
  }
  if (kind === 'service') {
    const service = after as Service;
    return `service ${id} ${service.Spec.Name} v${service.internal.specVersion} ${JSON.stringify(service.Spec.Mode)} ${JSON.stringify(service.UpdateStatus ?? {})} ${JSON.stringify(service.internal)}`;
  }
  return `${kind} ${id}`;
}
