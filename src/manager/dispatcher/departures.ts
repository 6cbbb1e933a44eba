/** Which tasks' stops are held back until the other hosts have taken note; see StopGate for the rule. */
import { holdsAddresses } from '../../control/allocator/claims.ts';
import { StopGate } from '../../control/networks/stop-gate.ts';
import type { NetworkTables } from '../../control/networks/tables.ts';
import type { Clock } from '../../model/clock.ts';
import type { Task } from '../../model/objects.ts';
import { atLeast, compareStates, isTerminal } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';

/** How long (ms) a host that is to be switched off waits for the others: it has not much longer itself. */
const AWAY_BOUND = 10_000;

export interface DepartureHooks {
  /** Whether the host counts as well: its agent may just be on its way back, while its balancer goes on. */
  isLive(nodeId: string): boolean;
  /** Whether its agent has a session. */
  isPresent(nodeId: string): boolean;
  /** The task's agent is to be told now. */
  stop(taskId: string): void;
}

export class Departures {
  readonly #view: View;
  readonly #tables: NetworkTables;
  readonly #clock: Clock;
  readonly #hooks: DepartureHooks;
  readonly #gate = new StopGate();
  /** Told when nobody leads anybody to the tasks of a host that goes away. */
  readonly #hosts = new Map<string, () => void>();
  #timer: { at: number; cancel: () => void } | undefined;

  constructor(view: View, tables: NetworkTables, clock: Clock, hooks: DepartureHooks) {
    this.#view = view;
    this.#tables = tables;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  holds(taskId: string): boolean {
    return this.#gate.holds(taskId);
  }

  /** Looks at a change of a task before its agent is told. True: the agent is not to hear of it yet. */
  changed(before: Task | undefined, after: Task | undefined): boolean {
    if (!after || isTerminal(after.Status.State)) {
      this.#gate.drop((after ?? before)!.ID);
      return false;
    }
    if (this.#gate.holds(after.ID)) return true;
    return before !== undefined && takesPart(before) && isLeaving(after) && this.#hold(after);
  }

  /** The node's agent has come back and knows nothing: stops that it may not have heard of begin anew. */
  resume(nodeId: string): void {
    this.#gate.trust(nodeId);
    for (const task of this.#view.tasksOfNode(nodeId)) {
      if (isLeaving(task) && holdsAddresses(task) && !this.#gate.holds(task.ID)) this.#hold(task);
    }
  }

  /** The host is to be switched off, as of that revision. Resolves when the others have taken note, like a stop. */
  host(nodeId: string, revision: number): Promise<void> {
    const networks = new Set<string>();
    for (const task of this.#view.tasksOfNode(nodeId)) {
      if (takesPart(task)) for (const { Network } of task.NetworksAttachments!) networks.add(Network.ID);
    }
    const key = `host ${nodeId}`;
    this.#hosts.get(key)?.();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#gated(key, revision, networks, AWAY_BOUND)) this.#hosts.set(key, resolve);
    else resolve();
    return promise;
  }

  applied(nodeId: string, revision: number): void {
    this.#stop(this.#gate.applied(nodeId, revision));
  }

  /** The host could not do all of what it was to be, or its agent is away: it is not waited for much longer. */
  doubt(nodeId: string): void {
    this.#gate.doubt(nodeId, this.#clock.now());
    this.#setTimer();
  }

  gone(nodeId: string): void {
    this.#stop(this.#gate.gone(nodeId));
  }

  close(): void {
    this.#timer?.cancel();
  }

  #hold(task: Task): boolean {
    const networks = task.NetworksAttachments!.map(({ Network }) => Network.ID);
    return this.#gated(task.ID, task.Version.Index, networks);
  }

  #gated(key: string, revision: number, networkIds: Iterable<string>, bound?: number): boolean {
    const hosts = this.#liveOn(networkIds);
    const now = this.#clock.now();
    if (!this.#gate.hold(key, revision, hosts, now, bound)) return false;
    for (const nodeId of hosts) if (!this.#hooks.isPresent(nodeId)) this.#gate.doubt(nodeId, now);
    this.#setTimer();
    return true;
  }

  #liveOn(networkIds: Iterable<string>): Set<string> {
    const hosts = new Set<string>();
    for (const id of networkIds) {
      for (const nodeId of this.#tables.nodesOf(id)) if (this.#hooks.isLive(nodeId)) hosts.add(nodeId);
    }
    return hosts;
  }

  #stop(ids: readonly string[]): void {
    for (const id of ids) {
      const goes = this.#hosts.get(id);
      this.#hosts.delete(id);
      if (goes) goes();
      else this.#hooks.stop(id);
    }
  }

  #setTimer(): void {
    const at = this.#gate.next;
    if (at === undefined || (this.#timer && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.timer(Math.max(0, at - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#stop(this.#gate.due(this.#clock.now()));
      this.#setTimer();
    });
    this.#timer = { at, cancel };
  }
}

/** True if clients of the task's service may be using it. */
function takesPart(task: Task): boolean {
  const { Status, DesiredState } = task;
  return Status.State === 'running' && compareStates(DesiredState, 'running') <= 0 && holdsAddresses(task);
}

/** It runs and is to stop. */
function isLeaving({ Status, DesiredState }: Task): boolean {
  return Status.State === 'running' && atLeast(DesiredState, 'shutdown');
}
