/** Lines of logs as they are shown. */

export type TimeStyle = 'off' | 'local' | 'utc';

/** The time of a line: `13:05:12.345`. */
export function lineTime(at: string, style: TimeStyle): string {
  if (style === 'utc') return at.slice(11, 23);
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return '';
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

const COLORS = 8;

/** A colour for each task of a log, in the order in which they are first met: the first eight have one each. */
export class TaskColors {
  readonly #known = new Map<string, number>();

  of(task: string): number {
    const known = this.#known.get(task) ?? this.#known.size % COLORS;
    this.#known.set(task, known);
    return known;
  }
}

export interface Span {
  text: string;
  /** As `--log-NAME` in the style sheet. */
  color?: string;
  isBold?: boolean;
}

const ANSI = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** A line with its colours of a terminal taken apart; every other control sequence is left out. */
export function ansiSpans(line: string): Span[] {
  if (!line.includes('\x1b')) return [{ text: line }];
  const spans: Span[] = [];
  let color: string | undefined;
  let isBold = false;
  let at = 0;
  const add = (text: string): void => {
    if (text) spans.push({ text, ...(color && { color }), ...(isBold && { isBold }) });
  };
  for (const match of line.matchAll(/\x1b(?:\[([\d;]*)([A-Za-z])|\][^\x07]*(?:\x07|\x1b\\)|.)/g)) {
    add(line.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] !== 'm') continue;
    for (const code of (match[1] || '0').split(';').map(Number)) {
      if (code === 0) [color, isBold] = [undefined, false];
      else if (code === 1) isBold = true;
      else if (code === 22) isBold = false;
      else if (code === 39) color = undefined;
      else if (code >= 30 && code <= 37) color = ANSI[code - 30];
      else if (code >= 90 && code <= 97) color = ANSI[code - 90];
    }
  }
  add(line.slice(at));
  return spans;
}
