/** What this process has used of the processors, with all that it has started, running or not (ms). */
import { readFile } from 'node:fs/promises';

export async function processorMs(): Promise<number> {
  const children = (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).trim().split(' ');
  const each = await Promise.all(['self', ...children.filter(Boolean)].map(ticksOf));
  return each.reduce((sum, ticks) => sum + ticks * 10, 0);
}

/** Its own and its children's time, user and system, in hundredths of a second; none of one that has just ended. */
async function ticksOf(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Names in brackets come before.
  const fields = text?.slice(text.lastIndexOf(') ') + 2).split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}
