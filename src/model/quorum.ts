/** What a number of managers survives, which of them may go, and when a further one may come. */
import type { Node } from './objects.ts';

export interface Voter {
  /** Id of the node. */
  id: string;
  /** Whether it takes part just now. */
  reachable: boolean;
}

/** The managers that have a vote. One that is about to become a manager has none yet. */
export function votersAmong(nodes: Iterable<Node>): Voter[] {
  return [...nodes].flatMap(({ ID, ManagerStatus }) =>
    ManagerStatus ? [{ id: ID, reachable: ManagerStatus.Reachability === 'reachable' }] : [],
  );
}

/** How many of so many voting members must take part for anything to be written. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** How many of so many managers may be lost at a time. */
export function survivable(voters: number): number {
  return Math.max(0, voters - quorum(Math.max(1, voters)));
}

/** Whether anything can be written. */
export function hasQuorum(voters: readonly Voter[]): boolean {
  return voters.filter(({ reachable }) => reachable).length >= quorum(voters.length);
}

/**
 * Whether the others can still write once that one is gone. Without a quorum now nobody can be removed at all; a member
 * that is not among the voters, a learner, may always go; the last one never.
 */
export function mayRemove(voters: readonly Voter[], id: string): boolean {
  const rest = voters.filter((voter) => voter.id !== id);
  if (!hasQuorum(voters) || rest.length === 0) return false;
  return rest.length === voters.length || hasQuorum(rest);
}

/**
 * Whether a further member may be added: only when all are there, which is etcd's own rule. One that is lost for good has
 * to be removed first, or the larger number would survive less than the smaller one.
 */
export function mayAdd(voters: readonly Voter[]): boolean {
  return voters.length > 0 && voters.every(({ reachable }) => reachable);
}

/** In Docker's words, which knows of this case alone. */
const TWO = `WARNING: Running Swarm in a two-manager configuration. This configuration provides
         no fault tolerance, and poses a high risk to lose control over the cluster.
         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the
         Swarm for fault-tolerance.`;

/** What is to be said of a number of managers that survives no more than one fewer would; undefined if it is a good one. */
export function advice(managers: number): string | undefined {
  if (managers < 2 || managers % 2 === 1) return undefined;
  if (managers === 2) return TWO;
  return `WARNING: Running Swarm with ${managers} managers: they survive the loss of ${survivable(managers)}, as ${managers - 1} would.
         One more would survive the loss of ${survivable(managers + 1)}.`;
}
