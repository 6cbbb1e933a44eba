/** What becomes of a service and its tasks, whatever its mode. */
import { modeOf } from '../model/defaults.ts';
import type { Task } from '../model/objects.ts';
import { atLeast } from '../model/task-state.ts';
import type { ObjectPlanner } from './contract.ts';
import { Draft } from './draft.ts';
import { planGlobal } from './global.ts';
import { reapLeaving } from './history.ts';
import { planGlobalJob, planReplicatedJob } from './jobs.ts';
import { planReplicated } from './replicated.ts';

export const planService: ObjectPlanner = (view, id, context) => {
  const draft = new Draft(view, context);
  const service = view.get('service', id);
  if (!service) {
    removeTasks(draft, id);
    return draft.plan();
  }
  const mode = modeOf(service.Spec);
  switch (mode.kind) {
    case 'replicated':
      planReplicated(draft, service, mode.replicas);
      break;
    case 'global':
      planGlobal(draft, service);
      break;
    case 'replicated-job':
      planReplicatedJob(draft, service, mode);
      break;
    case 'global-job':
      planGlobalJob(draft, service);
      break;
  }
  return draft.plan();
};

/**
 * The service is gone: its tasks follow. Those that have a node and do not run yet come first, or else their agents would
 * go on starting them; those without a node are nobody's, and none of them gets one any more (scheduler/schedule.ts).
 */
function removeTasks(draft: Draft, serviceId: string): void {
  const tasks = [...draft.view.tasksOfService(serviceId)];
  const leaving = tasks.filter((task) => task.DesiredState === 'remove');
  const others = tasks.filter((task) => task.DesiredState !== 'remove');
  const [placed, unplaced] = partition(others, ({ Status }) => atLeast(Status.State, 'assigned'));
  const [up, coming] = partition(placed, ({ Status }) => atLeast(Status.State, 'running'));
  for (const task of [...coming, ...up]) {
    if (draft.full()) return;
    draft.want(task, 'remove');
  }
  for (const task of unplaced) {
    if (draft.full()) return;
    draft.delete('task', task);
  }
  reapLeaving(draft, leaving);
}

function partition(tasks: readonly Task[], belongs: (task: Task) => boolean): [Task[], Task[]] {
  return [tasks.filter(belongs), tasks.filter((task) => !belongs(task))];
}
