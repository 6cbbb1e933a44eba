import { readFileSync } from 'node:fs';

/** MB. */
export interface Memory {
  readonly rss: number;
  /** What it has for itself alone. */
  readonly own: number;
}

/** Of a process, as the kernel says. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)![1]) / 1024;
  return { rss: of('Rss'), own: of('Private_Clean') + of('Private_Dirty') };
}
