/** Backups as files of a folder. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type BackupHeader, HEAD_BYTES, readHeader } from '../../manager/backup/archive.ts';

export interface BackupFile {
  path: string;
  bytes: number;
  header: BackupHeader;
}

/** What a file says of itself. @throws ApiError 400 if it is no backup */
export function headerOf(file: Buffer): BackupHeader {
  return readHeader(file.subarray(0, HEAD_BYTES));
}

/** How a file is called while it is being written, or was when its writer was killed. */
export const UNFINISHED = '.part';

/** The backups in a folder, oldest first; what is none, or none yet, is passed over. */
export function listBackups(folder: string): BackupFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(UNFINISHED))
    .flatMap(({ name }) => readBackup(join(folder, name)) ?? [])
    .sort((a, b) => a.header.created.localeCompare(b.header.created));
}

/** Undefined if it is no backup, may not be read, or has been removed meanwhile. */
function readBackup(path: string): BackupFile | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const beginning = Buffer.alloc(HEAD_BYTES);
    const read = readSync(file, beginning, 0, HEAD_BYTES, 0);
    return { path, bytes: fstatSync(file).size, header: readHeader(beginning.subarray(0, read)) };
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Writes a file that is there whole or not at all, for its owner's eyes only. */
export async function writeBackup(path: string, parts: AsyncIterable<Buffer>): Promise<void> {
  const temporary = `${path}${UNFINISHED}`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    for await (const part of parts) writeSync(file, part);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** The first line of the file. Throws if there is none. */
export function readPassphrase(file: string): string {
  const [line = ''] = readFileSync(file, 'utf8').split('\n');
  const passphrase = line.replace(/\r$/, '');
  if (passphrase === '') throw new Error(`${file} has no passphrase in its first line`);
  return passphrase;
}
