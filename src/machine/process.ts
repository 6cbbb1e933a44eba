import { readFile } from 'node:fs/promises';

/** One process for sure: its pid alone may belong to another one tomorrow. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process, as /proc gives it. */
  readonly startTime: string;
}

/** Reads "PID STARTTIME", the form in which the launch scripts write it; undefined if it is something else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^(\d+) (\d+)\s*$/.exec(text);
  return match ? { pid: Number(match[1]), startTime: match[2]! } : undefined;
}

/** The identity in a file, or undefined when there is no such file. */
export async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return parseIdentity(text);
}

/** Start time of the process in a line of /proc/PID/stat; undefined for a zombie, which only awaits its parent. */
export function parseStartTime(stat: string): string | undefined {
  // The command's name may hold spaces and parentheses: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Whether the process runs, in the eyes of the process file system mounted at `proc`. */
export async function isAlive(identity: ProcessIdentity, proc = '/proc'): Promise<boolean> {
  const stat = await readFile(`${proc}/${identity.pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && parseStartTime(stat) === identity.startTime;
}
