/** When a manager takes the lead, and when it lets go of it: rules only. */

/** What a manager sees of its own member of etcd, and through it of the others. */
export interface Sight {
  memberId: string;
  /** Id of the member that leads etcd; '': none. */
  raftLeader: string;
  raftTerm: number;
  /** The term of office that is on record. */
  lead: { holder: string; raftTerm: number; revision: number } | undefined;
}

export interface Standing {
  nodeId: string;
  /** etcd's revision at which this manager's term of office began; undefined: it has none. */
  since: number | undefined;
  /** How long (ms) there has been nobody on record. */
  vacant: number;
  /** The daemon of the one on record is certainly away. */
  gone: boolean;
  /** How long (ms) etcd has been without a leader, or has not answered. */
  leaderless: number;
  /** Whether this manager leaves the lead to others. */
  resigned: boolean;
}

/**
 * `take`: this manager has to put itself on record. `lost`: its term of office is over. `keep`: nothing changes. A term
 * of office survives that etcd is without a leader for a moment: its writes are fenced, and its agents would have to move.
 */
export type Decision = 'take' | 'lost' | 'keep';

/** How long (ms) the manager beside etcd's leader has to take a vacant lead before any other one does. */
export const VACANCY = 400;
/** How long (ms) a manager that has left the lead to others waits for one of them: better that one than none. */
export const RELUCTANCE = 5_000;
/** How long (ms) a manager that cannot see a leader of etcd goes on as if it led. */
export const PATIENCE = 3_000;

/** @param sight undefined: the member does not answer */
export function decide(sight: Sight | undefined, standing: Standing): Decision {
  const { nodeId, since, vacant, gone, leaderless, resigned } = standing;
  if (!sight || sight.raftLeader === '')
    return since !== undefined && leaderless >= PATIENCE ? 'lost' : 'keep';
  const { lead, memberId, raftLeader, raftTerm } = sight;
  if (since !== undefined) return lead?.holder === nodeId && lead.revision === since ? 'keep' : 'lost';
  if (resigned && vacant < RELUCTANCE) return 'keep';
  // From before this process, or before a pause: nobody else writes in that term, and its lease has an end.
  if (lead?.holder === nodeId) return 'take';
  if (raftLeader === memberId && (!lead || lead.raftTerm < raftTerm)) return 'take';
  return (lead ? gone : vacant >= VACANCY) ? 'take' : 'keep';
}
