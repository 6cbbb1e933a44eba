/**
 * What the agents with a session are told of their tasks and networks: everything at first, then what is new to them,
 * in rounds that leave the process to others in between.
 */
import type { NetworkTables } from '../../control/networks/tables.ts';
import { ToldNetworks } from '../../control/networks/told.ts';
import type { Clock } from '../../model/clock.ts';
import type { Measure } from '../../model/measure.ts';
import type { Task } from '../../model/objects.ts';
import type { Commit, EventOf, View } from '../../store/contract.ts';
import type { AgentSession } from '../contract.ts';
import type { Rest } from '../rest.ts';
import { AssignmentSet, type Need, needOf } from './assignments.ts';

/** Milliseconds between two rounds, under load. */
const PAUSE = 20;
/** Milliseconds of telling agents at a stretch. */
const SLICE = 5;

export interface OrdersOptions {
  view: View;
  networks: NetworkTables;
  clock: Clock;
  rest: Rest;
  /** Told of how long things take. */
  measure?: Measure | undefined;
  /** Whether a task that is to stop has to run on until others know of it. */
  holds(taskId: string): boolean;
  /** The same of one that has just become another one, which may begin or end with that. */
  changed(before: Task | undefined, after: Task | undefined): boolean;
}

/** An agent with a session. */
export interface Open {
  session: AgentSession;
  assignments: AssignmentSet;
  networks: ToldNetworks;
  /** The full set of assignments was sent: from now on changes are. */
  told: boolean;
  needs: Map<string, Need>;
  /** Services that are no more, which the agent has not heard of yet. */
  gone: Set<string>;
  /** Since when (ms) there is news for the agent that it was not sent. */
  newsSince?: number;
  /** A state of its networks that it was sent and does not have yet, and when it was sent. */
  applying?: { revision: number; since: number } | undefined;
}

export class Orders {
  readonly #options: OrdersOptions;
  readonly #open = new Map<string, Open>();
  readonly #changed = new Set<Open>();
  #nextRound = Number.NEGATIVE_INFINITY;
  /** How long (ms) the last round has kept the process. */
  #took = 0;
  #inRound = false;
  #cancelRound: (() => void) | undefined;
  #closed = false;

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** The agent of that session, in the place of any that its node had before; it is told nothing yet. */
  add(session: AgentSession): Open {
    const { nodeId } = session;
    const open: Open = {
      session,
      assignments: new AssignmentSet(nodeId, this.#options.holds),
      networks: new ToldNetworks(this.#options.networks, nodeId),
      told: false,
      needs: new Map(),
      gone: new Set(),
    };
    this.#open.set(nodeId, open);
    return open;
  }

  get(nodeId: string): Open | undefined {
    return this.#open.get(nodeId);
  }

  delete(open: Open): void {
    this.#open.delete(open.session.nodeId);
    this.#changed.delete(open);
  }

  *sessions(): IterableIterator<AgentSession> {
    for (const { session } of this.#open.values()) yield session;
  }

  /** A task is another one: its agent hears of it, unless that is the same to it. */
  onTask({ id, before, after }: EventOf<'task'>): void {
    const nodeId = after?.NodeID ?? before?.NodeID;
    const open = nodeId === undefined ? undefined : this.#open.get(nodeId);
    if (!open?.told) return;
    const need = needOf(before, after);
    if (this.#options.changed(before, after)) return;
    if (!need || (need === 'release' && open.needs.has(id))) return;
    open.needs.set(id, need);
    this.#changed.add(open);
  }

  /** The agent's networks are as of that revision. */
  applied(nodeId: string, revision: number): void {
    const open = this.#open.get(nodeId);
    if (!open?.applying || revision < open.applying.revision) return;
    this.#options.measure?.applied(this.#options.clock.now() - open.applying.since);
    open.applying = undefined;
  }

  /** Its tasks are told to stop one after the other: until each has its turn, none is to be started any more. */
  onServiceGone(id: string): void {
    const { view } = this.#options;
    for (const { NodeID } of view.tasksOfService(id)) {
      const open = NodeID === undefined ? undefined : this.#open.get(NodeID);
      if (!open?.told || !view.usage(NodeID!).tasksByService.has(id)) continue;
      open.gone.add(id);
      this.#changed.add(open);
    }
  }

  /** Networks are others, by that commit. */
  onNetworks(touched: ReadonlySet<string>, { events }: Commit): void {
    const { networks } = this.#options;
    // A network that is made or goes concerns hosts that have no part in it any more, or not yet.
    const concerned = events.some(({ kind }) => kind === 'network')
      ? [this.#open.keys()]
      : [...[...touched].map((id) => networks.nodesOf(id)), changedNodes(events)];
    for (const ids of concerned)
      for (const nodeId of ids) {
        const open = this.#open.get(nodeId);
        if (!open?.told || this.#changed.has(open)) continue;
        const now = networks.networksOf(nodeId);
        if (now.some((id) => touched.has(id)) || [...touched].some((id) => open.networks.knows(id)))
          this.#changed.add(open);
      }
  }

  /** Has the agent of a task hear of it, as it is now. */
  tell(taskId: string): void {
    const nodeId = this.#options.view.get('task', taskId)?.NodeID;
    const open = nodeId === undefined ? undefined : this.#open.get(nodeId);
    if (!open?.told) return;
    open.needs.set(taskId, 'tell');
    this.#changed.add(open);
    this.schedule();
  }

  /** To be called after each commit: has those hear of it whom it concerns. */
  schedule(): void {
    if (this.#options.measure) for (const open of this.#changed) open.newsSince ??= this.#options.clock.now();
    if (this.#changed.size === 0 || this.#cancelRound || this.#inRound) return;
    const { clock } = this.#options;
    this.#cancelRound = clock.timer(Math.max(0, this.#nextRound - clock.now()), () => {
      this.#cancelRound = undefined;
      void this.#round();
    });
  }

  /** Tells the agents what is new to them, in the order in which there came to be news for them. */
  async #round(): Promise<void> {
    const { clock, rest } = this.#options;
    this.#inRound = true;
    await rest(this.#took);
    this.#inRound = false;
    if (this.#closed) return;
    const begin = clock.now();
    this.#nextRound = begin + PAUSE;
    for (const open of this.#changed) {
      this.#changed.delete(open);
      this.#bring(open);
      if (clock.now() - begin < SLICE || this.#changed.size === 0) continue;
      this.#nextRound = begin;
      break;
    }
    this.#took = clock.now() - begin;
    this.schedule();
  }

  #bring(open: Open): void {
    const { session, networks, assignments, needs, gone } = open;
    const { view, measure, clock } = this.#options;
    if (open.newsSince !== undefined) measure?.told(clock.now() - open.newsSince);
    delete open.newsSince;
    const newNetworks = networks.changes(view.revision);
    if (newNetworks) {
      session.send({ type: 'networks', ...newNetworks });
      open.applying ??= { revision: view.revision, since: clock.now() };
    }
    const newAssignments = assignments.changes(view, needs, gone);
    needs.clear();
    gone.clear();
    if (newAssignments) session.send({ type: 'assignments', ...newAssignments });
  }

  close(): void {
    this.#closed = true;
    this.#cancelRound?.();
  }
}

function changedNodes(events: Commit['events']): string[] {
  return events.filter(({ kind }) => kind === 'node').map(({ id }) => id);
}
