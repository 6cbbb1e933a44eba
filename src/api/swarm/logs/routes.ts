/** The logs of services and of single tasks. */
import { ApiError } from '../../../model/errors.ts';
import { isTerminal } from '../../../model/task-state.ts';
import type { View } from '../../../store/contract.ts';
import type { ManagerFace } from '../../contract.ts';
import { boolValue, compareVersions } from '../../query.ts';
import type { ApiRequest, Reply, RouteModule } from '../../router.ts';
import { managerOf } from '../access.ts';
import { findService, findTask } from '../lookup.ts';
import { type LogRequest, type LogSelection, readLogs } from './sources.ts';

export const logRoutes: RouteModule = (router, { membership }) => {
  router.get('/services/{id}/logs', (request) => {
    requireOutput(request.query);
    const manager = managerOf(membership);
    const service = findService(manager.store.view, request.params.id!);
    const tty = service.Spec.TaskTemplate?.ContainerSpec?.TTY ?? false;
    return answer(request, manager, tty, {
      tasks: (view) => view.tasksOfService(service.ID),
      includes: (task) => task.ServiceID === service.ID,
      isOver: (view) => view.get('service', service.ID) === undefined,
    });
  });

  router.get('/tasks/{id}/logs', (request) => {
    requireOutput(request.query);
    const manager = managerOf(membership);
    const { ID, Spec } = findTask(manager.store.view, request.params.id!);
    const taskOf = (view: View) => view.get('task', ID);
    return answer(request, manager, Spec.ContainerSpec?.TTY ?? false, {
      tasks: (view) => [taskOf(view)].filter((task) => task !== undefined),
      includes: (task) => task.ID === ID,
      isOver: (view) => isTerminal(taskOf(view)?.Status.State ?? 'orphaned'),
    });
  });
};

function answer(request: ApiRequest, manager: ManagerFace, tty: boolean, selection: LogSelection): Reply {
  const { query, signal, apiVersion } = request;
  const multiplexed = !tty;
  const wanted: LogRequest = {
    stdout: boolValue(query, 'stdout'),
    stderr: boolValue(query, 'stderr'),
    follow: boolValue(query, 'follow'),
    tail: readTail(query),
    since: readSince(query),
    format: { timestamps: boolValue(query, 'timestamps'), details: boolValue(query, 'details'), multiplexed },
  };
  const type =
    multiplexed && compareVersions(apiVersion, '1.42') >= 0
      ? 'application/vnd.docker.multiplexed-stream'
      : 'application/vnd.docker.raw-stream';
  return {
    status: 200,
    headers: { 'Content-Type': type },
    lasting: true,
    stream: readLogs(manager, selection, wanted, signal),
  };
}

function requireOutput(query: URLSearchParams): void {
  if (boolValue(query, 'stdout') || boolValue(query, 'stderr')) return;
  throw new ApiError(400, "must specify at least one of 'stdout' or 'stderr'");
}

/** The last lines of each task, by number. */
function readTail(query: URLSearchParams): string {
  const tail = query.get('tail') || 'all';
  if (/^-\d+$/.test(tail)) throw new ApiError(400, 'negative tail values not supported');
  if (!/^(all|\+?\d+)$/.test(tail)) {
    throw new ApiError(400, 'tail value must be a positive integer or "all"');
  }
  return tail;
}

/** Seconds since the epoch, with a fraction if need be. */
function readSince(query: URLSearchParams): string {
  const since = query.get('since') ?? '';
  if (!/^(-?\d+(\.\d+)?)?$/.test(since)) {
    const parsing = `strconv.ParseInt: parsing ${JSON.stringify(since)}: invalid syntax`;
    throw new ApiError(400, `could not parse since timestamp: ${parsing}`);
  }
  return since;
}
