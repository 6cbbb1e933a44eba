/** Tells the state of a swarm's only manager of once, put back from a copy, from the swarm's state of today. */
import type { DownMessage } from '../model/protocol.ts';

/** What a session says of the state that it is from. */
export type StateTold = Pick<DownMessage & { type: 'session' }, 'revision' | 'several'>;

/**
 * A backup is restored onto one manager alone as well, but at a revision that is further than this beyond all that anybody
 * has seen (manager/backup/restored.ts).
 */
const RESTORED = 500_000;

/**
 * Whether that is the state of the time before the swarm had several managers, for who has had a session with one of
 * these, at revision `seen` at least (undefined: never): the state of several is never moved back to one.
 */
export function isEarlierState({ revision, several }: StateTold, seen: number | undefined): boolean {
  return several === false && seen !== undefined && revision < seen + RESTORED;
}
