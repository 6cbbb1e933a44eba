/** What it would mean to take the tasks off a node: where each would fit, and which services would have none left. Pure. */
import { filtersFor } from '../../control/scheduler/filters.ts';
import type { Node, Task } from '../../model/objects.ts';
import { atLeast } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';
import { modeOf, shortName } from '../live/rows.ts';
import type { DrainPlan, DrainRow } from '../protocol.ts';
import { loadOf, verdict } from './why.ts';

/** As if all its tasks were stopped now, and one after the other made up for elsewhere. */
export function drainPlan(node: Node, view: View): DrainPlan {
  const others = [...view.all('node')]
    .filter(({ ID }) => ID !== node.ID)
    .map((other) => ({ other, load: loadOf(other, view) }));
  const leaving = [...view.tasksOfNode(node.ID)].filter(isWanted);
  const tasks = leaving.map((task): DrainRow => {
    const service = view.get('service', task.ServiceID);
    const common = {
      ...{ task: task.ID, name: shortName(task, node), service: task.ServiceID },
      volumes: localVolumes(task),
    };
    if (service && modeOf(service).startsWith('global'))
      return { ...common, isGlobal: true, fits: [], why: [] };
    const next = { ...task, Spec: service?.Spec.TaskTemplate ?? task.Spec };
    const filters = filtersFor(view, next);
    const verdicts = others.map(({ other, load }) => verdict(next, other, load, filters));
    const fits = verdicts.filter(({ fits }) => fits).map(({ name }) => name);
    const place = others
      .filter((_, index) => verdicts[index]!.fits)
      .toSorted((a, b) => burden(a.load, task) - burden(b.load, task) || a.load.tasks - b.load.tasks)[0];
    if (place) {
      const wanted = next.Spec.Resources?.Reservations?.GenericResources ?? [];
      const AssignedGenericResources = place.load.genericLeft(place.other).choose(wanted);
      place.load.add({ ...next, NodeID: place.other.ID, AssignedGenericResources });
    }
    const why = place ? [] : verdicts.map(({ name, text }) => `${name}: ${text}`);
    return { ...common, fits, why };
  });
  const stuck = new Set(tasks.filter(({ fits }) => fits.length === 0).map(({ task }) => task));
  const emptied = [...new Set(leaving.map(({ ServiceID }) => ServiceID))].filter((id) =>
    [...view.tasksOfService(id)].filter(isWanted).every(({ ID }) => stuck.has(ID)),
  );
  const names = emptied.map((id) => view.get('service', id)?.Spec.Name ?? id);
  return { tasks, emptied: names.toSorted() };
}

/** It runs or is about to, and is made up for if it is stopped. */
function isWanted({ DesiredState, Status: { State } }: Task): boolean {
  return (DesiredState === 'running' || DesiredState === 'ready') && !atLeast(State, 'complete');
}

function burden({ byService }: { byService: ReadonlyMap<string, number> }, { ServiceID }: Task): number {
  return byService.get(ServiceID) ?? 0;
}

/** Volumes whose content stays on the node. */
function localVolumes({ Spec }: Task): string[] {
  const mounts = Spec.ContainerSpec?.Mounts ?? [];
  return mounts.flatMap(({ Type, Source, VolumeOptions }) => {
    const driver = VolumeOptions?.DriverConfig?.Name ?? 'local';
    return Type === 'volume' && Source && driver === 'local' ? [Source] : [];
  });
}
