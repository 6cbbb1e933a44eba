/** Secrets and configs of a task as the files that its container is to have. Pure; `file-store.ts` writes them. */
import { isAbsolute, posix } from 'node:path';
import { contentKey } from '../../model/contents.ts';
import type { Config, Secret, Task } from '../../model/objects.ts';
import { expandPayload, type TemplateContext } from '../../model/template/template.ts';
import type { TaskDependencies } from '../contract.ts';

const SECRETS_DIR = '/run/secrets';
/** Engines drop setuid, setgid and sticky bits here. */
const PERMISSIONS = 0o777;

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
  // What a template takes from another secret or config it takes as it is stored, as with Docker: it cannot go in circles.
  const functions = {
    env: (name: string) => variable(spec?.Env ?? [], name),
    secret: (target: string) => dataOf(targeted(dependencies.secrets, secretOf, 'secret', target)),
    config: (target: string) => dataOf(targeted(dependencies.configs, configOf, 'config', target)),
  };
  const content = (kind: 'secret' | 'config', object: Secret | Config): Buffer => {
    const data = dataOf(object);
    if (object.Spec.Templating?.Name !== 'golang') return data;
    try {
      return expandPayload(data, context, functions);
    } catch (error) {
      const reason = `failed to expand templated ${kind} ${object.ID}: ${(error as Error).message}`;
      throw new Error(`unable to get ${kind} from ${kind} store: ${reason}`);
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

/** The value of the first entry with that name; nothing if there is none with a value. */
function variable(env: readonly string[], name: string): string {
  const entry = env.find((one) => one.startsWith(`${name}=`));
  return entry?.slice(name.length + 1) ?? '';
}

/** What a function of a template gets for the target of a file. */
function targeted<T>(
  objects: ReadonlyMap<string, T>,
  keys: ReadonlyMap<string, string>,
  kind: string,
  target: string,
): T {
  const key = keys.get(target);
  if (key === undefined) throw new Error(`${kind} target ${target} not found`);
  return found(objects, key, kind, target);
}

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
    mode: (target.Mode ?? 0o444) & PERMISSIONS,
  };
}

function owner(text: string | null | undefined, what: string): number {
  if (!text) return 0;
  if (!/^\d+$/.test(text))
    throw new Error(`${what} ${JSON.stringify(text)} of a secret or config is not a number`);
  return Number(text);
}
