/** etcd's log: a file that it writes by itself, since it outlives the daemon, and that the daemon keeps small. */
import { type FileHandle, open, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';

/** Of a run that goes on for long, this much is kept when the file has become so large. */
const LIMIT = 16 * 1024 * 1024;
const KEPT = 1024 * 1024;
/** The end of a log in which the reason of an end is looked for. */
const END = 64 * 1024;

/** Each run begins its log anew; that of the run before stays beside it. Returns the file, open for adding to it. */
export async function beginLog(path: string): Promise<FileHandle> {
  await rename(path, old(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return open(path, 'a', 0o600);
}

/** Makes the log small if it has become large, while it is being written. A line or two of that moment may be lost. */
export async function trimLog(path: string, limit = LIMIT, kept = KEPT): Promise<void> {
  const { size } = await stat(path);
  if (size <= limit) return;
  await writeFile(old(path), await readFrom(path, size - kept), { mode: 0o600 });
  await truncate(path);
}

/** The last lines; none if there is no log. */
export async function lastLines(path: string): Promise<string[]> {
  try {
    const { size } = await stat(path);
    const text = (await readFrom(path, size - END)).toString();
    return text.split('\n').filter((line) => line !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export async function removeLog(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(old(path), { force: true });
}

async function readFrom(path: string, start: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const from = Math.max(0, start);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function old(path: string): string {
  return `${path}.old`;
}
