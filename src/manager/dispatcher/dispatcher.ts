/**
 * The manager's side of the agents' sessions: tells each agent what to do, takes in what it reports, and judges which
 * hosts live. No sockets and no timers of its own: connections, clock and probe are given to it.
 */
import { isDeepStrictEqual } from 'node:util';
import { NetworkTables } from '../../control/networks/tables.ts';
import { ToldNetworks } from '../../control/networks/told.ts';
import { type Clock, timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster, Node, NodeDescription } from '../../model/objects.ts';
import type { NetworksApplied, SessionRequest, StatusRequest } from '../../model/protocol.ts';
import type { Commit, EventOf, Store } from '../../store/contract.ts';
import type { AgentSession, Sessions } from '../contract.ts';
import type { Rest } from '../rest.ts';
import { AssignmentSet, type Need, needOf } from './assignments.ts';
import { CommitQueue } from './commit-queue.ts';
import { Departures } from './departures.ts';
import { type Check, Liveness, type Verdict } from './liveness.ts';
import { applyFacts, type NodeFacts } from './node-facts.ts';
import { applyReport, laterReport, type Report } from './status.ts';

const DEFAULT_HEARTBEAT_PERIOD = 5e9;
/** The most tasks or nodes written in one transaction: the requests they came with are all answered at one stretch. */
const COMMIT_LIMIT = 200;
/** Milliseconds between two transactions of reports, and between two rounds of changes to the agents, under load. */
const PAUSE = 20;
/** Milliseconds after which a verdict that could not be written is written again. */
const RETRY = 1000;
/** Milliseconds of telling agents at a stretch. */
const SLICE = 5;

export interface DispatcherOptions {
  store: Store;
  clock: Clock;
  /** PEM of all roots that agents are to trust. */
  roots(): string;
  /** Whether anything at that IP address answers on the cluster port; a refusal is an answer. May take long to say no. */
  probe(addr: string): Promise<boolean>;
  /** Calls `fn` once the input that has arrived by now has been processed. */
  afterInput(fn: () => void): void;
  rest: Rest;
  log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
}

interface Open {
  session: AgentSession;
  assignments: AssignmentSet;
  networks: ToldNetworks;
  /** The full set of assignments was sent: from now on changes are. */
  told: boolean;
  needs: Map<string, Need>;
}

export class Dispatcher implements Sessions {
  readonly #options: DispatcherOptions;
  readonly #open = new Map<string, Open>();
  readonly #liveness: Liveness;
  readonly #reports: CommitQueue<Report>;
  readonly #facts: CommitQueue<NodeFacts>;
  readonly #networks: NetworkTables;
  readonly #departures: Departures;
  /** What was found out about nodes and is not written yet. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly #unwatch: () => void;
  readonly #changed = new Set<Open>();
  #nextFlush = Number.NEGATIVE_INFINITY;
  /** How long (ms) the last flush has kept the process. */
  #flushed = 0;
  #flushing = false;
  #cancelFlush: (() => void) | undefined;
  #cancelTick: () => void;
  #closed = false;

  constructor(options: DispatcherOptions) {
    const { store, clock, rest } = options;
    this.#options = options;
    this.#liveness = new Liveness(clock.now(), heartbeatPeriod(this.#cluster()) / 1e6);
    this.#reports = new CommitQueue({
      store,
      clock,
      rest,
      limit: COMMIT_LIMIT,
      pause: PAUSE,
      merge: laterReport,
      change(view, taskId, report) {
        const object = applyReport(view.get('task', taskId), report, timestamp(clock.now()));
        return object && { op: 'put', kind: 'task', object };
      },
    });
    this.#facts = new CommitQueue({
      store,
      clock,
      rest,
      limit: COMMIT_LIMIT,
      pause: PAUSE,
      merge: (earlier, later) => ({ ...earlier, ...later }),
      change(view, nodeId, facts) {
        const object = applyFacts(view.get('node', nodeId), facts, clock.now());
        return object && { op: 'put', kind: 'node', object };
      },
    });
    this.#networks = new NetworkTables(store.view);
    this.#departures = new Departures(store.view, this.#networks, clock, {
      isLive: (nodeId) => this.#isLive(store.view.get('node', nodeId)),
      stop: (taskId) => this.#tell(taskId),
    });
    for (const node of store.view.all('node')) this.#expect(node);
    this.#unwatch = store.watch(store.view.revision, (commit) => this.#onCommit(commit));
    this.#cancelTick = clock.timer(this.#liveness.tickEvery, () => this.#tick());
  }

  async opened(session: AgentSession, request: SessionRequest): Promise<void> {
    const { nodeId } = session;
    const view = this.#options.store.view;
    if (!view.get('node', nodeId)) throw new ApiError(403, `node ${nodeId} is not part of this swarm`);
    const cluster = this.#cluster();
    session.send({
      type: 'session',
      sessionId: session.id,
      nodeId,
      clusterId: cluster.ID,
      revision: view.revision,
      managers: [...view.all('node')].flatMap(({ ID, ManagerStatus }) =>
        ManagerStatus ? { NodeID: ID, Addr: ManagerStatus.Addr } : [],
      ),
      roots: this.#options.roots(),
      heartbeatPeriod: heartbeatPeriod(cluster),
    });
    const open: Open = {
      session,
      assignments: new AssignmentSet(nodeId, (taskId) => this.#departures.holds(taskId)),
      networks: new ToldNetworks(this.#networks, nodeId),
      told: false,
      needs: new Map(),
    };
    this.#open.set(nodeId, open);
    this.#liveness.opened(nodeId);
    this.#verdicts.delete(nodeId);

    await this.#facts.add(nodeId, {
      description: request.description,
      addr: request.addr || session.remoteAddr,
      dataPathAddr: request.dataPathAddr ?? '',
      tunnelKey: request.tunnelKey,
      status: { state: 'ready' },
    });
    const node = view.get('node', nodeId);
    if (this.#open.get(nodeId) !== open || !node) return;
    session.send({ type: 'node', node });
    session.send({ type: 'networks', ...open.networks.full(view.revision) });
    this.#departures.resume(nodeId);
    session.send({ type: 'assignments', ...open.assignments.full(view) });
    open.told = true;
  }

  async status(session: AgentSession, request: StatusRequest): Promise<void> {
    const { nodeId } = session;
    const view = this.#options.store.view;
    // A task never changes its node, and one that is unknown never comes back: both checks hold for good.
    const own = request.statuses.filter(({ taskId }) => view.get('task', taskId)?.NodeID === nodeId);
    await Promise.all(own.map(({ taskId, status }) => this.#reports.add(taskId, { nodeId, status })));
  }

  async describe(session: AgentSession, description: NodeDescription): Promise<void> {
    await this.#facts.add(session.nodeId, { description });
  }

  async networks({ nodeId }: AgentSession, { revision }: NetworksApplied): Promise<void> {
    this.#departures.applied(nodeId, revision);
  }

  async away({ nodeId }: AgentSession): Promise<void> {
    await this.#facts.add(nodeId, {
      status: { state: 'disconnected', message: 'the host is shutting down' },
    });
    const node = this.#options.store.view.get('node', nodeId);
    if (node) await this.#departures.host(nodeId, node.Version.Index);
  }

  closed(session: AgentSession, reason: string): void {
    const { nodeId } = session;
    const open = this.#open.get(nodeId);
    if (open?.session !== session) return;
    this.#options.log.info({ node: nodeId, reason }, 'session closed');
    this.#open.delete(nodeId);
    this.#changed.delete(open);
    this.#liveness.closed(nodeId);
    const node = this.#options.store.view.get('node', nodeId);
    if (node?.Status.State !== 'disconnected') return;
    this.#departures.gone(nodeId);
    this.#judge({ nodeId, state: 'down', message: 'the host was shut down' });
  }

  async leave(nodeId: string): Promise<void> {
    await this.#facts.add(nodeId, { status: { state: 'down', message: 'the node has left the swarm' } });
    this.#liveness.forget(nodeId);
    this.#verdicts.delete(nodeId);
  }

  /** Stops judging, telling and writing; sessions are the server's to end. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    this.#cancelTick();
    this.#cancelFlush?.();
    this.#departures.close();
    const reason = new ApiError(503, 'the manager is stopping');
    this.#reports.close(reason);
    this.#facts.close(reason);
  }

  #cluster(): Cluster {
    const [cluster] = this.#options.store.view.all('cluster');
    if (!cluster) throw new Error('the store holds no cluster');
    return cluster;
  }

  #onCommit(commit: Commit): void {
    const touched = this.#networks.apply(commit);
    if (touched.size > 0) this.#onNetworks(touched);
    for (const event of commit.events) {
      if (event.kind === 'task') this.#onTask(event);
      else if (event.kind === 'node') this.#onNode(event);
      else if (event.kind === 'cluster' && event.after)
        this.#liveness.period = heartbeatPeriod(event.after) / 1e6;
    }
    this.#scheduleFlush();
  }

  #onTask({ id, before, after }: EventOf<'task'>): void {
    const nodeId = after?.NodeID ?? before?.NodeID;
    const open = nodeId === undefined ? undefined : this.#open.get(nodeId);
    if (!open?.told) return;
    const need = needOf(before, after);
    if (this.#departures.changed(before, after)) return;
    if (!need || (need === 'release' && open.needs.has(id))) return;
    open.needs.set(id, need);
    this.#changed.add(open);
  }

  #onNetworks(touched: ReadonlySet<string>): void {
    for (const [nodeId, open] of this.#open) {
      if (!open.told || this.#changed.has(open)) continue;
      const now = this.#networks.networksOf(nodeId);
      if (now.some((id) => touched.has(id)) || [...touched].some((id) => open.networks.knows(id)))
        this.#changed.add(open);
    }
  }

  /** Has the agent of a task hear of it, as it is now. */
  #tell(taskId: string): void {
    const nodeId = this.#options.store.view.get('task', taskId)?.NodeID;
    const open = nodeId === undefined ? undefined : this.#open.get(nodeId);
    if (!open?.told) return;
    open.needs.set(taskId, 'tell');
    this.#changed.add(open);
    this.#scheduleFlush();
  }

  #onNode({ id, before, after }: EventOf<'node'>): void {
    const open = this.#open.get(id);
    if (!this.#isLive(after)) this.#departures.gone(id);
    if (!after) {
      this.#liveness.forget(id);
      open?.session.close('the node was removed from the swarm');
    } else if (!before) this.#expect(after);
    else if (open?.told && !isDeepStrictEqual(before.Spec, after.Spec))
      open.session.send({ type: 'node', node: after });
  }

  #scheduleFlush(): void {
    if (this.#changed.size === 0 || this.#cancelFlush || this.#flushing) return;
    const { clock } = this.#options;
    this.#cancelFlush = clock.timer(Math.max(0, this.#nextFlush - clock.now()), () => {
      this.#cancelFlush = undefined;
      void this.#flush();
    });
  }

  /** Tells the agents what is new to them, in the order in which there came to be news for them. */
  async #flush(): Promise<void> {
    const { clock, rest } = this.#options;
    this.#flushing = true;
    await rest(this.#flushed);
    this.#flushing = false;
    if (this.#closed) return;
    const begin = clock.now();
    this.#nextFlush = begin + PAUSE;
    for (const open of this.#changed) {
      this.#changed.delete(open);
      this.#bring(open);
      if (clock.now() - begin < SLICE || this.#changed.size === 0) continue;
      this.#nextFlush = begin;
      break;
    }
    this.#flushed = clock.now() - begin;
    this.#scheduleFlush();
  }

  #bring({ session, networks, assignments, needs }: Open): void {
    const { view } = this.#options.store;
    const newNetworks = networks.changes(view.revision);
    if (newNetworks) session.send({ type: 'networks', ...newNetworks });
    const newAssignments = assignments.changes(view, needs);
    needs.clear();
    if (newAssignments) session.send({ type: 'assignments', ...newAssignments });
  }

  /** A host that says that it goes away follows its networks to the end. */
  #isLive(node: Node | undefined): boolean {
    return (
      node?.Status.State === 'ready' || (node?.Status.State === 'disconnected' && this.#open.has(node.ID))
    );
  }

  /**
   * This manager's own host is to be switched off. Others that go away meanwhile are most likely switched off together
   * with it: their tasks stay theirs, or they would all be on the first host that comes back.
   */
  #isLeaving(): boolean {
    for (const { ManagerStatus, Status } of this.#options.store.view.all('node'))
      if (ManagerStatus?.Leader && Status.State === 'disconnected') return true;
    return false;
  }

  /** A node that is down stays so until it comes back: only others are waited for. */
  #expect(node: Node): void {
    if (node.Status.State !== 'down') this.#liveness.expect(node.ID);
  }

  #tick(): void {
    const { clock, afterInput } = this.#options;
    const now = clock.now();
    this.#cancelTick = clock.timer(this.#liveness.tickEvery, () => this.#tick());
    afterInput(() => {
      if (this.#closed) return;
      const { checks, verdicts } = this.#liveness.tick(now);
      for (const verdict of verdicts) this.#judge(verdict);
      for (const check of checks) this.#check(check);
    });
  }

  #check({ nodeId, number, ping, probe }: Check): void {
    if (ping) {
      // A rejection says that the session has ended, which `closed` is told as well.
      const answered = () => this.#liveness.answered(nodeId, number, 'ping');
      this.#open
        .get(nodeId)
        ?.session.ping()
        .then(answered, () => {});
    }
    const addr = this.#options.store.view.get('node', nodeId)?.Status.Addr;
    if (!probe || !addr) return;
    this.#options.probe(addr).then(
      (alive) => {
        if (alive) this.#liveness.answered(nodeId, number, 'probe');
      },
      (error: unknown) => this.#options.log.error({ node: nodeId, error }, 'cannot probe the host'),
    );
  }

  #judge(verdict: Verdict): void {
    const { nodeId, state, message } = verdict;
    if (this.#isLeaving()) return;
    if (state === 'down') this.#liveness.forget(nodeId);
    this.#options.log.info({ node: nodeId, state }, message);
    this.#open.get(nodeId)?.session.close(message);
    this.#verdicts.set(nodeId, verdict);
    this.#record(verdict);
  }

  /** Writes a verdict, again and again unless it has been overtaken. */
  #record(verdict: Verdict): void {
    const { log, clock } = this.#options;
    const { nodeId, state, message } = verdict;
    if (this.#closed || this.#verdicts.get(nodeId) !== verdict) return;
    this.#facts.add(nodeId, { status: { state, message } }).then(
      () => {
        if (this.#verdicts.get(nodeId) === verdict) this.#verdicts.delete(nodeId);
      },
      (error: unknown) => {
        if (this.#closed) return;
        log.error({ node: nodeId, state, error }, "cannot write the node's state; trying again");
        clock.timer(RETRY, () => this.#record(verdict));
      },
    );
  }
}

/** Nanoseconds. */
function heartbeatPeriod(cluster: Cluster): number {
  return cluster.Spec.Dispatcher?.HeartbeatPeriod || DEFAULT_HEARTBEAT_PERIOD;
}
