/**
 * The seam between the cluster and where its state lives, in etcd's terms: a consistent in-memory view, a transaction
 * that compares revisions, and a watch from a revision. Every driver passes the suite in conformance.ts.
 */

import type { AccessToken, AuditEntry, Session, StackRevision, User } from '../model/accounts.ts';
import { type ApiError, rpcError } from '../model/errors.ts';
import type {
  Attachment,
  Cluster,
  Config,
  Credential,
  Keepsake,
  Network,
  Node,
  OldContent,
  Secret,
  Service,
  Task,
} from '../model/objects.ts';
import type { RegistryKey, RegistrySession } from '../model/registry-objects.ts';
import type { TaskState } from '../model/task-state.ts';

export interface Kinds {
  cluster: Cluster;
  node: Node;
  service: Service;
  task: Task;
  network: Network;
  attachment: Attachment;
  secret: Secret;
  config: Config;
  credential: Credential;
  oldContent: OldContent;
  user: User;
  session: Session;
  accessToken: AccessToken;
  auditEntry: AuditEntry;
  stackRevision: StackRevision;
  registryKey: RegistryKey;
  registrySession: RegistrySession;
  keepsake: Keepsake;
}
export type Kind = keyof Kinds;

const EVERY_KIND: Record<Kind, true> = {
  cluster: true,
  node: true,
  service: true,
  task: true,
  network: true,
  attachment: true,
  secret: true,
  config: true,
  credential: true,
  oldContent: true,
  user: true,
  session: true,
  accessToken: true,
  auditEntry: true,
  stackRevision: true,
  registryKey: true,
  registrySession: true,
  keepsake: true,
};
export const KINDS = Object.keys(EVERY_KIND) as readonly Kind[];

/**
 * One write. Each names the revision it was made from, so nothing is overwritten blindly: a put's object carries it in
 * Version.Index (0: must not exist yet), a delete in `revision`.
 */
export type Change = { [K in Kind]: Put<K> | Delete<K> }[Kind];
export interface Put<K extends Kind = Kind> {
  op: 'put';
  kind: K;
  object: Kinds[K];
}
export interface Delete<K extends Kind = Kind> {
  op: 'delete';
  kind: K;
  id: string;
  revision: number;
}

/** A revision that something merely read must still have for the transaction to hold. 0: must not exist. */
export interface Compare {
  kind: Kind;
  id: string;
  revision: number;
}

export interface Transaction {
  changes: readonly Change[];
  require?: readonly Compare[];
}

/** A transaction that was decided on, and what its maker wants to know of it once it is written. */
export interface Decision<T = unknown> extends Transaction {
  result?: T;
}

/**
 * What to commit. A transaction is decided on already, and relies on nothing but what it compares. A function decides on
 * the view that it is given, and may rely on all of it: on a name that nobody has, on how many there are. It is
 * synchronous and does nothing else, as it may be called several times; what the last call returned is what counts.
 */
export type Proposal<T = unknown> = Transaction | ((view: View) => Decision<T>);

export interface Committed<T> {
  revision: number;
  result: T;
}

/** What one transaction did, as watchers see it. `before`/`after` absent: created/deleted. */
export interface Commit {
  revision: number;
  events: readonly StoreEvent[];
}
export type StoreEvent = { [K in Kind]: EventOf<K> }[Kind];
export interface EventOf<K extends Kind> {
  kind: K;
  id: string;
  before?: Kinds[K];
  after?: Kinds[K];
}

/** What a node's tasks take of it: counted are tasks whose desired state is `complete` or before. */
export interface NodeUsage {
  /** Tasks wanted on this node, in all and of each service. */
  tasks: number;
  tasksByService: ReadonlyMap<string, number>;
}

/** How many tasks of a service are alike in what `service ls` counts. */
export interface Tally {
  state: TaskState;
  desired: TaskState;
  /** Of a job. */
  iteration: number | undefined;
  /** Not to be replaced. */
  finished: boolean;
  tasks: number;
}

/**
 * The state at one revision, held in memory. It is live: it is consistent within one synchronous stretch of code and
 * may have moved on after an await.
 */
export interface View {
  readonly revision: number;
  get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined;
  /** All objects of a kind, in order of creation. */
  all<K extends Kind>(kind: K): IterableIterator<Kinds[K]>;
  count(kind: Kind): number;
  /** By Spec.Name (nodes: Description.Hostname), compared without regard to case; several nodes may share a name. */
  byName<K extends 'node' | 'service' | 'network' | 'secret' | 'config'>(kind: K, name: string): Kinds[K][];
  /** Nodes with a ManagerStatus, in no particular order. */
  managers(): IterableIterator<Node>;
  tasksOfService(serviceId: string): IterableIterator<Task>;
  tasksOfNode(nodeId: string): IterableIterator<Task>;
  /** All tasks of a service, counted. */
  tallies(serviceId: string): IterableIterator<Tally>;
  /** Tasks without a node, desired state at most `complete` and observed at most `pending`, oldest first: the scheduler's queue. */
  unassigned(): IterableIterator<Task>;
  usage(nodeId: string): NodeUsage;
}

/**
 * A compare of a transaction did not hold on the view that it was decided on; nothing was written. It was made from
 * something read before: read again and decide again.
 */
export class ConflictError extends Error {
  readonly compare: Compare;
  constructor(compare: Compare, found: number) {
    super(`${compare.kind} ${compare.id} is at revision ${found}, not ${compare.revision}`);
    this.name = 'ConflictError';
    this.compare = compare;
  }
}

/** How often the driver has something decided, at the most, before it gives up. */
export const ATTEMPTS = 20;

/** Each time that something was decided others were faster; nothing was written. */
export function overtaken(): ApiError {
  return rpcError('Unavailable', 'the cluster is being changed too fast by others, try again');
}

/** The revision asked for is older than what the driver still remembers: read the view and watch from there. */
export class CompactedError extends Error {}

export interface Store {
  readonly view: View;
  /**
   * Decides, and writes all changes or none, durably; objects written carry the new revision in Version.Index. What was
   * decided takes effect on the very view that it was decided on: if anything is written in between, by whomever, the
   * driver has it decided again on the view of then, up to ATTEMPTS times (@throws `overtaken`). Commits take effect in
   * the order in which they were asked for. What deciding throws is the answer, and nothing is written.
   * An empty transaction writes nothing and returns the present revision. @throws ConflictError
   * When it resolves, the view shows the changes and the watchers have been called.
   */
  commit<T>(proposal: Proposal<T>): Promise<Committed<T>>;
  /**
   * Calls `listener` synchronously with every commit after revision `from`, in order, the ones already past first.
   * Listeners must be quick and must not throw. Returns the function that ends the watch. Throws CompactedError.
   */
  watch(from: number, listener: (commit: Commit) => void): () => void;
  close(): Promise<void>;
}
