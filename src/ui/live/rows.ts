/** Objects of the store as rows of the live lists. Pure. */
import { stackOf } from '../../access/stack.ts';
import { updateRules } from '../../model/defaults.ts';
import { compareToSpec, type Difference, placementHolds } from '../../model/dirty.ts';
import type { Node, Service, Task } from '../../model/objects.ts';
import { taskName } from '../../model/task-context.ts';
import { atLeast, compareStates } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';
import type {
  ContentRow,
  MemberRow,
  NetworkRow,
  NodeRow,
  PlaceRow,
  ServiceRow,
  StackRow,
  TaskRow,
  TileRow,
} from '../protocol.ts';

const MOST_PROBLEMS = 5;

export function serviceRow(service: Service, view: View): ServiceRow {
  const { ID, Version, Spec, UpdateStatus } = service;
  const { running, wanted, completed } = countsOf(service, view);
  return {
    id: ID,
    version: Version.Index,
    name: Spec.Name ?? ID,
    stack: stackOf(Spec),
    image: withoutDigest(Spec.TaskTemplate?.ContainerSpec?.Image ?? ''),
    mode: modeOf(service),
    ...{ running, wanted, completed },
    ports: (service.Endpoint.Ports ?? []).map((port) => ({
      published: port.PublishedPort || undefined,
      target: port.TargetPort ?? 0,
      protocol: port.Protocol || 'tcp',
      mode: port.PublishMode || 'ingress',
    })),
    update: UpdateStatus && updateRow(service, UpdateStatus),
    created: service.CreatedAt,
    updated: service.UpdatedAt,
    problems: running < wanted && completed < wanted ? problemsOf(view.tasksOfService(ID)) : [],
  };
}

function updateRow(
  { Spec, internal }: Service,
  { State, Message, StartedAt }: NonNullable<Service['UpdateStatus']>,
): NonNullable<ServiceRow['update']> {
  const { parallelism, order, delay, monitor, failureAction } = updateRules(
    Spec,
    State.startsWith('rollback'),
  );
  return {
    ...{ state: State, message: Message, started: StartedAt },
    rules: {
      parallelism: Number.isFinite(parallelism) ? parallelism : 0,
      ...{ order, delay, monitor, failureAction },
    },
    ...(internal.update && { slots: internal.update.slots, failures: internal.update.failures }),
  };
}

export function modeOf({ Spec: { Mode } }: Service): ServiceRow['mode'] {
  if (Mode?.Global) return 'global';
  if (Mode?.ReplicatedJob) return 'replicated-job';
  return Mode?.GlobalJob ? 'global-job' : 'replicated';
}

function countsOf(service: Service, view: View): { running: number; wanted: number; completed: number } {
  const mode = modeOf(service);
  const { Mode } = service.Spec;
  const iteration = service.JobStatus?.JobIteration.Index;
  let running = 0;
  let completed = 0;
  let placed = 0;
  for (const tally of view.tallies(service.ID)) {
    const isWanted = compareStates(tally.desired, 'complete') <= 0;
    if (tally.state === 'running' && isWanted) running += tally.tasks;
    if (tally.state === 'complete' && (iteration === undefined || tally.iteration === iteration))
      completed += tally.tasks;
    if (isWanted) placed += tally.tasks;
  }
  const wanted =
    mode === 'replicated'
      ? (Mode?.Replicated?.Replicas ?? 1)
      : mode === 'replicated-job'
        ? (Mode?.ReplicatedJob?.TotalCompletions ?? Mode?.ReplicatedJob?.MaxConcurrent ?? 1)
        : placed;
  return { running, wanted, completed: mode.endsWith('job') ? completed : 0 };
}

/** What is said of tasks that should run and do not, and of those that were to and have failed, most frequent first. */
function problemsOf(tasks: Iterable<Task>): string[] {
  const newest = new Map<string, Task>();
  for (const task of tasks) {
    const place = String(task.Slot ?? task.NodeID ?? task.ID);
    const before = newest.get(place);
    // In a slot that is being filled again, why it was not filled before.
    if (!before || task.Status.Err || compareTimes(task, before) > 0) {
      if (!before || task.Status.Err || !before.Status.Err) newest.set(place, task);
    }
  }
  const counts = new Map<string, number>();
  for (const { Status } of newest.values()) {
    if (Status.State === 'running' || Status.State === 'complete') continue;
    const reason = Status.Err || (Status.State === 'pending' ? 'waits for a node' : '');
    if (reason) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_PROBLEMS)
    .map(([reason, count]) => (count > 1 ? `${reason} (${count} tasks)` : reason));
}

function compareTimes(a: Task, b: Task): number {
  return Date.parse(a.CreatedAt) - Date.parse(b.CreatedAt);
}

export function taskRow(task: Task, view: View): TaskRow {
  const { Status, internal } = task;
  const node = task.NodeID === undefined ? undefined : view.get('node', task.NodeID);
  const container = Status.ContainerStatus;
  return {
    id: task.ID,
    version: task.Version.Index,
    name: shortName(task, node),
    service: task.ServiceID,
    serviceName: internal.service.Name,
    stack: stackOf(internal.service),
    slot: task.Slot,
    node: task.NodeID,
    nodeName: node && hostnameOf(node),
    image: withoutDigest(task.Spec.ContainerSpec?.Image ?? ''),
    state: Status.State,
    desired: task.DesiredState,
    at: Status.Timestamp,
    created: task.CreatedAt,
    message: Status.Message,
    error: Status.Err || undefined,
    container: container?.ContainerID || (atLeast(Status.State, 'ready') ? taskName(task) : undefined),
    exitCode: atLeast(Status.State, 'complete') ? container?.ExitCode : undefined,
    addresses: (task.NetworksAttachments ?? []).flatMap(({ Addresses }) => Addresses),
    ...(isOld(task, node, view) && { old: true }),
  };
}

/** How tasks of an earlier version of a service's spec differ from it: compared once for all of them. */
const differences = new WeakMap<Service, Map<number, Difference>>();

function isOld(task: Task, node: Node | undefined, view: View): boolean {
  const service = view.get('service', task.ServiceID);
  const { specVersion } = task.internal;
  if (!service || specVersion === service.internal.specVersion) return false;
  const known = differences.get(service) ?? new Map<number, Difference>();
  differences.set(service, known);
  const difference = known.get(specVersion) ?? compareToSpec(service, task);
  known.set(specVersion, difference);
  return difference === 'other' || (difference === 'placement' && !placementHolds(service, node));
}

/** A task as the map shows it: nothing of what is in it. */
export function tileRow(task: Task, view: View): TileRow {
  const { id, version, name, service, serviceName, stack, node, state, desired } = taskRow(task, view);
  return { id, version, name, service, serviceName, stack, node, state, desired };
}

export function placeRow(node: Node, view: View): PlaceRow {
  const { id, version, name, role, state, availability } = nodeRow(node, view);
  return { id, version, name, role, state, availability };
}

/** As `docker service ps` shows it. */
export function shortName(task: Task, node: Node | undefined): string {
  const { Name } = task.internal.service;
  if (task.Slot !== undefined) return `${Name}.${task.Slot}`;
  return `${Name}.${node ? hostnameOf(node) : (task.NodeID ?? task.ID)}`;
}

export function nodeRow(node: Node, view: View): NodeRow {
  const { Description, Spec, Status, ManagerStatus } = node;
  let reservedCpus = 0;
  let reservedMemory = 0;
  for (const task of view.tasksOfNode(node.ID)) {
    const isHeld = atLeast(task.Status.State, 'assigned') && compareStates(task.Status.State, 'running') <= 0;
    const reserved = task.Spec.Resources?.Reservations;
    if (!isHeld || !reserved) continue;
    reservedCpus += reserved.NanoCPUs ?? 0;
    reservedMemory += reserved.MemoryBytes ?? 0;
  }
  return {
    id: node.ID,
    version: node.Version.Index,
    name: hostnameOf(node),
    role: Spec.Role || 'worker',
    availability: Spec.Availability || 'active',
    state: Status.State,
    message: Status.Message || undefined,
    address: Status.Addr,
    leader: ManagerStatus?.Leader === true,
    manager: ManagerStatus !== undefined,
    engine: Description?.Engine.EngineVersion ?? '',
    platform: Description ? `${Description.Platform.OS}/${Description.Platform.Architecture}` : '',
    cpus: Description?.Resources.NanoCPUs ?? 0,
    memory: Description?.Resources.MemoryBytes ?? 0,
    ...{ reservedCpus, reservedMemory },
    tasks: view.usage(node.ID).tasks,
    labels: { ...Spec.Labels },
  };
}

/** Undefined if there is no service of that stack. */
export function stackRow(name: string, view: View): StackRow | undefined {
  const rows = [...view.all('service')]
    .filter(({ Spec }) => stackOf(Spec) === name)
    .map((each) => serviceRow(each, view));
  if (rows.length === 0) return undefined;
  let last: { number: number; actor: string; CreatedAt: string } | undefined;
  for (const each of view.all('stackRevision'))
    if (each.stack === name && each.number > (last?.number ?? 0)) last = each;
  const sum = (of: (row: ServiceRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    id: name,
    version: Math.max(...rows.map(({ version }) => version)),
    services: rows.length,
    converged: rows.filter(isConverged).length,
    running: sum(({ running }) => running),
    wanted: sum(({ wanted }) => wanted),
    updating: rows.filter(
      ({ update }) => update?.state === 'updating' || update?.state === 'rollback_started',
    ).length,
    revision: last?.number,
    by: last?.actor,
    updated: rows.map(({ updated }) => updated).reduce((a, b) => (a > b ? a : b)),
    problems: rows.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)),
  };
}

export function isConverged({ mode, running, wanted, completed }: ServiceRow): boolean {
  return mode.endsWith('job') ? completed >= wanted : running === wanted;
}

export function networkRow(id: string, view: View): NetworkRow | undefined {
  const network = view.get('network', id);
  if (!network) return undefined;
  const { Spec, internal } = network;
  return {
    id,
    version: network.Version.Index,
    name: Spec.Name ?? id,
    driver: Spec.Driver || 'overlay',
    scope: 'swarm',
    stack: stackOf(Spec),
    subnets: internal.allocated?.subnets.map(({ subnet }) => subnet) ?? [],
    encrypted: Spec.Options !== null && 'encrypted' in (Spec.Options ?? {}),
    attachable: Spec.Attachable === true,
    internal: Spec.Internal === true,
    created: network.CreatedAt,
    services: [...view.all('service')].filter((each) => isOn(each, id, Spec.Name ?? '')).map(nameOf),
  };
}

function isOn({ Spec, Endpoint }: Service, id: string, name: string): boolean {
  const networks = [...(Spec.TaskTemplate?.Networks ?? []), ...(Spec.Networks ?? [])];
  return (
    networks.some(({ Target }) => Target === id || Target === name) ||
    (Endpoint.VirtualIPs ?? []).some(({ NetworkID }) => NetworkID === id)
  );
}

/** Of a task that has an address on that network, or of another container that was attached to it. */
export function memberRow(id: string, network: string, view: View): MemberRow | undefined {
  const task = view.get('task', id);
  if (task) {
    const place = (task.NetworksAttachments ?? []).find(({ Network }) => Network.ID === network);
    if (!place || compareStates(task.Status.State, 'running') > 0) return undefined;
    const { version, name, node, nodeName, state } = taskRow(task, view);
    return { id, version, name, addresses: place.Addresses, node, nodeName, state, task: id };
  }
  const attached = view.get('attachment', id);
  if (attached?.NetworkID !== network) return undefined;
  const { container } = attached.internal;
  const node = view.get('node', attached.NodeID);
  return {
    ...{ id, version: attached.Version.Index, name: container?.name ?? 'a container that is being made' },
    ...{ addresses: attached.Addresses, node: attached.NodeID, nodeName: node && hostnameOf(node) },
    state: container === undefined ? 'being made' : container.running ? 'running' : 'stopped',
  };
}

export function contentRow(kind: 'secret' | 'config', id: string, view: View): ContentRow | undefined {
  const object = view.get(kind, id);
  if (!object) return undefined;
  const { Spec } = object;
  return {
    id,
    version: object.Version.Index,
    name: Spec.Name ?? id,
    stack: stackOf(Spec),
    created: object.CreatedAt,
    updated: object.UpdatedAt,
    labels: { ...Spec.Labels },
    services: [...view.all('service')].filter((each) => contentsOf(each, kind).includes(id)).map(nameOf),
  };
}

/** The ids of the secrets or configs that a service uses. */
export function contentsOf({ Spec }: Service, kind: 'secret' | 'config'): string[] {
  const container = Spec.TaskTemplate?.ContainerSpec;
  return kind === 'secret'
    ? (container?.Secrets ?? []).map(({ SecretID }) => SecretID ?? '')
    : (container?.Configs ?? []).map(({ ConfigID }) => ConfigID ?? '');
}

function nameOf({ ID, Spec }: Service): string {
  return Spec.Name ?? ID;
}

function hostnameOf({ ID, Description }: Node): string {
  return Description?.Hostname || ID;
}

function withoutDigest(image: string): string {
  return image.replace(/@sha256:[0-9a-f]{64}$/, '');
}
