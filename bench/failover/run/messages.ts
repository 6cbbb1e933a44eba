/** What a manager's process is told, and what it tells. */
import type { Member } from '../../../src/store/etcd/member-messages.ts';
import type { Write } from '../../../src/store/testing/history.ts';

export interface ManagerConfig {
  name: string;
  address: string;
  /** Of the host: all that it keeps is in there. */
  folder: string;
  /** All managers. */
  hosts: { name: string; address: string }[];
  begin: 'found' | 'join' | 'again';
  /** For the ids of its writes: another one in each run of the process. */
  run: number;
}

export type Order =
  | { type: 'add'; url: string }
  | { type: 'promote'; memberId: string }
  | { type: 'joined'; memberId: string; members: Member[] }
  | { type: 'admitted' }
  | { type: 'write' }
  /** What is large is written as well, or not any more. */
  | { type: 'large'; on: boolean }
  /** Nothing more is written. */
  | { type: 'quiet' }
  | { type: 'dump' };

export type Word =
  /** It runs, and is not in the cluster yet. */
  | { type: 'started' }
  | { type: 'open' }
  | { type: 'added'; memberId: string; members: Member[] }
  | { type: 'promoted' }
  | { type: 'began'; id: string; at: number }
  | { type: 'ended'; write: Write }
  /** Who leads, as it sees it. */
  | { type: 'leader'; name: string | undefined }
  | { type: 'dump'; revisions: [string, number][]; counted: number; problems: string[] };

/** The peers' port of that address. */
export const peerOf = (address: string): string => `https://${address}:2380`;

/** Milliseconds, by one clock for all processes of this machine. */
export const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;
