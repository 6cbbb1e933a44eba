/** Processes that outlive the daemon: each is known by the folder that it was started in, which is its own. */
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface FoundProcess {
  pid: number;
  /** Its arguments, without the program. */
  flags: string[];
}

/** Milliseconds between looks at one that is to end, and at one that may. */
const PAUSE = 50;
export const LONG_PAUSE = 200;

/**
 * The processes whose working folder this is and that have that argument: none but the folder's own have. A pid that is
 * noted somewhere could be another process's by now.
 */
export async function findProcesses(folder: string, flag: string): Promise<FoundProcess[]> {
  const path = await realpath(folder).catch(() => undefined);
  if (path === undefined) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => look(pid, path, flag)));
  return found.filter((process) => process !== undefined);
}

async function look(pid: number, folder: string, flag: string): Promise<FoundProcess | undefined> {
  try {
    // A process that has ended and waits for its parent has no working folder any more.
    if ((await readlink(`/proc/${pid}/cwd`)) !== folder) return undefined;
    const [, ...flags] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
    return flags.includes(flag) ? { pid, flags } : undefined;
  } catch {
    // It has ended, or is not ours to look at.
    return undefined;
  }
}

/** Whether that process still is what it was found to be. */
export async function stillRuns(pid: number, folder: string, flag: string): Promise<boolean> {
  return (await look(pid, await realpath(folder).catch(() => folder), flag)) !== undefined;
}

/** Resolves when the process has ended; false if it has not after `patience` ms, or when aborted. */
export async function hasEnded(
  pid: number,
  folder: string,
  flag: string,
  patience: number,
  { pause = PAUSE, signal }: { pause?: number; signal?: AbortSignal } = {},
): Promise<boolean> {
  const deadline = performance.now() + patience;
  while (await stillRuns(pid, folder, flag)) {
    if (performance.now() > deadline || signal?.aborted) return false;
    await delay(pause, undefined, { signal }).catch(() => {});
  }
  return true;
}

/** Ends a process: in order, and after `patience` ms by force. @throws Error if that does not end it either */
export async function endProcess(pid: number, folder: string, flag: string, patience: number): Promise<void> {
  // One that was stopped hears of a signal as it goes on.
  for (const signals of [['SIGTERM', 'SIGCONT'], ['SIGKILL']] as const) {
    if (!(await stillRuns(pid, folder, flag))) return;
    try {
      for (const signal of signals) process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    if (await hasEnded(pid, folder, flag, patience)) return;
  }
  throw new Error(`process ${pid} in ${folder} does not end, not even by SIGKILL: its disk may hang`);
}
