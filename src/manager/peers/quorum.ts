/** What a number of managers survives, and which of them may go. */

export interface Voter {
  /** Id of the member. */
  id: string;
  /** Whether it takes part just now. */
  reachable: boolean;
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

/** What is to be said of a number of managers that survives no more than one fewer would; undefined if it is a good one. */
export function advice(managers: number): string | undefined {
  if (managers < 2 || managers % 2 === 1) return undefined;
  const lost = survivable(managers);
  if (managers === 2) {
    return 'with two managers nothing can be changed any more as soon as one of them is lost, which then cannot be removed either: promote a third one';
  }
  return `${managers} managers survive the loss of ${lost} at a time, as ${managers - 1} would: promote one more, and they survive ${survivable(managers + 1)}`;
}
