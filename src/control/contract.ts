/**
 * Controllers are pure: given the cluster as it is and the time, a planner returns the changes it wants and when it
 * wants to be asked again. The runtime (runtime.ts) watches the store, asks the planners, and commits.
 */
import type { Change, View } from '../store/contract.ts';

export interface PlanContext {
  /** Milliseconds since the epoch. */
  now: number;
  newId(): string;
  /** A planner may stop after about so many changes and say that there is more. */
  limit: number;
}

export interface Plan {
  /**
   * In an order in which they may be committed in parts: what stops a task comes before what replaces it, and a plan
   * made from a part of them completes it.
   */
  changes: Change[];
  /** Ask again at this time (ms) even if nothing changes. */
  wakeAt?: number;
  /** The planner stopped at the limit: ask again at once. */
  more?: boolean;
}

/** Plans for one object (a service, a node) that may have become dirty. */
export type ObjectPlanner = (view: View, id: string, context: PlanContext) => Plan;
