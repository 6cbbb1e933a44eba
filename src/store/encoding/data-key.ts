/** The key that secrets are encrypted with at rest. It lies in a file of its own, so that a copy of the database alone tells nothing. */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StoreError } from '../store-error.ts';
import { createOnce, writePrivate } from './files.ts';

const BYTES = 32;

export interface DataKey {
  key: Buffer;
  /** Tells this key from another one without telling the key. */
  fingerprint: string;
}

/** Makes the key file if there is none. */
export function createDataKey(path: string): void {
  createOnce(path, (temporary) => writePrivate(temporary, `${randomBytes(BYTES).toString('base64')}\n`));
}

/** Throws StoreError if there is no key. */
export function readDataKey(path: string): DataKey {
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
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== BYTES) {
    throw new StoreError(
      `${path}: this is not a data key (${BYTES} bytes in base64). Restore the file from a backup`,
    );
  }
  return { key, fingerprint: createHmac('sha256', key).update('essaim data key').digest('base64') };
}
