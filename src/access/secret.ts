/** Secrets that are handed out once and known by their digest from then on. */
import { createHash, randomBytes } from 'node:crypto';

/** 256 bits; `prefix` says what it is to whoever finds it. */
export function newSecret(prefix = ''): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** What is kept of it. The secret is random: no salt, no stretching. */
export function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** A code that a person can type: four groups of five of 31 characters, 99 bits. */
export function newCode(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const text = Array.from(randomBytes(80))
    // Even chances: 248 is the largest multiple of 31 in a byte.
    .filter((byte) => byte < 248)
    .slice(0, 20)
    .map((byte) => letters[byte % letters.length])
    .join('');
  return text.replace(/.{5}(?=.)/g, '$&-');
}
