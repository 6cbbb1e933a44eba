/**
 * Which Docker Engine tests run on: the machine's own or, if the variable ENGINE says 26 or 28, that one of a later suite of
 * Debian (engines.sh fetches it). A test that needs a certain one says so itself.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('engines.sh', import.meta.url));

/** `own` is the engine that is installed on the machine; the others are known by their major version. */
export type EngineName = 'own' | '26' | '28';

/** The engine that the variable ENGINE names. */
export function wantedEngine(): EngineName {
  const name = process.env.ENGINE || '20';
  if (name === '20') return 'own';
  if (name === '26' || name === '28') return name;
  throw new Error(`ENGINE=${name}: use 26 or 28, or 20 for the engine of this machine`);
}

const folders = new Map<EngineName, Promise<string>>();

/**
 * The folder with the engine's programs, fetched if it is not here yet; undefined for the machine's own engine. With the
 * variable ETCD that program is in it as well, which comes first on a lab host's PATH then.
 */
export async function engineFolder(engine: EngineName = wantedEngine()): Promise<string | undefined> {
  const { ETCD } = process.env;
  if (engine === 'own') {
    if (ETCD) throw new Error('ETCD on lab hosts: only beside an engine that has a folder, ENGINE=26 or 28');
    return undefined;
  }
  const fetched = (): Promise<string> => promisify(execFile)(SCRIPT, [engine]).then((r) => r.stdout.trim());
  const known = folders.get(engine) ?? fetched().then((folder) => (ETCD ? withEtcd(folder, ETCD) : folder));
  folders.set(engine, known);
  return known;
}

async function withEtcd(folder: string, etcd: string): Promise<string> {
  const both = join(dirname(folder), `bin-etcd-${basename(dirname(etcd))}`);
  const making = `${both}.${process.pid}`;
  await mkdir(making);
  for (const program of await readdir(folder)) await symlink(join(folder, program), join(making, program));
  await symlink(etcd, join(making, 'etcd'));
  // Another test that makes the same at the same time makes it alike.
  await rename(making, both).catch(() => rm(making, { recursive: true }));
  return both;
}

/** From here on `docker` is the newest client that is tried, and knows compose and buildx. */
export async function useNewestClient(): Promise<void> {
  const folder = (await engineFolder('28'))!;
  if (process.env.PATH?.startsWith(`${folder}:`)) return;
  process.env.PATH = `${folder}:${process.env.PATH}`;
  process.env.DOCKER_CONFIG = join(dirname(folder), 'config');
}
