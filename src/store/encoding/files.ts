/** Files that are there whole or not at all. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Makes the directory, for its owner alone, if it is not there. */
export function privateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Has `build` make a file under another name and gives it its own once it is on disk. Nothing happens if it exists,
 * also if another process makes it meanwhile.
 */
export function createOnce(path: string, build: (temporary: string) => void): void {
  if (existsSync(path)) return;
  const temporary = `${path}.${process.pid}.new`;
  rmSync(temporary, { force: true });
  try {
    build(temporary);
    sync(temporary);
    linkSync(temporary, path);
    sync(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Writes a file that only its owner may read. */
export function writePrivate(path: string, content: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, content);
  } finally {
    closeSync(file);
  }
}

/** Replaces a file that only its owner may read, or makes it: whatever happens it has the old content or the new. */
export function replacePrivate(path: string, content: string): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  writePrivate(temporary, content);
  sync(temporary);
  renameSync(temporary, path);
  sync(dirname(path));
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
