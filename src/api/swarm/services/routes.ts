/** Services: list, inspect, remove; what writes them is in write.ts. */

import { modeOf } from '../../../model/defaults.ts';
import type { Service, Task } from '../../../model/objects.ts';
import type { Tally, View } from '../../../store/contract.ts';
import { parseFilters } from '../../filters.ts';
import { compareVersions } from '../../query.ts';
import type { RouteModule } from '../../router.ts';
import { leaderOf, managerOf } from '../access.ts';
import { findService } from '../lookup.ts';
import { goBool } from '../query.ts';
import { type ServiceStatus, serviceForm } from './form.ts';
import { createService, updateService } from './write.ts';

const FILTERS = ['id', 'label', 'mode', 'name', 'runtime'];

export const serviceRoutes: RouteModule = (router, context) => {
  const { membership } = context;

  router.get('/services', ({ query, apiVersion }) => {
    const filters = parseFilters(query, FILTERS);
    const withStatus = compareVersions(apiVersion, '1.41') >= 0 && goBool(query, 'status');
    const { view } = managerOf(membership).store;
    const lost = withStatus ? lostTasks(view) : undefined;
    const runtimes = filters.get('runtime');
    if (runtimes.length > 0 && !runtimes.includes('container')) return { status: 200, body: [] };
    const services = [...view.all('service')].filter(
      ({ ID, Spec }) =>
        filters.prefix('id', ID) &&
        filters.prefix('name', Spec.Name ?? '') &&
        filters.labels('label', Spec.Labels) &&
        filters.exact('mode', modeOf(Spec).kind),
    );
    const body = services.map((service) =>
      serviceForm(service, view, {
        status: lost && statusOf(service, view.tallies(service.ID), lost.get(service.ID) ?? []),
      }),
    );
    return { status: 200, body };
  });

  router.get('/services/{id}', ({ params, query }) => {
    const insertDefaults = goBool(query, 'insertDefaults');
    const { view } = managerOf(membership).store;
    return { status: 200, body: serviceForm(findService(view, params.id!), view, { insertDefaults }) };
  });

  router.post('/services/create', (request) => createService(request, context));
  router.post('/services/{id}/update', (request) => updateService(request, context));

  router.delete('/services/{id}', async ({ params }) => {
    const { store } = leaderOf(membership);
    await store.commit((view) => {
      const { ID, Version } = findService(view, params.id!);
      const credential = view.get('credential', ID);
      return {
        changes: [
          { op: 'delete', kind: 'service', id: ID, revision: Version.Index },
          ...(credential
            ? [
                {
                  op: 'delete' as const,
                  kind: 'credential' as const,
                  id: ID,
                  revision: credential.Version.Index,
                },
              ]
            : []),
        ],
      };
    });
    return { status: 200 };
  });
};

/** By service, the tasks on lost hosts. */
function lostTasks(view: View): Map<string, Task[]> {
  const down = [...view.all('node')].filter(({ Status }) => Status.State === 'down');
  return Map.groupBy(
    down.flatMap(({ ID }) => [...view.tasksOfNode(ID)]),
    ({ ServiceID }) => ServiceID,
  );
}

/**
 * How many tasks run, are wanted, and (of a job's present iteration) are done; wanted is also what was tried in vain. What a
 * lost host said last is no running task: Docker Swarm counts it, and shows 8/6 until the host comes back.
 */
function statusOf(service: Service, tallies: Iterable<Tally>, lost: readonly Task[]): ServiceStatus {
  const mode = modeOf(service.Spec);
  const status = { RunningTasks: 0, DesiredTasks: 0, CompletedTasks: 0 };
  if (mode.kind === 'replicated') status.DesiredTasks = mode.replicas;
  if (mode.kind === 'replicated-job') status.DesiredTasks = mode.maxConcurrent;
  const iteration = service.JobStatus?.JobIteration.Index;
  const isPresent = (index: number | undefined) => iteration === undefined || index === iteration;
  for (const { state, desired, iteration: index, finished, tasks } of tallies) {
    if (!isPresent(index)) continue;
    if (iteration !== undefined && state === 'complete') status.CompletedTasks += tasks;
    if (state === 'running') status.RunningTasks += tasks;
    const open = desired === 'ready' || desired === 'complete' || finished;
    if (mode.kind === 'global' && desired === 'running') status.DesiredTasks += tasks;
    if (mode.kind === 'global-job' && open && state !== 'complete') status.DesiredTasks += tasks;
  }
  for (const { Status, JobIteration } of lost) {
    if (isPresent(JobIteration?.Index) && Status.State === 'running') status.RunningTasks--;
  }
  return status;
}
