import { compareToSpec, type Difference, placementHolds } from '../model/dirty.ts';
import type { Service, Task } from '../model/objects.ts';
import type { View } from '../store/contract.ts';

/** `isTaskDirty` for the many tasks of one service, which share a few spec versions. */
export function dirtyCheck(view: View, service: Service): (task: Task) => boolean {
  const known = new Map<number, Difference>();
  return (task) => {
    if (task.internal.specVersion === service.internal.specVersion) return false;
    let difference = known.get(task.internal.specVersion);
    if (difference === undefined) {
      difference = compareToSpec(service, task);
      known.set(task.internal.specVersion, difference);
    }
    if (difference === 'none') return false;
    if (difference === 'other') return true;
    return !placementHolds(service, task.NodeID === undefined ? undefined : view.get('node', task.NodeID));
  };
}
