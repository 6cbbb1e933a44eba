/** The in-memory view and its indexes. Applying a commit costs as much as it changes, whatever the size of the cluster. */
import type { Node, Task } from '../model/objects.ts';
import { compareStates } from '../model/task-state.ts';
import type { Commit, EventOf, Kind, Kinds, NodeUsage, StoreEvent, Tally, View } from './contract.ts';
import { Groups } from './groups.ts';
import { Tallies } from './tallies.ts';

type Named = 'node' | 'service' | 'network' | 'secret' | 'config';

const NO_USAGE: NodeUsage = { tasks: 0, tasksByService: new Map() };

/** A view that its driver moves on with `apply`; everyone else gets it as a View, which only reads. */
export class MemoryView implements View {
  #revision = 0;
  readonly #objects: { [K in Kind]: Map<string, Kinds[K]> } = {
    cluster: new Map(),
    node: new Map(),
    service: new Map(),
    task: new Map(),
    network: new Map(),
    attachment: new Map(),
    secret: new Map(),
    config: new Map(),
    credential: new Map(),
    oldContent: new Map(),
    user: new Map(),
    session: new Map(),
    accessToken: new Map(),
    auditEntry: new Map(),
    stackRevision: new Map(),
    registryKey: new Map(),
    registrySession: new Map(),
    keepsake: new Map(),
  };
  readonly #names: { [K in Named]: Groups<Kinds[K]> } = {
    node: new Groups(),
    service: new Groups(),
    network: new Groups(),
    secret: new Groups(),
    config: new Groups(),
  };
  readonly #managers = new Map<string, Node>();
  readonly #byService = new Groups<Task>();
  readonly #byNode = new Groups<Task>();
  readonly #tallies = new Tallies();
  readonly #usage = new Map<string, { tasks: number; tasksByService: Map<string, number> }>();
  #unassigned = new Map<string, Task>();

  get revision(): number {
    return this.#revision;
  }

  get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    return this.#objects[kind].get(id);
  }

  all<K extends Kind>(kind: K): IterableIterator<Kinds[K]> {
    return this.#objects[kind].values();
  }

  count(kind: Kind): number {
    return this.#objects[kind].size;
  }

  byName<K extends Named>(kind: K, name: string): Kinds[K][] {
    return [...this.#names[kind].of(name.toLowerCase())];
  }

  managers(): IterableIterator<Node> {
    return this.#managers.values();
  }

  tasksOfService(serviceId: string): IterableIterator<Task> {
    return this.#byService.of(serviceId);
  }

  tasksOfNode(nodeId: string): IterableIterator<Task> {
    return this.#byNode.of(nodeId);
  }

  tallies(serviceId: string): IterableIterator<Tally> {
    return this.#tallies.of(serviceId);
  }

  unassigned(): IterableIterator<Task> {
    return this.#unassigned.values();
  }

  usage(nodeId: string): NodeUsage {
    return this.#usage.get(nodeId) ?? NO_USAGE;
  }

  /** Moves the view on by one commit, whose `before`s are the view's present objects. */
  apply(commit: Commit): void {
    for (const event of commit.events) this.#applyEvent(event);
    this.#revision = commit.revision;
  }

  #applyEvent(event: StoreEvent): void {
    const objects: Map<string, Kinds[Kind]> = this.#objects[event.kind];
    if (event.after) objects.set(event.id, event.after);
    else objects.delete(event.id);

    if (event.kind === 'task') this.#indexTask(event.id, event.before, event.after);
    else if (isNamed(event)) this.#indexName(event);
    if (event.kind === 'node') this.#indexManager(event);
  }

  #indexName(event: EventOf<Named>): void {
    const names: Groups<Kinds[Named]> = this.#names[event.kind];
    names.move(event.id, nameOf(event.kind, event.before), nameOf(event.kind, event.after), event.after);
  }

  #indexManager({ id, after }: EventOf<'node'>): void {
    if (after?.ManagerStatus) this.#managers.set(id, after);
    else this.#managers.delete(id);
  }

  #indexTask(id: string, before: Task | undefined, after: Task | undefined): void {
    this.#byService.move(id, before?.ServiceID, after?.ServiceID, after);
    this.#byNode.move(id, before?.NodeID, after?.NodeID, after);
    this.#tallies.move(before, after);
    this.#queue(id, before, after);

    const from = before && countedOn(before);
    const to = after && countedOn(after);
    if (from === to && before?.ServiceID === after?.ServiceID) return;
    if (from) this.#count(from, before!.ServiceID, -1);
    if (to) this.#count(to, after!.ServiceID, +1);
  }

  #queue(id: string, before: Task | undefined, after: Task | undefined): void {
    if (!after || !isUnassigned(after)) this.#unassigned.delete(id);
    else if (!before || this.#unassigned.has(id)) this.#unassigned.set(id, after);
    else {
      // States only move forward, so no task ever comes back to the queue; should one, order of creation still holds.
      this.#unassigned = new Map();
      for (const task of this.#objects.task.values())
        if (isUnassigned(task)) this.#unassigned.set(task.ID, task);
    }
  }

  #count(nodeId: string, serviceId: string, by: 1 | -1): void {
    let usage = this.#usage.get(nodeId);
    if (!usage) {
      usage = { tasks: 0, tasksByService: new Map() };
      this.#usage.set(nodeId, usage);
    }
    usage.tasks += by;
    const ofService = (usage.tasksByService.get(serviceId) ?? 0) + by;
    if (ofService === 0) usage.tasksByService.delete(serviceId);
    else usage.tasksByService.set(serviceId, ofService);
    if (usage.tasks === 0) this.#usage.delete(nodeId);
  }
}

const NAMED: ReadonlySet<Kind> = new Set<Named>(['node', 'service', 'network', 'secret', 'config']);

function isNamed(event: StoreEvent): event is { [K in Named]: EventOf<K> }[Named] {
  return NAMED.has(event.kind);
}

/** The key of the name index; absent for an object without a name. */
function nameOf(kind: Named, object: Kinds[Named] | undefined): string | undefined {
  const name = kind === 'node' ? (object as Node | undefined)?.Description?.Hostname : object?.Spec.Name;
  return name?.toLowerCase() || undefined;
}

/** The node on which a task is counted in `usage`. */
function countedOn(task: Task): string | undefined {
  return task.NodeID && compareStates(task.DesiredState, 'complete') <= 0 ? task.NodeID : undefined;
}

function isUnassigned(task: Task): boolean {
  return (
    !task.NodeID &&
    compareStates(task.DesiredState, 'complete') <= 0 &&
    compareStates(task.Status.State, 'pending') <= 0
  );
}
