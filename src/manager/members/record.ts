/**
 * Which member a folder is. It is noted in the member's data and beside it: data that is gone, or is another member's, or
 * of an etcd that is not ours is never started, since a member that has forgotten what it has promised the others breaks
 * what they have agreed on.
 */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../identity/whole-file.ts';
import { DATA } from './flags.ts';
import { removeLog } from './log-file.ts';

export interface MemberRecord {
  memberId: string;
  clusterId: string;
}

const BESIDE = 'member.json';
const WITHIN = join(DATA, 'member', 'essaim.json');
export const LOG = 'log';

/** What keeps a folder's data from being started. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  /** It is somebody else's data, and not to be removed. */
  readonly isForeign: boolean;
  constructor(message: string, isForeign = false) {
    super(message);
    this.isForeign = isForeign;
  }
}

/** Whether there is any data. */
export async function hasData(folder: string): Promise<boolean> {
  return stat(join(folder, DATA)).then(
    () => true,
    () => false,
  );
}

/** The member that this folder is; undefined if it is none. @throws FolderError if its data is not its own */
export async function readRecord(folder: string): Promise<MemberRecord | undefined> {
  const beside = await read(join(folder, BESIDE));
  const data = await hasData(folder);
  if (beside === undefined && !data) return undefined;
  const rejoin = 'this manager has to be removed from the managers and be promoted again';
  if (beside === undefined) {
    throw new FolderError(`${folder} has data of an etcd that has not become a manager’s: ${rejoin}`);
  }
  if (!data) throw new FolderError(`the data of etcd is missing in ${folder}: ${rejoin}`);
  const within = await read(join(folder, WITHIN));
  if (within?.memberId !== beside.memberId || within.clusterId !== beside.clusterId)
    throw new FolderError(
      `${join(folder, DATA)} has the data of another etcd, and is not used; ${rejoin}`,
      true,
    );
  return beside;
}

/** Notes durably which member the folder is. */
export async function writeRecord(folder: string, record: MemberRecord): Promise<void> {
  for (const path of [WITHIN, BESIDE]) await writeWhole(join(folder, path), JSON.stringify(record));
}

/** Removes a member's data and log. It must not run. */
export async function removeData(folder: string): Promise<void> {
  // Data without its note beside it is not started: so the note goes first.
  await rm(join(folder, BESIDE), { force: true });
  await rm(join(folder, DATA), { recursive: true, force: true });
  await removeLog(join(folder, LOG));
}

async function read(path: string): Promise<MemberRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { memberId, clusterId } = JSON.parse(text) as Partial<MemberRecord>;
    if (typeof memberId === 'string' && typeof clusterId === 'string') return { memberId, clusterId };
  } catch {
    // As below.
  }
  throw new FolderError(`${path} does not say which member of etcd this folder is: it was damaged`);
}
