/** Where tests keep what databases write: these wait for the disk at each change, in tests for nothing. */
import { mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** Three members of etcd set half a gigabyte aside, and several tests have some. */
const NEEDED = 2 * 2 ** 30;

/** Makes a folder whose name begins so, in memory where there is enough of it. Who has it made removes it. */
export function memoryFolder(prefix: string): string {
  return mkdtempSync(join(room(MEMORY) >= NEEDED ? MEMORY : tmpdir(), prefix));
}

function room(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
