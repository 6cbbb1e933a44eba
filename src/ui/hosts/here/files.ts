/**
 * Files of a volume on this host, without a container that mounts it. Whoever writes into a volume may put links there that
 * lead out of it, and may do so between two looks: so a path is opened without being read, it is looked where that has led,
 * and what is read, or written into, is what was opened then.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, readlink, realpath, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ApiError } from '../../../model/errors.ts';
import type { FileRow } from '../../protocol.ts';

/** Opens a path as a place alone: no device is touched, no pipe waits. Linux's O_PATH, which Node has no name for. */
const O_PATH = 0o10000000;
/** So many files of a folder are told. */
const MOST = 10_000;

/** The files of a folder, folders first. `path` is relative to the volume. @throws ApiError 400, 404 */
export function filesOf(root: string, path: string): Promise<FileRow[]> {
  return at(root, path, async (place) => {
    if (!(await stat(place)).isDirectory()) throw new ApiError(400, `${path} is no folder`);
    const names = (await readdir(`${place}/`)).sort().slice(0, MOST);
    const rows = await Promise.all(names.map((name) => fileRow(place, name)));
    const found = rows.filter((row) => row !== undefined);
    return [
      ...found.filter(({ type }) => type === 'folder'),
      ...found.filter(({ type }) => type !== 'folder'),
    ];
  });
}

/** What is in a file. @throws ApiError 400 if it is none, 404 */
export function contentOf(root: string, path: string): Promise<{ stream: Readable; size: number }> {
  return at(root, path, async (place) => {
    if (!(await stat(place)).isFile()) throw new ApiError(400, `${path} is no ordinary file`);
    const file = await open(place, constants.O_RDONLY);
    const { size } = await file.stat();
    // No more than was said, however fast it grows.
    const stream = file.createReadStream(size > 0 ? { end: size - 1 } : { end: 0 });
    return { stream, size };
  });
}

/**
 * Puts what comes into a file, in place of the one that is there: all of it, or nothing. It belongs to whom the one before
 * belonged to, or the folder. @throws ApiError 400, 404, 507
 */
export function putFile(root: string, path: string, source: Readable): Promise<void> {
  const steps = stepsOf(path);
  const name = steps.pop();
  if (name === undefined) throw new ApiError(400, 'say what the file is called: ?path=folder/name');
  return at(root, steps.join('/'), async (place) => {
    const folder = await stat(place);
    if (!folder.isDirectory()) throw new ApiError(400, `${steps.join('/')} is no folder`);
    const target = `${place}/${name}`;
    // A link is not followed: it may lead out of the volume.
    const before = await lstat(target).catch(() => undefined);
    if (before && !before.isFile()) throw new ApiError(400, `${path} is there, and no ordinary file`);
    const { uid, gid } = before ?? folder;
    const part = `${place}/.${randomUUID()}.part`;
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(source);
      await file.chown(uid, gid);
      await file.chmod(before ? before.mode & 0o7777 : 0o644);
      await file.sync();
      await rename(part, target);
    } catch (error) {
      await unlink(part).catch(() => undefined);
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT') throw new ApiError(507, `there is no room for ${path}`);
      throw error;
    } finally {
      await file.close();
    }
  });
}

/** @throws ApiError 400 */
function stepsOf(path: string): string[] {
  const steps = path.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..') || path.includes('\0')) throw new ApiError(400, 'a path does not go up');
  return steps;
}

/** Does something with the place where the path leads, while it is held open. */
async function at<T>(root: string, path: string, work: (place: string) => Promise<T>): Promise<T> {
  const folder = await realpath(root).catch(() => {
    throw new ApiError(404, 'the volume has no folder on this host');
  });
  const held = await open(join(folder, ...stepsOf(path)), O_PATH).catch((error: NodeJS.ErrnoException) => {
    const isThere = error.code !== 'ENOENT' && error.code !== 'ENOTDIR';
    throw new ApiError(isThere ? 400 : 404, isThere ? `${path}: ${error.message}` : `there is no ${path}`);
  });
  try {
    const place = `/proc/self/fd/${held.fd}`;
    const real = await readlink(place);
    if (real !== folder && !real.startsWith(`${folder}/`))
      throw new ApiError(400, `${path} leads out of the volume`);
    return await work(place);
  } finally {
    await held.close();
  }
}

async function fileRow(folder: string, name: string): Promise<FileRow | undefined> {
  const path = `${folder}/${name}`;
  try {
    const found = await lstat(path);
    const isLink = found.isSymbolicLink();
    return {
      name,
      type: isLink ? 'link' : found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other',
      size: found.size,
      changed: found.mtime.toISOString(),
      mode: modeText(found.mode),
      ...(isLink && { target: await readlink(path) }),
    };
  } catch {
    // It was removed meanwhile.
    return undefined;
  }
}

function modeText(mode: number): string {
  return [6, 3, 0]
    .map((shift) =>
      ['r', 'w', 'x'].map((letter, i) => ((mode >> (shift + 2 - i)) & 1 ? letter : '-')).join(''),
    )
    .join('');
}
