/** Unlock keys in Docker's format: `SWMKEY-1-` and 32 random bytes in base64 without padding. */
import { randomBytes } from 'node:crypto';

const PREFIX = 'SWMKEY-1-';
const BYTES = 32;

export function newUnlockKey(): string {
  return PREFIX + unpadded(randomBytes(BYTES));
}

/** The bytes that the text stands for, 32 if the key is one; undefined if it has not even the form of a key. */
export function parseUnlockKey(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const digits = text.slice(PREFIX.length);
  const bytes = Buffer.from(digits, 'base64');
  return unpadded(bytes) === digits ? bytes : undefined;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
