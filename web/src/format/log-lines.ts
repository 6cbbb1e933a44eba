/** The lines of a log as they come in, of one source or of several: in the order of their times, none twice. */
import type { LogLine } from '../../../src/ui/protocol.ts';

/** A line with its number in this tab: what is read again after a break has none twice. */
export interface NumberedLine extends LogLine {
  number: number;
}

export interface LiveLog {
  lines: readonly NumberedLine[];
  /** How many there have been. */
  count: number;
  isOver: boolean;
  error?: string;
}

/** Of a log, the page keeps so many lines. */
const MOST_LINES = 20_000;
/** Among so many of the last ones it is looked whether a line was there already. */
const LOOKED_AT = 1_000;

/** The log with further lines; those that were there already, as after a break, are left out. */
export function grown({ lines, count }: LiveLog, more: readonly LogLine[], isOver: boolean): LiveLog {
  const last = lines.at(-1);
  const isLater = (line: LogLine): boolean => !last || timeKey(line.at) > timeKey(last.at);
  let known: Set<string> | undefined;
  const isKnown = (line: LogLine): boolean => {
    known ??= new Set(lines.slice(-LOOKED_AT).map(nameOf));
    return known.has(nameOf(line));
  };
  const fresh = more.filter((line) => isLater(line) || !isKnown(line));
  let number = count;
  const added = fresh.map((line) => ({ ...line, number: ++number }));
  const all = [...lines, ...added];
  if (isOutOfOrder(all, lines.length)) all.sort((a, b) => compare(timeKey(a.at), timeKey(b.at)));
  return { lines: all.slice(-MOST_LINES), count: number, isOver };
}

function nameOf({ at, task, text }: LogLine): string {
  return `${at} ${task} ${text}`;
}

function isOutOfOrder(lines: readonly LogLine[], from: number): boolean {
  for (let index = Math.max(1, from); index < lines.length; index++)
    if (timeKey(lines[index]!.at) < timeKey(lines[index - 1]!.at)) return true;
  return false;
}

/** A time that sorts as a text: the digits behind the point are not always as many. */
function timeKey(at: string): string {
  return at.endsWith('Z') ? at.slice(0, -1) : at;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface Part {
  text: string;
  isFound?: true;
}

/** What is looked for: words, or a regular expression between slashes. Undefined: nothing; a text: what is wrong with it. */
export function searchOf(typed: string): RegExp | string | undefined {
  const [, pattern] = /^\/(.+)\/i?$/.exec(typed) ?? [];
  if (typed === '') return undefined;
  try {
    return new RegExp(pattern ?? typed.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
  } catch (error) {
    return (error as Error).message;
  }
}

/** A text in parts, with those that were looked for marked. */
export function foundParts(text: string, search: RegExp | undefined): Part[] {
  if (!search) return [{ text }];
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(search)) {
    if (match[0] === '') break;
    if (match.index > at) parts.push({ text: text.slice(at, match.index) });
    parts.push({ text: match[0], isFound: true });
    at = match.index + match[0].length;
  }
  if (at < text.length || parts.length === 0) parts.push({ text: text.slice(at) });
  return parts;
}
