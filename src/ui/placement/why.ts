/** Why a task is where it is: what it waits for, and for each node what it lacks. Pure. */
import type { Filter } from '../../control/scheduler/filters.ts';
import { filtersFor } from '../../control/scheduler/filters.ts';
import { NodeLoad } from '../../control/scheduler/node-load.ts';
import { meetsConstraints, parseConstraints } from '../../model/constraint.ts';
import type { Node, Task } from '../../model/objects.ts';
import { atLeast } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';
import type { NodeVerdict, Why } from '../protocol.ts';

/** Answers for one task. `now` in milliseconds. */
export function why(task: Task, view: View, now: number): Why {
  const { Status, DesiredState } = task;
  const common = { state: Status.State, desired: DesiredState, message: Status.Message, error: Status.Err };
  const stage = stageOf(task);
  const notBefore = task.internal.notBefore;
  return {
    ...common,
    stage,
    nodes: stage === 'schedule' ? verdicts(task, view) : [],
    ...(notBefore !== undefined && notBefore > now && { next: new Date(notBefore).toISOString() }),
    ...(task.internal.restartCount !== undefined && { restarts: task.internal.restartCount }),
  };
}

function stageOf({ Status: { State }, DesiredState }: Task): Why['stage'] {
  if (atLeast(State, 'complete')) return 'over';
  if (DesiredState === 'ready') return 'back-off';
  switch (State) {
    case 'new':
      return 'allocate';
    case 'pending':
      return 'schedule';
    case 'assigned':
    case 'accepted':
      return 'host';
    case 'preparing':
      return 'prepare';
    case 'ready':
    case 'starting':
      return 'start';
    default:
      return 'running';
  }
}

/** For each node the first filter that it fails, as the scheduler asks them. */
function verdicts(task: Task, view: View): NodeVerdict[] {
  const filters = filtersFor(view, task);
  return [...view.all('node')].map((node) => verdict(task, node, loadOf(node, view), filters));
}

export function loadOf(node: Node, view: View): NodeLoad {
  const load = new NodeLoad();
  for (const each of view.tasksOfNode(node.ID)) load.add(each);
  return load;
}

/** Whether the task fits on that node with that load. */
export function verdict(task: Task, node: Node, load: NodeLoad, filters: readonly Filter[]): NodeVerdict {
  const failed = filters.find((filter) => !filter.check(node, load));
  const name = node.Description?.Hostname || node.ID;
  if (!failed) return { node: node.ID, name, fits: true, text: 'would fit' };
  return { node: node.ID, name, fits: false, filter: failed.name, text: explain(failed, task, node, load) };
}

function explain(filter: Filter, task: Task, node: Node, load: NodeLoad): string {
  switch (filter.name) {
    case 'ready': {
      const availability = node.Spec.Availability || 'active';
      return node.Status.State === 'ready'
        ? `its availability is ${availability}`
        : `it is ${node.Status.State}`;
    }
    case 'resources':
      return lack(task, node, load);
    case 'constraints': {
      const all = task.Spec.Placement?.Constraints ?? [];
      const unmet = all.filter((each) => !meetsConstraints(parseConstraints([each]), node));
      return `it does not meet ${unmet.join(', ')}`;
    }
    case 'platform': {
      const platform = node.Description?.Platform;
      const wanted = (task.Spec.Placement?.Platforms ?? []).map(
        ({ OS, Architecture }) => `${OS}/${Architecture}`,
      );
      return `it is ${platform?.OS}/${platform?.Architecture}, the image is for ${wanted.join(', ')}`;
    }
    case 'max replicas':
      return `it has ${load.byService.get(task.ServiceID) ?? 0} tasks of this service, the most that are allowed`;
    case 'host ports':
      return 'a port that it is to publish there is in use by another task';
    default:
      return 'it has not the plugin that the task needs';
  }
}

function lack(task: Task, node: Node, load: NodeLoad): string {
  const { NanoCPUs = 0, MemoryBytes = 0, GenericResources } = task.Spec.Resources?.Reservations ?? {};
  const has = node.Description?.Resources;
  const cpus = (has?.NanoCPUs ?? 0) - load.nanoCPUs;
  const memory = (has?.MemoryBytes ?? 0) - load.memoryBytes;
  const parts: string[] = [];
  if ((NanoCPUs ?? 0) > cpus)
    parts.push(`processors: needs ${amount(NanoCPUs!, 1e9)}, ${amount(cpus, 1e9)} free`);
  if ((MemoryBytes ?? 0) > memory)
    parts.push(`memory: needs ${memoryText(MemoryBytes!)}, ${memoryText(memory)} free`);
  if (parts.length === 0)
    parts.push(
      `it has not enough of ${(GenericResources ?? [])
        .map((each) => each.DiscreteResourceSpec?.Kind ?? each.NamedResourceSpec?.Kind)
        .join(', ')}`,
    );
  return parts.join('; ');
}

function memoryText(value: number): string {
  return value < 2 ** 30 ? `${amount(value, 2 ** 20)} MiB` : `${amount(value, 2 ** 30)} GiB`;
}

function amount(value: number, unit: number): string {
  return String(Number((Math.max(0, value) / unit).toFixed(2)));
}
