import { randomBytes } from 'node:crypto';

const LENGTH = 25;
const SIZE = 17;

/** A new object id as Docker Swarm makes them: 25 characters of lower-case base 36, about 129 bits of randomness. */
export function newId(random: (size: number) => Uint8Array = take): string {
  let value = 0n;
  for (const byte of random(SIZE)) value = (value << 8n) | BigInt(byte);
  return value.toString(36).padStart(LENGTH, '0').slice(-LENGTH);
}

let pool = randomBytes(0);

/** Random bytes, each given out once. Asking the system for few at a time is what takes the time. */
function take(size: number): Uint8Array {
  if (pool.length < size) pool = randomBytes(256 * SIZE);
  const taken = pool.subarray(0, size);
  pool = pool.subarray(size);
  return taken;
}
