/** How far a deployment is: done only when all that should run runs, as it should be now. */
import type { PlanRow, ServiceRow, TaskRow } from '../../../src/ui/protocol.ts';

export interface ServiceProgress {
  service: ServiceRow;
  state: 'done' | 'going' | 'failed';
  /** What is so, in words. */
  text: string;
  /** Tasks that are as they should be, by the place that they have in the service. */
  tasks: TaskRow[];
  /** The one that has failed last. */
  failing?: TaskRow;
}

const ENDED = new Set(['complete', 'failed', 'rejected', 'shutdown', 'orphaned', 'remove']);
const FAILED = new Set(['failed', 'rejected']);
/** Updates that have ended otherwise than they should. */
const STOPPED: Record<string, string> = {
  paused: 'the update has stopped',
  rollback_started: 'it is being rolled back',
  rollback_paused: 'the roll-back has stopped',
  rollback_completed: 'it was rolled back',
};

/**
 * Of each service how far it is. `plan`: what the deployment has done; a service that it has left alone has not failed
 * because an update of it was rolled back some time ago.
 */
export function progressOf(
  services: readonly ServiceRow[],
  tasks: readonly TaskRow[],
  plan?: readonly PlanRow[],
): ServiceProgress[] {
  const isKept = (name: string): boolean =>
    plan?.some((each) => each.kind === 'service' && each.name === name && each.action === 'keep') === true;
  return services.map((service) => {
    const own = tasks.filter((task) => task.service === service.id);
    const current = own
      .filter(({ old, state }) => !old && !ENDED.has(state))
      .sort((a, b) => (a.slot ?? 0) - (b.slot ?? 0) || (a.name < b.name ? -1 : 1));
    const failing = own
      .filter(
        ({ state, error, old }) => FAILED.has(state) || (error !== undefined && !old && !ENDED.has(state)),
      )
      .sort((a, b) => (a.created < b.created ? 1 : -1))[0];
    const stopped = isKept(service.name) ? undefined : STOPPED[service.update?.state ?? ''];
    const made = { service, tasks: current };
    if (stopped) return { ...made, state: 'failed', text: stopped, ...(failing && { failing }) };
    const running = current.filter(({ state }) => state === 'running').length;
    const replaced = own.filter(({ old, state }) => old && !ENDED.has(state)).length;
    const isDone = service.mode.endsWith('job')
      ? service.completed >= service.wanted
      : running === service.wanted && replaced === 0 && service.update?.state !== 'updating';
    if (isDone) return { ...made, state: 'done', text: `${service.running} of ${service.wanted} run` };
    const text = service.mode.endsWith('job')
      ? `${service.completed} of ${service.wanted} are complete`
      : `${running} of ${service.wanted} run${replaced > 0 ? `, ${replaced} still to be replaced` : ''}`;
    // While something else is tried, what went wrong is told already.
    return { ...made, state: 'going', text, ...(failing && { failing }) };
  });
}

/** One word for all of it. */
export function overall(progress: readonly ServiceProgress[]): ServiceProgress['state'] {
  if (progress.some(({ state }) => state === 'failed')) return 'failed';
  return progress.length > 0 && progress.every(({ state }) => state === 'done') ? 'done' : 'going';
}
