/** Values of a compose file read as what they are to be; what they are not is said where it stands. */
import { ComposeError, type Path } from './problem.ts';

export type Dict = Record<string, unknown>;

export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined and null are nothing said. */
export function dict(value: unknown, path: Path): Dict {
  if (value === undefined || value === null) return {};
  if (isDict(value)) return value;
  throw new ComposeError(path, `${last(path)} must be a mapping, not ${kind(value)}`);
}

export function list(value: unknown, path: Path): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new ComposeError(path, `${last(path)} must be a list, not ${kind(value)}`);
}

export function text(value: unknown, path: Path): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ComposeError(path, `${last(path)} must be a text, not ${kind(value)}`);
}

export function number(value: unknown, path: Path): number | undefined {
  if (value === undefined || value === null) return undefined;
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof read === 'number' && Number.isFinite(read)) return read;
  throw new ComposeError(path, `${last(path)} must be a number, not ${JSON.stringify(value)}`);
}

export function integer(value: unknown, path: Path): number | undefined {
  const read = number(value, path);
  if (read === undefined || Number.isSafeInteger(read)) return read;
  throw new ComposeError(path, `${last(path)} must be a whole number, not ${read}`);
}

export function boolean(value: unknown, path: Path): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && /^(true|yes|on|y)$/i.test(value)) return true;
  if (typeof value === 'string' && /^(false|no|off|n)$/i.test(value)) return false;
  throw new ComposeError(path, `${last(path)} must be true or false, not ${JSON.stringify(value)}`);
}

export function texts(value: unknown, path: Path): string[] {
  return list(value, path).map((each, index) => text(each, [...path, index]) ?? '');
}

/** One text or a list of them. */
export function textOrTexts(value: unknown, path: Path): string[] {
  return Array.isArray(value)
    ? texts(value, path)
    : value === undefined || value === null
      ? []
      : [text(value, path)!];
}

/** A command: a list, or a text that is taken apart as a shell would. Undefined: nothing said. */
export function command(value: unknown, path: Path): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? texts(value, path) : shellWords(text(value, path)!, path);
}

/** `{NAME: value}` or `["NAME=value"]`; a name without a value is null. */
export function pairs(value: unknown, path: Path, sign = '='): Record<string, string | null> {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      texts(value, path).map((each) => {
        const at = each.indexOf(sign);
        return at < 0 ? [each, null] : [each.slice(0, at), each.slice(at + 1)];
      }),
    );
  }
  const entries = Object.entries(dict(value, path));
  return Object.fromEntries(entries.map(([key, each]) => [key, text(each, [...path, key]) ?? null]));
}

/** The same where a name without a value has an empty one. */
export function labels(value: unknown, path: Path): Record<string, string> {
  return Object.fromEntries(Object.entries(pairs(value, path)).map(([key, each]) => [key, each ?? '']));
}

const NANO: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** `1m30s` in nanoseconds. */
export function duration(value: unknown, path: Path): number | undefined {
  const read = text(value, path);
  if (read === undefined) return undefined;
  const parts = [...read.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (read === '0') return 0;
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== read)
    throw new ComposeError(path, `${last(path)} must be a duration like 1m30s, not ${JSON.stringify(read)}`);
  return Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * NANO[unit!]!, 0));
}

const BYTES: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `512M` in bytes. */
export function size(value: unknown, path: Path): number | undefined {
  const read = text(value, path);
  if (read === undefined) return undefined;
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(read) ?? [];
  if (count === undefined)
    throw new ComposeError(path, `${last(path)} must be a size like 512M, not ${JSON.stringify(read)}`);
  return Math.round(Number(count) * BYTES[unit!.toLowerCase()]!);
}

/** Says which of a mapping's keys are not known, with the nearest one that is. Extensions (`x-…`) are anybody's. */
export function unknownKeys(
  value: Dict,
  known: ReadonlySet<string>,
): Array<{ key: string; message: string }> {
  return Object.keys(value)
    .filter((key) => !known.has(key) && !key.startsWith('x-'))
    .map((key) => {
      const near = nearest(key, known);
      return { key, message: `there is no key ${key} here${near ? `; did you mean ${near}?` : ''}` };
    });
}

function nearest(word: string, known: ReadonlySet<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const each of known) {
    const distance = editDistance(word, each);
    if (distance < least) [best, least] = [each, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** A line in words, with quotes and backslashes as a shell has them, without anything that a shell would put in. */
function shellWords(line: string, path: Path): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (char === "'" || char === '"') {
      const end = line.slice(at + 1).search(char === "'" ? /'/ : /(?<!\\)(?:\\\\)*"/);
      const close = char === "'" ? end : line.indexOf('"', at + 1 + Math.max(0, end));
      if (end < 0) throw new ComposeError(path, `${last(path)} has a quote that is not closed`);
      const stop = char === "'" ? at + 1 + end : close;
      const inner = line.slice(at + 1, stop);
      word = (word ?? '') + (char === "'" ? inner : inner.replace(/\\(["\\$`])/g, '$1'));
      at = stop;
    } else if (char === '\\' && at + 1 < line.length) {
      word = (word ?? '') + line[++at]!;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function last(path: Path): string {
  const name = path.at(-1);
  return typeof name === 'number' ? `${path.at(-2)}[${name}]` : String(name ?? 'the file');
}

function kind(value: unknown): string {
  return Array.isArray(value) ? 'a list' : isDict(value) ? 'a mapping' : JSON.stringify(value);
}
