/** Tasks: list and inspect. */
import { isTaskDirty } from '../../../model/dirty.ts';
import { ApiError } from '../../../model/errors.ts';
import type { Task } from '../../../model/objects.ts';
import { taskName } from '../../../model/task-context.ts';
import { TASK_STATES } from '../../../model/task-state.ts';
import type { View } from '../../../store/contract.ts';
import { type Filters, parseFilters } from '../../filters.ts';
import type { RouteModule } from '../../router.ts';
import { managerOf } from '../access.ts';
import { arrayOf } from '../array.ts';
import { findNode, findService, findTask } from '../lookup.ts';
import { taskText } from './json.ts';
import { KeptTasks } from './kept.ts';
import { eachTask } from './list.ts';

const FILTERS = ['_up-to-date', 'desired-state', 'id', 'label', 'name', 'node', 'runtime', 'service'];
const JSON_HEADERS = { 'Content-Type': 'application/json' };

export const taskRoutes: RouteModule = (router, { membership }) => {
  router.get('/tasks', ({ query }) => {
    const filters = parseFilters(query, FILTERS);
    const { view } = managerOf(membership).store;
    const tasks =
      filters.keys().length === 0
        ? keptOf(view).of([...view.all('task')], view)
        : eachTask(select(view, filters), view);
    return { status: 200, headers: JSON_HEADERS, stream: arrayOf(tasks) };
  });

  router.get('/tasks/{id}', ({ params }) => {
    const { view } = managerOf(membership).store;
    return { status: 200, headers: JSON_HEADERS, text: `${taskText(findTask(view, params.id!), view)}\n` };
  });
};

/** Of the list of all tasks; lists of some are short. */
const kept = new WeakMap<View, KeptTasks>();

function keptOf(view: View): KeptTasks {
  const tasks = kept.get(view) ?? new KeptTasks();
  kept.set(view, tasks);
  return tasks;
}

function select(view: View, filters: Filters): Task[] {
  const services = filters.get('service').map((input) => findService(view, input).ID);
  const nodes = filters.get('node').map((input) => findNode(view, input).ID);
  const states = desiredStates(filters);
  const runtimes = filters.get('runtime');
  if (runtimes.length > 0 && !runtimes.includes('container')) return [];
  const upToDate = filters.get('_up-to-date').length > 0;
  const result: Task[] = [];
  for (const task of candidates(view, services, nodes)) {
    if (services.length > 0 && !services.includes(task.ServiceID)) continue;
    if (nodes.length > 0 && !nodes.includes(task.NodeID ?? '')) continue;
    if (states.length > 0 && !states.includes(task.DesiredState)) continue;
    if (!filters.prefix('id', task.ID)) continue;
    if (filters.has('name') && !filters.prefix('name', taskName(task))) continue;
    if (!filters.labels('label', task.internal.service.Labels)) continue;
    if (upToDate && !isUpToDate(view, task)) continue;
    result.push(task);
  }
  return result;
}

/** As few tasks as the indexes allow among which are all of these services and nodes. */
function candidates(view: View, services: string[], nodes: string[]): Iterable<Task> {
  if (services.length > 0) return unique(services).flatMap((id) => [...view.tasksOfService(id)]);
  if (nodes.length > 0) return unique(nodes).flatMap((id) => [...view.tasksOfNode(id)]);
  return view.all('task');
}

function unique(values: string[]): string[] {
  return [...new Set(values)];
}

function desiredStates(filters: Filters): string[] {
  const values = filters.get('desired-state').filter((value) => value !== '');
  const known: readonly string[] = TASK_STATES;
  const unknown = values.find((value) => !known.includes(value.toLowerCase()));
  if (unknown !== undefined) throw new ApiError(500, `Invalid desired-state filter: '${unknown}'`);
  return values.map((value) => value.toLowerCase());
}

function isUpToDate(view: View, task: Task): boolean {
  const service = view.get('service', task.ServiceID);
  if (!service) return false;
  return !isTaskDirty(service, task, task.NodeID === undefined ? undefined : view.get('node', task.NodeID));
}
