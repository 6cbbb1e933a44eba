/**
 * Join tokens in Docker's format: `SWMTKN-1-DIGEST-SECRET`, DIGEST the SHA-256 of the root certificate's bytes in 50
 * and SECRET in 25 characters of lower-case base 36. The digest lets a joiner know the right manager, the secret lets a
 * manager know the joiner and its role.
 */
import { createHash } from 'node:crypto';
import { ApiError } from '../model/errors.ts';
import { newId } from '../model/id.ts';

export interface JoinToken {
  /** SHA-256 of the root certificate, 64 hexadecimal digits. */
  digest: string;
  secret: string;
}

const FORMAT = /^SWMTKN-1-([0-9a-z]{50})-([0-9a-z]{25})$/;

export function formatToken(token: JoinToken): string {
  const digest = BigInt(`0x${token.digest}`).toString(36).padStart(50, '0');
  return `SWMTKN-1-${digest}-${token.secret}`;
}

/** Throws Docker's errors: status 500, as its daemon has no better one for them. */
export function parseToken(text: string): JoinToken {
  const [, digits, secret] = FORMAT.exec(text) ?? [];
  if (digits === undefined || secret === undefined) throw new ApiError(500, 'invalid join token');
  let value = 0n;
  for (const digit of digits) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  const digest = value.toString(16).padStart(64, '0');
  if (digest.length > 64) throw new ApiError(500, 'invalid checksum digest length');
  return { digest, secret };
}

/** A new token that pins this root (one certificate as PEM). */
export function newToken(root: string, random?: (size: number) => Uint8Array): string {
  return formatToken({ digest: rootDigest(root), secret: newId(random) });
}

/** What tokens pin: the SHA-256 of the PEM text, as SwarmKit takes it. */
export function rootDigest(root: string): string {
  return createHash('sha256').update(root).digest('hex');
}
