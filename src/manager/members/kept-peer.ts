/**
 * The certificate for etcd as it is kept. etcd cannot read an encrypted key, which that of a locked manager is on disk: so
 * etcd has its files in memory, where the daemon puts what it finds on disk.
 */
import { readFile, rm } from 'node:fs/promises';
import { haveMemory, unmount } from '../../identity/memory-folder.ts';
import { writeWhole } from '../../identity/whole-file.ts';
import { seal, unseal } from '../../model/sealed.ts';
import { type PeerCertificate, readPeer, writePeer } from './peer-files.ts';

const PLACE = 'etcd key';

export interface PeerPlace {
  /** The folder in memory. */
  live: string;
  /** Path of the file on disk. */
  kept: string;
  /** What the host's files are encrypted with at the moment, if they are. */
  fileKey(): Buffer | undefined;
}

/** What the file has: one of the two keys. */
interface Kept extends Omit<PeerCertificate, 'key'> {
  key?: string;
  sealedKey?: string;
}

/** Has etcd's files in memory, those of before if there are none. What cannot be used is as if it were not there. */
export async function takeUpPeer({ live, kept, fileKey }: PeerPlace): Promise<PeerCertificate | undefined> {
  await haveMemory(live);
  const present = await readPeer(live);
  if (present) return present;
  const found = await readKept(kept, fileKey()).catch(() => undefined);
  if (found) await writePeer(live, found);
  return found;
}

/** Replaces the certificate, in memory and on disk. Throws if its parts do not belong together. */
export async function savePeer(place: PeerPlace, certificate: PeerCertificate): Promise<void> {
  await haveMemory(place.live);
  await writePeer(place.live, certificate);
  let key: Buffer | undefined;
  // The lock may be put on, or taken off, while this writes.
  do {
    key = place.fileKey();
    await keepPeer(place.kept, certificate, key);
  } while (place.fileKey() !== key);
}

/** From now on its key is encrypted with this one on disk, or in the clear. @param before what it may be encrypted with */
export async function protectPeer(
  kept: string,
  fileKey: Buffer | undefined,
  before: Buffer | undefined,
): Promise<void> {
  const text = await textOf(kept);
  if (text === undefined || 'sealedKey' in JSON.parse(text) === (fileKey !== undefined)) return;
  await keepPeer(kept, opened(kept, text, fileKey ?? before), fileKey);
}

/** Removes it from memory and disk. */
export async function forgetPeer({ live, kept }: Omit<PeerPlace, 'fileKey'>): Promise<void> {
  await unmount(live);
  for (const path of [live, kept]) await rm(path, { recursive: true, force: true });
}

async function readKept(path: string, fileKey: Buffer | undefined): Promise<PeerCertificate | undefined> {
  const text = await textOf(path);
  return text === undefined ? undefined : opened(path, text, fileKey);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function opened(path: string, text: string, fileKey: Buffer | undefined): PeerCertificate {
  const { key, sealedKey, ...others } = JSON.parse(text) as Kept;
  if (key !== undefined) return { ...others, key };
  if (!sealedKey || !fileKey) throw new Error(`the key in ${path} is locked`);
  return { ...others, key: unseal(Buffer.from(sealedKey, 'base64'), PLACE, fileKey) };
}

/** Replaces it on disk alone. */
export async function keepPeer(
  path: string,
  { key, ...others }: PeerCertificate,
  fileKey: Buffer | undefined,
): Promise<void> {
  const content: Kept = fileKey
    ? { ...others, sealedKey: seal(key, PLACE, fileKey).toString('base64') }
    : { ...others, key };
  await writeWhole(path, `${JSON.stringify(content)}\n`);
}
