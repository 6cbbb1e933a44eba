/**
 * This Essaim as a tree that runs by itself on another host: the program as it was built, and the Node.js that it runs with
 * now. It is put together from the files that this process was started from, be that a checkout or an installed package.
 */
import { createHash } from 'node:crypto';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../node/root.ts';
import { run } from './exec.ts';
import { withLock } from './lock.ts';

/** What is taken along, where it is there. */
const PARTS = [
  ...['bin', 'dist/program', 'src/machine/lab', 'src/machine/ssh', 'web/dist', 'packaging'],
  ...['package.json', 'LICENSE'],
];
/** How many releases are kept ready to be sent. */
const KEPT = 2;

export interface Release {
  /** Names what is in it: the version, and a digest of the files. */
  readonly id: string;
  /** A tar file, compressed. */
  readonly file: string;
}

/** This Essaim's version. */
export async function ownVersion(): Promise<string> {
  return (JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** What runs this process, as `uname -m` names it. */
export function carriedMachine(): string {
  return { x64: 'x86_64', arm64: 'aarch64', ppc64: 'ppc64le' }[process.arch as string] ?? process.arch;
}

/** This Essaim as a file to be sent; made once for each state of its files, and kept. */
export async function ownRelease(withNode: boolean): Promise<Release> {
  const files = await filesOf(ROOT);
  const digest = createHash('sha256').update(`${process.version} ${process.arch} ${withNode}`);
  for (const file of files) {
    const { size, mtimeMs } = await stat(join(ROOT, file));
    digest.update(`${file} ${size} ${mtimeMs}\n`);
  }
  const id = `${await ownVersion()}-${digest.digest('hex').slice(0, 12)}`;
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'essaim/releases');
  const file = join(folder, `${id}.tar.gz`);
  return withLock(folder, async () => {
    await mkdir(folder, { recursive: true });
    const there = await stat(file).catch(() => undefined);
    if (!there) await pack(file, withNode);
    await utimes(file, new Date(), new Date());
    await prune(folder);
    return { id, file };
  });
}

/** Puts this Essaim into a folder. */
export async function stage(folder: string, withNode: boolean): Promise<void> {
  for (const file of await filesOf(ROOT)) {
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await cp(join(ROOT, file), join(folder, file), { dereference: true, preserveTimestamps: true });
  }
  if (!withNode) return;
  await mkdir(join(folder, 'node_modules/node/bin'), { recursive: true });
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await cp(await realpath(process.execPath), join(folder, 'node_modules/node/bin/node'));
  await symlink('../node/bin/node', join(folder, 'node_modules/.bin/node'));
}

async function pack(file: string, withNode: boolean): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'essaim-release-'));
  try {
    await stage(work, withNode);
    // Speed counts more than a few megabytes: it is sent once to each host.
    const owner = ['--owner=0', '--group=0', '--numeric-owner'];
    await run('tar', ['-C', work, ...owner, '-I', 'gzip -1', '-cf', `${file}.part`, '.']);
    await rename(`${file}.part`, file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function prune(folder: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.tar.gz'));
  const aged = await Promise.all(
    files.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  aged.sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(KEPT)) await rm(join(folder, name), { force: true });
}

/** Everything that Essaim needs to run, relative to its root. */
async function filesOf(root: string): Promise<string[]> {
  const all = await Promise.all(PARTS.map((part) => listed(root, part)));
  return all.flat().filter(isNeeded).sort();
}

/** Sources are built, and what they are compiled to is of this system alone. */
function isNeeded(file: string): boolean {
  return !/\.ts$|\/program\/(cache\/|stamp$)/.test(file);
}

async function listed(root: string, part: string): Promise<string[]> {
  const entry = await stat(join(root, part)).catch(() => undefined);
  if (!entry) return [];
  if (entry.isFile()) return [part];
  const names = await readdir(join(root, part), { withFileTypes: true });
  return (await Promise.all(names.map(({ name }) => listed(root, join(part, name))))).flat();
}
