/**
 * Which Docker Engine tests run on: the machine's own or, if the variable ENGINE says 26 or 28, that one of a later suite of
 * Debian (engines.sh fetches it). A test that needs a certain one says so itself.
 */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
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

/** The folder with the engine's programs, fetched if it is not here yet; undefined for the machine's own engine. */
export async function engineFolder(engine: EngineName = wantedEngine()): Promise<string | undefined> {
  if (engine === 'own') return undefined;
  const known = folders.get(engine) ?? promisify(execFile)(SCRIPT, [engine]).then((r) => r.stdout.trim());
  folders.set(engine, known);
  return known;
}

/** From here on `docker` is the newest client that is tried, and knows compose and buildx. */
export async function useNewestClient(): Promise<void> {
  const folder = (await engineFolder('28'))!;
  if (process.env.PATH?.startsWith(`${folder}:`)) return;
  process.env.PATH = `${folder}:${process.env.PATH}`;
  process.env.DOCKER_CONFIG = join(dirname(folder), 'config');
}
