/** What becomes of a service and its tasks, whatever its mode. */
import { modeOf } from '../model/defaults.ts';
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

/** The service is gone: its tasks follow. */
function removeTasks(draft: Draft, serviceId: string): void {
  const leaving = [];
  for (const task of draft.view.tasksOfService(serviceId)) {
    if (task.DesiredState === 'remove') leaving.push(task);
    else if (draft.full()) return;
    else draft.want(task, 'remove');
  }
  reapLeaving(draft, leaving);
}
