/**
 * Controllers are pure: given the cluster as it is and the time, a planner returns the changes it wants and when it
 * wants to be asked again. The runtime (runtime.ts) watches the store, asks the planners, and commits.
 */
import type { Change, View } from '../store/contract.ts';

export interface PlanContext {
  /** Milliseconds since the epoch. */
  now: number;
  newId(): string;
}

export interface Plan {
  changes: Change[];
  /** Ask again at this time (ms) even if nothing changes. */
  wakeAt?: number;
}

/** Plans for one object (a service, a node) that may have become dirty. */
export type ObjectPlanner = (view: View, id: string, context: PlanContext) => Plan;
