/** One run of etcd in a member's folder: what it is started with, and why it has ended. */
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../identity/whole-file.ts';
import type { Exit } from './child.ts';
import { explainEnd, type MemberEnd } from './ends.ts';
import { type MemberSettings, memberFlags, peerUrl, type Start } from './flags.ts';
import { lastLines } from './log-file.ts';
import { LOG } from './record.ts';

/** The roots that it was started with. */
export const ROOTS = 'roots.pem';
/** Below so many free bytes a disk counts as full. */
const FULL = 1024 * 1024;

/** The arguments of etcd; it trusts the roots as they are now. */
export async function prepare(folder: string, settings: MemberSettings, start: Start): Promise<string[]> {
  const path = join(folder, ROOTS);
  const [wanted, present] = await Promise.all([
    readFile(settings.files.ca, 'utf8'),
    readFile(path, 'utf8').catch(() => undefined),
  ]);
  if (wanted !== present) await writeWhole(path, wanted);
  return flagsOf(folder, settings, start);
}

export function flagsOf(folder: string, settings: MemberSettings, start: Start): string[] {
  return memberFlags({ ...settings, files: { ...settings.files, ca: join(folder, ROOTS) } }, start);
}

/** Never rejects: what cannot be found out is left out. */
export async function explain(
  folder: string,
  { peerHost, peerPort }: Pick<MemberSettings, 'peerHost' | 'peerPort'>,
  exit: Exit,
): Promise<MemberEnd> {
  const disk = await statfs(folder).catch(() => undefined);
  const log = await lastLines(join(folder, LOG)).catch(() => []);
  const peer = peerUrl(peerHost, peerPort).slice('https://'.length);
  const diskFull = disk !== undefined && disk.bavail * disk.bsize < FULL;
  return explainEnd({ ...exit, log, folder, peer, diskFull });
}
