/**
 * This Essaim as a tree that runs by itself on another host: the program, what it depends on, and the Node.js that it runs with
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
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MachineError } from './driver.ts';
import { run } from './exec.ts';
import { withLock } from './lock.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What is taken along, where it is there. */
const PARTS = ['bin', 'src', 'web/dist', 'packaging', 'package.json', 'LICENSE'];
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
    // Packages of one store may be links into it.
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
  const own = await Promise.all(PARTS.map((part) => listed(root, part)));
  const packages = await dependencies(root);
  const theirs = await Promise.all(packages.map((folder) => listed(root, folder)));
  return [...own.flat(), ...theirs.flat()].filter(isNeeded).sort();
}

function isNeeded(file: string): boolean {
  return !/\.test\.[tj]s$|\/testing\/|\.d\.[cm]?ts$|\.map$|\/\.cache\//.test(file);
}

async function listed(root: string, part: string): Promise<string[]> {
  const entry = await stat(join(root, part)).catch(() => undefined);
  if (!entry) return [];
  if (entry.isFile()) return [part];
  const names = await readdir(join(root, part), { withFileTypes: true });
  const below = names.map(({ name }) =>
    // A package's own packages are found as those that they are.
    part.startsWith('node_modules') && name === 'node_modules' ? [] : listed(root, join(part, name)),
  );
  return (await Promise.all(below)).flat();
}

/** The folders of the packages that this one needs, and those that they need; but for Node.js, which comes by itself. */
async function dependencies(root: string): Promise<string[]> {
  const found = new Set<string>();
  const visit = async (from: string): Promise<void> => {
    const { dependencies = {} } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const name of Object.keys(dependencies).filter((each) => each !== 'node')) {
      const folder = await resolvePackage(root, from, name);
      if (found.has(folder)) continue;
      found.add(folder);
      await visit(join(root, folder));
    }
  };
  await visit(root);
  return [...found];
}

/** Where Node.js finds a package: beside its user, or further up. */
async function resolvePackage(root: string, from: string, name: string): Promise<string> {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if (await stat(join(folder, 'package.json')).catch(() => undefined)) return relative(root, folder);
    if (relative(root, at).startsWith('..') || relative(root, at) === '') break;
  }
  throw new MachineError(`${name} is missing beside Essaim: install its packages again (npm ci).`);
}
