/** Folders whose files lie in memory, for root alone. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes the folder if there is none, and mounts memory on it, or makes what is mounted there right. Engines since 25 leave a mount the flags that its
 * source has when they bind it read-only, and files of Docker's own may be executed: so the source has none.
 */
export async function haveMemory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  const folder = await realpath(path);
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

/** Takes the memory away again, and what is in it. */
export async function unmount(folder: string): Promise<void> {
  try {
    await run('umount', ['-l', folder]);
  } catch (error) {
    // There never was any.
    if (!/not mounted|no mount point|not found|no such file/i.test(String(error))) throw error;
  }
}
