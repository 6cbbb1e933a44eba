import { mkdir, readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MachineError } from '../driver.ts';
import { until } from '../exec.ts';

/** A mounted tree of control groups. */
export interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
  /** Controllers (version 1), empty for version 2. */
  readonly controllers: readonly string[];
}

/** The trees in a text of the form of /proc/mounts. */
export function parseHierarchies(mounts: string): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of mounts.split('\n')) {
    const [, path, type, options] = line.split(' ');
    if (!path?.startsWith('/sys/fs/cgroup') || !options) continue;
    if (type === 'cgroup2') found.set(path, { path, version: 2, controllers: [] });
    if (type === 'cgroup') {
      const flags = [
        'rw',
        'ro',
        'relatime',
        'noatime',
        'nosuid',
        'nodev',
        'noexec',
        'xattr',
        'clone_children',
      ];
      const controllers = options
        .split(',')
        .filter((o) => !flags.includes(o) && !o.startsWith('release_agent='));
      found.set(path, { path, version: 1, controllers });
    }
  }
  return [...found.values()];
}

/**
 * The trees in which the processes of a host are put. Version 1: where memory and number are counted, and systemd's
 * own, so that a host does not belong to the login session that started it. Containers get theirs from the engine.
 */
export function tracking(hierarchies: readonly Hierarchy[]): Hierarchy[] {
  const counted = ['memory', 'pids', 'name=systemd'];
  const old = hierarchies.filter((h) => h.controllers.some((c) => counted.includes(c)));
  return old.length > 0 ? old : hierarchies.filter((h) => h.version === 2);
}

export async function hierarchies(): Promise<Hierarchy[]> {
  return parseHierarchies(await readFile('/proc/mounts', 'utf8'));
}

/** The engine's `--cgroup-parent` for the containers of a host. */
export function containersGroup(key: string): string {
  return `/essaim/${key}`;
}

/**
 * Makes the groups for the host's own processes and returns their directories. They are leaves beside the containers'
 * groups, because version 2 wants no process in a group that has children.
 */
export async function makeGroups(key: string): Promise<string[]> {
  const groups = tracking(await hierarchies()).map((h) => join(h.path, 'essaim', key, 'system'));
  for (const group of groups) await mkdir(group, { recursive: true });
  return groups;
}

/** Kills every process that is still in a group of the host; needed only where a start was interrupted. */
export async function killStragglers(key: string): Promise<void> {
  const roots = (await hierarchies()).map((h) => join(h.path, 'essaim', key));
  await until(
    async () => {
      const pids = (await Promise.all(roots.map(processesBelow))).flat();
      for (const pid of pids) kill(pid);
      return pids.length === 0 ? true : undefined;
    },
    10_000,
    () => new MachineError(`Processes of host ${key} do not die: see ${roots[0]}/**/cgroup.procs.`),
  );
}

/** Removes the groups of a host in every tree, those that its engine made as well. */
export async function removeGroups(key: string): Promise<void> {
  for (const { path } of await hierarchies()) {
    await removeTree(join(path, 'essaim', key));
    // Fails while other machines have groups there.
    await rmdir(join(path, 'essaim')).catch(() => undefined);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function subgroups(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isDirectory()).map((e) => join(group, e.name));
}

async function processesBelow(group: string): Promise<number[]> {
  const own = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  const pids = own.split('\n').filter((line) => line !== '' && line !== '0');
  const below = await Promise.all((await subgroups(group)).map(processesBelow));
  return [...pids.map(Number), ...below.flat()];
}

async function removeTree(group: string): Promise<void> {
  for (const child of await subgroups(group)) await removeTree(child);
  await until(
    () =>
      rmdir(group).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return true;
          if (error.code === 'EBUSY') return undefined;
          throw error;
        },
      ),
    10_000,
    () => new MachineError(`Control group ${group} stays busy: a process in it does not end.`),
  );
}
