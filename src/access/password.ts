/** Passwords: what is kept of them, and which are refused. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ApiError } from '../model/errors.ts';

const hash = promisify(argon2);

/** Memory in KiB, passes, lanes: 40 ms of processor and 19 MiB for each password that is checked. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 };
const TAG = 32;

const SHORTEST = 12;
const LONGEST = 256;
/** The beginnings of what everybody tries first, in the lengths that are let in. */
const COMMON = [
  ...[
    'password',
    'passw0rd',
    'qwertyuiop',
    'qwerty123456',
    'administrator',
    'letmein',
    'iloveyou',
    'welcome',
  ],
  ...['changeme', 'essaim', 'docker', 'portainer', 'abcdefghijkl', 'monkey', 'football', 'superman'],
];

/** @throws ApiError 400 that says what is wrong with a new password for that account */
export function checkPassword(password: string, name: string): void {
  const wrong = passwordProblem(password, name);
  if (wrong !== undefined) throw new ApiError(400, wrong);
}

/** What is wrong with a new password, in words; undefined if it may be used. */
export function passwordProblem(password: string, name: string): string | undefined {
  const length = [...password].length;
  if (length < SHORTEST) return `a password has at least ${SHORTEST} characters, this one has ${length}`;
  if (length > LONGEST) return `a password has at most ${LONGEST} characters, this one has ${length}`;
  const plain = password.toLowerCase();
  const core = plain.replace(/[^\p{L}]+/gu, '');
  if (new Set(plain).size < 4) return 'this password is a few characters over and over: take another one';
  if ('0123456789012345678901234567890'.includes(plain) || '98765432109876543210'.includes(plain))
    return 'this password counts: take another one';
  if (COMMON.some((common) => core === common || core === common + common || plain === common))
    return 'this password is among those that are tried first: take another one';
  if (core === name.toLowerCase()) return 'this password is the name of the account: take another one';
  return undefined;
}

/** What is kept of a password: `argon2id$MEMORY$PASSES$LANES$SALT$HASH`, salt and hash in base64. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await derive(password, salt, COST);
  const { memory, passes, parallelism } = COST;
  return ['argon2id', memory, passes, parallelism, salt.toString('base64'), tag.toString('base64')].join('$');
}

/**
 * Whether the password is the one that was hashed. Without a hash (nobody has that name) it takes as long and is false.
 */
export async function verifyPassword(password: string, hashed: string | undefined): Promise<boolean> {
  const [, memory, passes, parallelism, salt, tag] = (hashed ?? (await dummy())).split('$');
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const derived = await derive(password, Buffer.from(salt!, 'base64'), cost);
  return timingSafeEqual(derived, Buffer.from(tag!, 'base64')) && hashed !== undefined;
}

let dummyHash: Promise<string> | undefined;
function dummy(): Promise<string> {
  dummyHash ??= hashPassword(randomBytes(18).toString('base64'));
  return dummyHash;
}

function derive(password: string, nonce: Buffer, cost: typeof COST): Promise<Buffer> {
  // One spelling of what looks the same, whatever the keyboard.
  const message = Buffer.from(password.normalize('NFKC').slice(0, 4 * LONGEST));
  return hash('argon2id', { message, nonce, tagLength: TAG, ...cost });
}
