/** The etcd that this host has. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

export interface Version {
  major: number;
  minor: number;
  patch: number;
}

export interface EtcdProgram {
  /** Absolute. */
  path: string;
  version: Version;
}

/** Daemons are started with little on their PATH at times. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const OLDEST: Version = { major: 3, minor: 4, patch: 0 };
/** How long (ms) a program may take to say its version. */
const PATIENCE = 10_000;

/**
 * @param name of the program, or its path
 * @throws Error that says what to install
 */
export async function findEtcd(name = 'etcd'): Promise<EtcdProgram> {
  const path = await locate(name);
  if (path === undefined) {
    throw new Error(
      `there is no ${name} on this host, which each of several managers needs: install it ` +
        '(Debian and Ubuntu: "apt-get install etcd-server"; elsewhere etcd 3.4 or newer on the PATH), then try again',
    );
  }
  let text: string;
  try {
    text = (await promisify(execFile)(path, ['--version'], { timeout: PATIENCE, env: {} })).stdout;
  } catch (error) {
    throw new Error(`${path} does not run: ${(error as Error).message.trim()}`, { cause: error });
  }
  const version = parseVersion(text);
  if (version === undefined)
    throw new Error(`${path} is not etcd, or does not say its version: install etcd 3.4 or newer`);
  if (isBefore(version, OLDEST) || version.major > OLDEST.major)
    throw new Error(`${path} is etcd ${versionText(version)}: install 3.4 or newer, of version 3`);
  return { path, version };
}

/** What `etcd --version` says; undefined if it is something else. */
export function parseVersion(text: string): Version | undefined {
  const match = /^etcd Version: (\d+)\.(\d+)\.(\d+)/m.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) } : undefined;
}

export function versionText({ major, minor, patch }: Version): string {
  return `${major}.${minor}.${patch}`;
}

export function isBefore(version: Version, other: Version): boolean {
  return (version.major - other.major || version.minor - other.minor || version.patch - other.patch) < 0;
}

async function locate(name: string): Promise<string | undefined> {
  if (isAbsolute(name)) return name;
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS];
  for (const path of folders.filter(isAbsolute).map((folder) => join(folder, name))) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}
