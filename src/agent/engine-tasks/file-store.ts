/**
 * The files of tasks, which are mounted into their containers. They lie in memory, in a folder that only root can enter,
 * and are gone when the container that uses them has ended. The memory stays mounted when the agent ends, in whatever
 * way, since containers go on: the next agent takes it up, and unmounts it when the node leaves the swarm.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FileMount } from './container-config.ts';
import type { TaskFile } from './task-files.ts';

/** The folder of all tasks' files, with one folder per task in it. */
export class FileStore {
  readonly #folder: string;
  #ready: Promise<void> | undefined;
  #used = new Set<string>();

  /** `folder`: made, and memory mounted on it, with the first file. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes the files of a task anew and returns where they are to be mounted. */
  async put(taskId: string, files: readonly TaskFile[]): Promise<FileMount[]> {
    if (files.length === 0) return [];
    this.#ready ??= this.#makeReady();
    await this.#ready;
    this.#used.add(taskId);
    const folder = join(this.#folder, taskId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return Promise.all(
      files.map(async ({ target, content, uid, gid, mode }, index) => {
        const source = join(folder, String(index));
        // A running container may have the old file mounted: the same file is written, not another put in its place.
        await writeFile(source, content, { mode: 0o600 });
        await chown(source, uid, gid);
        await chmod(source, mode);
        return { source, target };
      }),
    );
  }

  /** Does nothing if the task has no files. */
  async drop(taskId: string): Promise<void> {
    if (this.#used.delete(taskId)) await rm(join(this.#folder, taskId), { recursive: true, force: true });
  }

  /** Finds the files that an earlier agent left, and drops those of tasks that are not in `running`. */
  async recover(running: ReadonlySet<string>): Promise<void> {
    const left = await readdir(this.#folder).catch(() => []);
    for (const taskId of left) {
      if (this.#used.has(taskId)) continue;
      this.#used.add(taskId);
      if (!running.has(taskId)) await this.drop(taskId);
    }
  }

  /** Removes everything, the mount as well. */
  async clear(): Promise<void> {
    this.#used.clear();
    this.#ready = undefined;
    await unmount(this.#folder);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #makeReady(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chmod(this.#folder, 0o700);
    await haveMemory(await realpath(this.#folder));
  }
}

const run = promisify(execFile);

/**
 * Mounts memory on the folder, or makes what is mounted there right. Engines since 25 leave a mount the flags that its
 * source has when they bind it read-only, and files of Docker's own may be executed: so the source has none.
 */
async function haveMemory(folder: string): Promise<void> {
  const flags = mountFlags(await readFile('/proc/self/mountinfo', 'utf8'), folder);
  if (flags === undefined) {
    const mount = (options: string) => run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
    // Kernels before 6.4 may write it to swap, as they may with Docker's secrets, and refuse to be told not to.
    await mount('mode=0700,noswap').catch(() => mount('mode=0700'));
  } else if (flags.some((flag) => ['noexec', 'nosuid', 'nodev'].includes(flag)))
    await run('mount', ['-o', 'remount,bind,exec,suid,dev', folder]);
}

/** The flags of what is mounted on the folder, by the text of /proc/self/mountinfo; undefined if nothing is. */
function mountFlags(mountinfo: string, folder: string): string[] | undefined {
  const escaped = folder.replace(/[\s\\]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);
  const lines = mountinfo.split('\n').map((line) => line.split(' '));
  return lines.findLast(([, , , , target]) => target === escaped)?.[5]?.split(',');
}

async function unmount(folder: string): Promise<void> {
  try {
    await run('umount', ['-l', folder]);
  } catch (error) {
    // There never were files.
    if (!/not mounted|no mount point|not found|no such file/i.test(String(error))) throw error;
  }
}
