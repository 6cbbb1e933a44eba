/** When to have etcd forget what is old, and when to make a member's file smaller. */
import { type Alarm, CORRUPT, NOSPACE } from '../../store/etcd/maintenance-messages.ts';
import type { Member } from '../../store/etcd/member-messages.ts';

const MIB = 1024 * 1024;
/** So many of the last revisions are kept for views that lag. */
export const KEPT_REVISIONS = 10_000;
/** With so much in use (bytes) as much history as that cannot be had. */
const LARGE = 2048 * MIB;
const KEPT_OF_LARGE = 1000;
/** A file smaller than this (bytes) is never made smaller, and a larger one if so much of it is empty. */
const WORTH_IT = 256 * MIB;
const TIMES_IN_USE = 2;
/** A file is small enough for an alarm to end when it has so much of the quota at most. */
const ROOMY = 0.9;

export interface Sizes {
  /** Bytes of the file, and those of it that hold something. */
  dbSize: number;
  dbSizeInUse: number;
}

export interface Compaction extends Sizes {
  /** etcd's revision now, and a round ago; undefined: nobody has looked then. */
  revision: number;
  before: number | undefined;
  /** What a view on this host has not been told of yet begins after this revision. */
  needed: number;
  alarmed: boolean;
}

/** Up to which revision to forget; undefined: nothing. What was written since the last round is always kept. */
export function compactTo({
  revision,
  before,
  needed,
  dbSizeInUse,
  alarmed,
}: Compaction): number | undefined {
  const kept = alarmed ? 0 : dbSizeInUse > LARGE ? KEPT_OF_LARGE : KEPT_REVISIONS;
  const target = Math.min(revision - kept, before ?? 0, needed);
  return target > 0 ? target : undefined;
}

/** Whether a member's file should be made smaller, which is worth it. */
export function wantsDefragmentation({ dbSize, dbSizeInUse }: Sizes): boolean {
  return dbSize > WORTH_IT && dbSize > TIMES_IN_USE * dbSizeInUse;
}

/** Whether a member has room again. */
export function hasRoom({ dbSize }: Sizes, quota: number): boolean {
  return dbSize < ROOMY * quota;
}

/**
 * In which round after it has been seen that it should be done a member's file is made smaller: two apart for each, so
 * that no two are at it, and the one that leads is the last.
 */
export function turnOf(members: readonly Member[], id: string, leader: string): number {
  const order = members
    .filter(({ isLearner }) => !isLearner)
    .map(({ ID }) => ID)
    .sort((a, b) => Number(a === leader) - Number(b === leader) || (a < b ? -1 : 1));
  return 2 * Math.max(0, order.indexOf(id));
}

/** What is to be said of alarms, one line for each. */
export function alarmTexts(alarms: readonly Alarm[], members: readonly Member[], quota: number): string[] {
  return alarms.map(({ memberID, alarm }) => {
    const name = members.find(({ ID }) => ID === memberID)?.name || memberID;
    if (alarm === NOSPACE) {
      return `the state on manager ${name} has reached ${Math.round(quota / MIB)} MiB, and nothing can be written any more: remove services, configs or secrets that are not needed; it goes on by itself within some minutes`;
    }
    if (alarm === CORRUPT) {
      return `the state on manager ${name} is not the one that the other managers have: demote it, and promote it again`;
    }
    return `etcd on manager ${name} has raised alarm ${alarm}`;
  });
}
