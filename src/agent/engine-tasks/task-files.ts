/**
 * Secrets and configs as files that are mounted into containers. They lie in memory, in a folder that only root can
 * enter, and are gone when the container that uses them has ended.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { isAbsolute, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { contentKey } from '../../model/contents.ts';
import type { Config, Secret, Task } from '../../model/objects.ts';
import { expand, type TemplateContext } from '../../model/template.ts';
import type { TaskDependencies } from '../contract.ts';
import type { FileMount } from './container-config.ts';

const TMPFS_MAGIC = 0x01021994;
const SECRETS_DIR = '/run/secrets';

/** One file as it is to be: what is in it, who may read it, and where the container sees it. */
export interface TaskFile {
  target: string;
  content: Buffer;
  uid: number;
  gid: number;
  mode: number;
}

/** The files of a task. Throws if the task refers to something that did not come with it, or a template is wrong. */
export function taskFiles(task: Task, dependencies: TaskDependencies, context: TemplateContext): TaskFile[] {
  const spec = task.Spec.ContainerSpec;
  const key = (id: string | null | undefined) => contentKey(id ?? '', task.internal.contents?.[id ?? '']);
  const secretOf = new Map((spec?.Secrets ?? []).map((ref) => [ref.File?.Name ?? '', key(ref.SecretID)]));
  const configOf = new Map((spec?.Configs ?? []).map((ref) => [ref.File?.Name ?? '', key(ref.ConfigID)]));
  const env = new Map((spec?.Env ?? []).map((entry) => entry.split(/=(.*)/s, 2) as [string, string]));
  // What a template takes from another secret or config it takes as it is stored, as with Docker: it cannot go in circles.
  const functions = {
    env: (name: string) => env.get(name) ?? '',
    secret: (target: string) =>
      dataOf(found(dependencies.secrets, secretOf.get(target), 'secret', target)).toString(),
    config: (target: string) =>
      dataOf(found(dependencies.configs, configOf.get(target), 'config', target)).toString(),
  };
  const content = (kind: 'secret' | 'config', object: Secret | Config): Buffer => {
    const data = dataOf(object);
    if (object.Spec.Templating?.Name !== 'golang') return data;
    try {
      return Buffer.from(expand(data.toString(), context, functions));
    } catch (error) {
      throw new Error(`failed to expand templated ${kind} ${object.ID}: ${(error as Error).message}`);
    }
  };
  const secrets = (spec?.Secrets ?? []).map((ref) => {
    const object = found(dependencies.secrets, key(ref.SecretID), 'secret', ref.SecretName);
    return file(ref.File, content('secret', object), SECRETS_DIR);
  });
  const configs = (spec?.Configs ?? []).map((ref) => {
    if (!ref.File) return undefined;
    const object = found(dependencies.configs, key(ref.ConfigID), 'config', ref.ConfigName);
    return file(ref.File, content('config', object), '/');
  });
  return [...secrets, ...configs].filter((one) => one !== undefined);
}

const dataOf = ({ Spec }: Secret | Config): Buffer => Buffer.from(Spec.Data ?? '', 'base64');

function found<T>(
  objects: ReadonlyMap<string, T>,
  key: string | undefined,
  kind: string,
  name: string | null | undefined,
): T {
  const object = objects.get(key ?? '');
  if (!object) throw new Error(`${kind} not found: ${name}`);
  return object;
}

type FileTarget = { Name?: string | null; UID?: string | null; GID?: string | null; Mode?: number | null };

function file(target: FileTarget | null | undefined, content: Buffer, folder: string): TaskFile | undefined {
  if (!target?.Name) return undefined;
  return {
    target: isAbsolute(target.Name) ? target.Name : posix.join(folder, target.Name),
    content,
    uid: owner(target.UID, 'uid'),
    gid: owner(target.GID, 'gid'),
    mode: target.Mode ?? 0o444,
  };
}

function owner(text: string | null | undefined, what: string): number {
  if (!text) return 0;
  if (!/^\d+$/.test(text))
    throw new Error(`${what} ${JSON.stringify(text)} of a secret or config is not a number`);
  return Number(text);
}

/** The folder of all tasks' files, with one folder per task in it. */
export class FileStore {
  readonly #folder: string;
  #ready: Promise<void> | undefined;
  #used = new Set<string>();

  /** `folder`: made if it is not there; memory is mounted on it if it does not lie in memory already. */
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
    if ((await statfs(this.#folder)).type === TMPFS_MAGIC) return;
    await run('mount', ['-t', 'tmpfs', '-o', 'mode=0700,noexec,nosuid,nodev', 'tmpfs', this.#folder]);
  }
}

const run = promisify(execFile);

async function unmount(folder: string): Promise<void> {
  try {
    await run('umount', ['-l', folder]);
  } catch (error) {
    // Not a mount of ours: it lay in memory anyway, or there never were files.
    if (!/not mounted|no mount point|not found|no such file/i.test(String(error))) throw error;
  }
}
