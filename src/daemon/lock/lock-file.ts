/**
 * DATA/swarm/lock.json, there exactly while a manager needs a key to start. The host's other files are encrypted with a
 * file key that never changes while the lock is on; this file has the file key, encrypted with each unlock key that opens
 * it. So another unlock key is one file that is replaced, and there is no moment at which none opens everything.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseUnlockKey } from '../../identity/unlock-key.ts';
import { seal, unseal } from '../../model/sealed.ts';
import { replacePrivate } from '../../store/encoding/files.ts';

const FORMAT = 1;
const PLACE = 'essaim lock';
const KEY_BYTES = 32;

interface LockContent {
  format: number;
  seals: string[];
}

export interface LockFile {
  /** How many unlock keys open it. */
  readonly keys: number;
  /** The file key; undefined if this is not one of the unlock keys. */
  open(unlockKey: string): Buffer | undefined;
}

/** The lock of the swarm folder; undefined if there is none. Throws if it cannot be read. */
export function readLock(folder: string): LockFile | undefined {
  const path = pathIn(folder);
  let content: LockContent;
  try {
    content = JSON.parse(readFileSync(path, 'utf8')) as LockContent;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read (${(error as Error).message}): restore it from a copy`);
  }
  const { format, seals } = content;
  if (format > FORMAT)
    throw new Error(`${path} was written by a newer Essaim: start that version again; nothing was changed`);
  return {
    keys: seals.length,
    open(unlockKey) {
      const key = parseUnlockKey(unlockKey);
      if (key?.length !== KEY_BYTES) return undefined;
      for (const each of seals) {
        try {
          return Buffer.from(unseal(Buffer.from(each, 'base64'), PLACE, key), 'base64');
        } catch {
          // It may be the other one.
        }
      }
      return undefined;
    },
  };
}

/** Has these unlock keys, and no others, open the file key; durable when it returns. */
export function writeLock(folder: string, fileKey: Buffer, unlockKeys: readonly string[]): void {
  const seals = unlockKeys.map((text) =>
    seal(fileKey.toString('base64'), PLACE, parseUnlockKey(text)!).toString('base64'),
  );
  const content: LockContent = { format: FORMAT, seals };
  replacePrivate(pathIn(folder), `${JSON.stringify(content)}\n`);
}

export function removeLock(folder: string): void {
  rmSync(pathIn(folder), { force: true });
}

export function newFileKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

function pathIn(folder: string): string {
  return join(folder, 'lock.json');
}
