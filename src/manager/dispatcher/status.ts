/** What a reported status comes to: rules only. */
import { isDeepStrictEqual } from 'node:util';
import type { Task, TaskStatus } from '../../model/objects.ts';
import { atLeast, compareStates } from '../../model/task-state.ts';

export interface Report {
  nodeId: string;
  status: TaskStatus;
}

/** Two reports of one task, which may have overtaken each other on the way: the one that says more. */
export function laterReport(earlier: Report, later: Report): Report {
  return supersedes(later.status, earlier.status) ? later : earlier;
}

/** The task with the reported status, or undefined if the report is to be dropped. `now`: RFC 3339. */
export function applyReport(task: Task | undefined, report: Report, now: string): Task | undefined {
  if (!task || task.NodeID !== report.nodeId) return undefined;
  const { status } = report;
  const mayReport = atLeast(status.State, 'accepted') && !atLeast(status.State, 'remove');
  if (!mayReport || !atLeast(task.Status.State, 'assigned')) return undefined;
  if (!supersedes(status, task.Status)) return undefined;
  return { ...task, UpdatedAt: now, Status: status };
}

/** Never backwards; within one state, what is newer and says something else. */
function supersedes(status: TaskStatus, present: TaskStatus): boolean {
  const order = compareStates(status.State, present.State);
  if (order !== 0) return order > 0;
  if (Date.parse(status.Timestamp) < Date.parse(present.Timestamp)) return false;
  return !isDeepStrictEqual({ ...status, Timestamp: '' }, { ...present, Timestamp: '' });
}
