/** Which stack something belongs to: stacks are nothing but a label. */
import type { View } from '../store/contract.ts';
import type { Target } from './grants.ts';

export const STACK_LABEL = 'com.docker.stack.namespace';

interface Labelled {
  Labels?: Record<string, string> | null;
}

/** The stack of what has those labels. */
export function stackOf({ Labels }: Labelled): string | undefined {
  return Labels?.[STACK_LABEL] || undefined;
}

/** What a path names, by its full id, and the stack that it belongs to. */
export interface Owned {
  id: string;
  stack: string | undefined;
}

/** What was named, as the cluster knows it; undefined if it is not the cluster's. `find` looks a container up. */
export function ownedBy(
  view: View,
  target: Exclude<Target, 'exec'>,
  name: string,
  find: (reference: string) => { taskId: string; container: string } | undefined,
): Owned | undefined {
  switch (target) {
    case 'stack':
      return { id: name, stack: name };
    case 'task': {
      const task = view.get('task', name);
      return task && { id: task.ID, stack: stackOf(task.internal.service) };
    }
    case 'container': {
      const place = find(name);
      const task = place && view.get('task', place.taskId);
      return task && { id: place.container, stack: stackOf(task.internal.service) };
    }
    default: {
      const object =
        view.get(target, name) ?? view.byName(target, name).find(({ Spec }) => Spec.Name === name);
      return object && { id: object.ID, stack: stackOf(object.Spec) };
    }
  }
}
