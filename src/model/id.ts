import { randomBytes } from 'node:crypto';

const LENGTH = 25;

/** A new object id as Docker Swarm makes them: 25 characters of lower-case base 36, about 129 bits of randomness. */
export function newId(random: (size: number) => Uint8Array = randomBytes): string {
  let value = 0n;
  for (const byte of random(17)) value = (value << 8n) | BigInt(byte);
  return value.toString(36).padStart(LENGTH, '0').slice(-LENGTH);
}
