/** Backups by the clock, into a folder that keeps the newest of them. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ManagerFace } from '../../api/contract.ts';
import { type Clock, pause } from '../../model/clock.ts';
import type { Log } from '../process/log.ts';
import { listBackups, readPassphrase, UNFINISHED, writeBackup } from './files.ts';

export interface BackupOptions {
  folder: string;
  /** Milliseconds. */
  every: number;
  /** How many of a swarm's are kept. */
  keep: number;
  /** Absent: the unlock key is used. */
  passphraseFile?: string;
}

const SUFFIX = '.essaim';
/** How soon it is looked again whether this host is the manager that leads, and tried again what has failed (ms). */
const RETRY = 60_000;
/** The longest that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/** Makes backups until `signal` says otherwise, while this host has the manager that leads. Never rejects. */
export async function runSchedule(
  options: BackupOptions,
  {
    manager,
    clock,
    log,
    signal,
  }: {
    manager(): ManagerFace | undefined;
    clock: Clock;
    log: Log;
    signal: AbortSignal;
  },
): Promise<void> {
  while (!signal.aborted) {
    let wait = Math.min(RETRY, options.every);
    try {
      const leading = manager();
      if (leading?.leader.isHere()) wait = await backUpIfDue(options, leading, clock.now(), log);
    } catch (error) {
      log.error({ err: error }, `no backup could be written to ${options.folder}`);
    }
    await pause(clock, Math.min(wait, LONGEST), signal);
  }
}

/** @returns how long until the next one is due */
async function backUpIfDue(
  { folder, every, keep, passphraseFile }: BackupOptions,
  manager: ManagerFace,
  now: number,
  log: Log,
): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const cluster = manager.cluster().ID;
  const ours = () => listBackups(folder).filter(({ header }) => header.cluster === cluster);
  const newest = ours().at(-1);
  const due = newest ? Date.parse(newest.header.created) + every : now;
  // A clock that was put back makes none due for long.
  if (due > now && due - now <= every) return due - now;
  const prefix = cluster.slice(0, 8);
  // What a daemon that was killed has begun.
  for (const name of readdirSync(folder))
    if (name.startsWith(prefix) && name.endsWith(`${SUFFIX}${UNFINISHED}`)) rmSync(join(folder, name));
  const path = join(folder, `${prefix}-${new Date(now).toISOString().replace(/[:.]/g, '-')}${SUFFIX}`);
  await writeBackup(path, manager.backup(passphraseFile && readPassphrase(passphraseFile)));
  log.info({ path }, 'backup written');
  for (const { path: old } of ours().slice(0, -keep)) if (old.endsWith(SUFFIX)) rmSync(old, { force: true });
  return every;
}
