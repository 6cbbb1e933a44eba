/**
 * The manager's side of the agents' sessions: tells each agent what to do, and takes in what it reports. No sockets and
 * no timers of its own: connections, clock and probe are given to it.
 */
import { isDeepStrictEqual } from 'node:util';
import { NetworkTables } from '../../control/networks/tables.ts';
import { type Clock, timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Measure } from '../../model/measure.ts';
import type { Cluster, Node } from '../../model/objects.ts';
import type {
  HostDescription,
  NetworksApplied,
  SessionRequest,
  StatusRequest,
} from '../../model/protocol.ts';
import type { Commit, EventOf, Store } from '../../store/contract.ts';
import { CommitQueue } from '../commit-queue.ts';
import type { AgentSession, Sessions } from '../contract.ts';
import { isOfSeveral, managersOf } from '../managers.ts';
import type { Rest } from '../rest.ts';
import { Departures } from './departures.ts';
import { applyFacts, type NodeFacts, waitsForEngine } from './node-facts.ts';
import { Orders } from './orders.ts';
import type { ProbeOutcome } from './probe.ts';
import { applyReport, laterReport, type Report } from './status.ts';
import { HostWatch, type WatchLog } from './watch.ts';

const DEFAULT_HEARTBEAT_PERIOD = 5e9;
/** What is shorter counts as this long: hosts would be lost for less than a pause of their daemon's. */
const LEAST_HEARTBEAT_PERIOD = 1e9;
/** The most tasks or nodes written in one transaction: the requests they came with are all answered at one stretch. */
const COMMIT_LIMIT = 200;
/** Milliseconds between two transactions of reports, under load. */
const PAUSE = 20;

export interface DispatcherOptions {
  store: Store;
  clock: Clock;
  /** PEM of all roots that agents are to trust. */
  roots(): string;
  /** Whether anything at that IP address answers on the cluster port; a refusal is an answer. May take long to say no. */
  probe(addr: string): Promise<ProbeOutcome>;
  /** This host has been booted just now, and the others may be about to: none is taken for lost before its time. */
  hostsMayBoot: boolean;
  /** Calls `fn` once the input that has arrived by now has been processed. */
  afterInput(fn: () => void): void;
  rest: Rest;
  log: WatchLog;
  /** Told of how long things take. */
  measure?: Measure | undefined;
}

export class Dispatcher implements Sessions {
  readonly #options: DispatcherOptions;
  readonly #watch: HostWatch;
  readonly #reports: CommitQueue<Report>;
  readonly #facts: CommitQueue<NodeFacts>;
  readonly #networks: NetworkTables;
  readonly #departures: Departures;
  readonly #orders: Orders;
  readonly #unwatch: () => void;

  constructor(options: DispatcherOptions) {
    const { store, clock, rest, log, afterInput } = options;
    this.#options = options;
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
      isPresent: (nodeId) => this.#orders.get(nodeId) !== undefined,
      stop: (taskId) => this.#orders.tell(taskId),
    });
    this.#orders = new Orders({
      ...{ view: store.view, networks: this.#networks, clock, rest, measure: options.measure },
      holds: (taskId) => this.#departures.holds(taskId),
      changed: (before, after) => this.#departures.changed(before, after),
    });
    this.#watch = new HostWatch({
      ...{ clock, log, afterInput },
      period: heartbeatPeriod(this.#cluster()) / 1e6,
      ping: (nodeId) => this.#orders.get(nodeId)?.session.ping(),
      probe: (nodeId) => {
        const addr = store.view.get('node', nodeId)?.Status.Addr;
        return addr ? options.probe(addr) : undefined;
      },
      isLeaving: () => this.#isLeaving(),
      cutOff: (nodeId, reason) => this.#orders.get(nodeId)?.session.close(reason),
      write: (nodeId, status) => this.#facts.add(nodeId, { status }),
    });
    const probed = !options.hostsMayBoot;
    for (const node of store.view.all('node'))
      this.#watch.expect(node, probed && node.Description !== undefined);
    this.#unwatch = store.watch(store.view.revision, (commit) => this.#onCommit(commit));
  }

  async opened(session: AgentSession, request: SessionRequest): Promise<void> {
    const { nodeId } = session;
    const { EngineAway: engineAway = false, ...description } = request.description;
    const view = this.#options.store.view;
    if (!view.get('node', nodeId)) throw new ApiError(403, `node ${nodeId} is not part of this swarm`);
    const cluster = this.#cluster();
    session.send({
      type: 'session',
      sessionId: session.id,
      nodeId,
      clusterId: cluster.ID,
      revision: view.revision,
      several: isOfSeveral(view),
      managers: managersOf(view),
      roots: this.#options.roots(),
      heartbeatPeriod: heartbeatPeriod(cluster),
    });
    const open = this.#orders.add(session);
    this.#watch.opened(nodeId);

    await this.#facts.add(nodeId, {
      description,
      engineAway,
      addr: request.addr || session.remoteAddr,
      dataPathAddr: request.dataPathAddr ?? '',
      tunnelKey: request.tunnelKey,
      status: { state: 'ready' },
    });
    const node = view.get('node', nodeId);
    if (this.#orders.get(nodeId) !== open || !node) return;
    this.#watch.engine(nodeId, !waitsForEngine(node));
    session.send({ type: 'node', node });
    session.send({ type: 'networks', ...open.networks.full(view.revision) });
    this.#departures.resume(nodeId);
    session.send({ type: 'assignments', ...open.assignments.full(view) });
    open.told = true;
  }

  async status(session: AgentSession, request: StatusRequest): Promise<void> {
    const { nodeId } = session;
    this.#watch.heard(nodeId);
    const view = this.#options.store.view;
    // A task never changes its node, and one that is unknown never comes back: both checks hold for good.
    const own = request.statuses.filter(({ taskId }) => view.get('task', taskId)?.NodeID === nodeId);
    await Promise.all(own.map(({ taskId, status }) => this.#reports.add(taskId, { nodeId, status })));
  }

  async describe(session: AgentSession, told: HostDescription): Promise<void> {
    const { nodeId } = session;
    this.#watch.heard(nodeId);
    const { EngineAway: engineAway = false, ...description } = told;
    // What comes of a session that has ended is not so any more.
    const isOpen = this.#orders.get(nodeId)?.session === session;
    await this.#facts.add(nodeId, { description, ...(isOpen && { engineAway }) });
  }

  async networks({ nodeId }: AgentSession, { revision, failed }: NetworksApplied): Promise<void> {
    this.#watch.heard(nodeId);
    if (failed) return this.#departures.doubt(nodeId);
    this.#departures.applied(nodeId, revision);
    this.#orders.applied(nodeId, revision);
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
    const open = this.#orders.get(nodeId);
    if (open?.session !== session) return;
    this.#options.log.info({ node: nodeId, reason }, 'session closed');
    this.#orders.delete(open);
    this.#watch.closed(nodeId);
    this.#departures.doubt(nodeId);
    const node = this.#options.store.view.get('node', nodeId);
    if (node?.Status.State !== 'disconnected') return;
    this.#departures.gone(nodeId);
    this.#watch.judge({ nodeId, state: 'down', message: 'the host was shut down' });
  }

  async leave(nodeId: string): Promise<void> {
    await this.#facts.add(nodeId, { status: { state: 'down', message: 'the node has left the swarm' } });
    this.#watch.forget(nodeId);
  }

  /** Stops judging, telling and writing; sessions are the server's to end. */
  close(): void {
    this.#unwatch();
    this.#watch.close();
    this.#orders.close();
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
    if (touched.size > 0) this.#orders.onNetworks(touched, commit);
    for (const event of commit.events) {
      if (event.kind === 'task') this.#orders.onTask(event);
      else if (event.kind === 'node') this.#onNode(event);
      else if (event.kind === 'service' && !event.after) this.#orders.onServiceGone(event.id);
      else if (event.kind === 'cluster') this.#onCluster(event);
    }
    if (commit.events.some(movesManager)) this.#onManagers();
    this.#orders.schedule();
  }

  #onCluster({ before, after }: EventOf<'cluster'>): void {
    if (!before || !after) return;
    const period = heartbeatPeriod(after);
    if (period === heartbeatPeriod(before)) return;
    this.#watch.period = period / 1e6;
    for (const session of this.#orders.sessions()) session.send({ type: 'period', heartbeatPeriod: period });
  }

  /** Agents find the one that leads among all that there are. */
  #onManagers(): void {
    const managers = managersOf(this.#options.store.view);
    for (const session of this.#orders.sessions()) session.send({ type: 'managers', managers });
  }

  #onNode({ id, before, after }: EventOf<'node'>): void {
    const open = this.#orders.get(id);
    if (!this.#isLive(after)) this.#departures.gone(id);
    if (open && after) this.#watch.engine(id, !waitsForEngine(after));
    if (!after) {
      this.#watch.forget(id);
      open?.session.close('the node was removed from the swarm');
    } else if (!before) this.#watch.expect(after, false);
    else if (open?.told && !isDeepStrictEqual(before.Spec, after.Spec))
      open.session.send({ type: 'node', node: after });
  }

  /** A host that says that it goes away follows its networks to the end, and so does one without an engine. */
  #isLive(node: Node | undefined): boolean {
    if (!node || node.Status.State === 'down') return false;
    return node.Status.State === 'ready' || this.#orders.get(node.ID) !== undefined;
  }

  /**
   * This manager's own host is to be switched off. Others that go away meanwhile are most likely switched off together
   * with it: their tasks stay theirs, or they would all be on the first host that comes back.
   */
  #isLeaving(): boolean {
    for (const { ManagerStatus, Status } of this.#options.store.view.managers())
      if (ManagerStatus?.Leader && Status.State === 'disconnected') return true;
    return false;
  }
}

/** A manager has come or gone, or has another address. */
function movesManager(event: Commit['events'][number]): boolean {
  if (event.kind !== 'node') return false;
  return event.before?.ManagerStatus?.Addr !== event.after?.ManagerStatus?.Addr;
}

/** Nanoseconds. */
function heartbeatPeriod(cluster: Cluster): number {
  const period = cluster.Spec.Dispatcher?.HeartbeatPeriod || DEFAULT_HEARTBEAT_PERIOD;
  return Math.max(period, LEAST_HEARTBEAT_PERIOD);
}
