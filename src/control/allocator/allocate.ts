import { timestamp } from '../../model/clock.ts';
import type { Task } from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';

/** Gives a new task what it needs of the cluster before it can be placed, and returns it as pending. */
export function allocate(_view: View, task: Task, now: number): Task {
  return {
    ...task,
    Status: {
      ...task.Status,
      State: 'pending',
      Timestamp: timestamp(now),
      Message: 'pending task scheduling',
    },
  };
}
