import { stat } from 'node:fs/promises';
import { findEtcd, versionText } from '../../manager/members/program.ts';

let known: { path: string; stamp: string; version: string } | undefined;

/** The version of the etcd on this host; undefined: it has none that could be used. It is asked only once for that. */
export async function etcdHere(): Promise<string | undefined> {
  if (known && (await stampOf(known.path)) === known.stamp) return known.version;
  known = undefined;
  try {
    const { path, version } = await findEtcd();
    known = { path, stamp: await stampOf(path), version: versionText(version) };
    return known.version;
  } catch {
    return undefined;
  }
}

/** Another one for another file. */
async function stampOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeMs } = await stat(path).catch(() => ({ dev: 0, ino: 0, size: 0, mtimeMs: 0 }));
  return [dev, ino, size, mtimeMs].join();
}
