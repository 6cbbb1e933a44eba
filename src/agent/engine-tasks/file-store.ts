/**
 * The files of tasks, which are mounted into their containers. They lie in memory, in a folder that only root can enter,
 * and are gone when the container that uses them has ended. The memory stays mounted when the agent ends, in whatever
 * way, since containers go on: the next agent takes it up, and unmounts it when the node leaves the swarm.
 */
import { chmod, chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { haveMemory, unmount } from '../../identity/memory-folder.ts';
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
    this.#ready ??= haveMemory(this.#folder);
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
}
