/**
 * The key that secrets are encrypted with at rest. It lies in a file of its own, so that a copy of the database alone tells
 * nothing. On a manager that locks itself the file is encrypted, with a key that this part does not know where from.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { seal, unseal } from '../../model/sealed.ts';
import { StoreError } from '../store-error.ts';
import { createOnce, replacePrivate, writePrivate } from './files.ts';

const BYTES = 32;
const PLACE = 'data key';
const SEALED = 'sealed ';

export interface DataKey {
  key: Buffer;
  /** Tells this key from another one without telling the key. */
  fingerprint: string;
}

/** Makes the key file if there is none. */
export function createDataKey(path: string): void {
  createOnce(path, (temporary) => writePrivate(temporary, `${randomBytes(BYTES).toString('base64')}\n`));
}

/**
 * Puts the key of a swarm in its place that this host joins as a manager. `key`: base64.
 * @param fileKey what the file is to be encrypted with, on a manager that locks itself
 */
export function replaceDataKey(path: string, key: string, fileKey: Buffer | undefined): void {
  replacePrivate(path, `${fileKey ? sealed(key, fileKey) : key}\n`);
}

/** @param fileKey what the file is encrypted with, if it is. @throws StoreError if there is no key */
export function readDataKey(path: string, fileKey?: Buffer): DataKey {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new StoreError(
      missing
        ? `${path}: the data key is missing; without it the secrets of the cluster cannot be read. Restore the file from a backup`
        : `${path}: the data key cannot be read (${(error as Error).message})`,
      { cause: error },
    );
  }
  const key = Buffer.from(opened(path, text.trim(), fileKey), 'base64');
  if (key.length !== BYTES) {
    throw new StoreError(
      `${path}: this is not a data key (${BYTES} bytes in base64). Restore the file from a backup`,
    );
  }
  return { key, fingerprint: createHmac('sha256', key).update('essaim data key').digest('base64') };
}

/** Has the file be encrypted with that key, as it may be already. @throws StoreError if it is with another one */
export function lockDataKey(path: string, fileKey: Buffer): void {
  const { key } = readDataKey(path, fileKey);
  if (readFileSync(path, 'utf8').startsWith(SEALED)) return;
  replacePrivate(path, `${sealed(key.toString('base64'), fileKey)}\n`);
}

function sealed(key: string, fileKey: Buffer): string {
  return SEALED + seal(key, PLACE, fileKey).toString('base64');
}

/** Has the file be in the clear. @throws StoreError if it is not encrypted with that key */
export function unlockDataKey(path: string, fileKey: Buffer): void {
  const { key } = readDataKey(path, fileKey);
  replacePrivate(path, `${key.toString('base64')}\n`);
}

function opened(path: string, text: string, fileKey: Buffer | undefined): string {
  if (!text.startsWith(SEALED)) return text;
  if (!fileKey) throw new StoreError(`${path}: the data key is locked. Unlock the swarm first`);
  try {
    return unseal(Buffer.from(text.slice(SEALED.length), 'base64'), PLACE, fileKey);
  } catch (error) {
    throw new StoreError(
      `${path}: the data key was locked together with other files than those beside it. Restore all of them from one backup`,
      { cause: error },
    );
  }
}
