/** Quoted strings and characters of Go, from a value to its text and back. */
import {
  type Bytes,
  bytesOf,
  encodeRune,
  isPrintable,
  isSurrogate,
  NO_RUNE,
  runeAt,
  textOf,
} from './bytes.ts';

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 };
const SHORT = new Map(Object.entries(ESCAPES).map(([letter, code]) => [code, `\\${letter}`]));
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** A string in double quotes. `ascii`: all that is not ASCII is escaped. */
export function quote(bytes: Bytes, ascii = false): Bytes {
  let quoted = '"';
  const plain = /[ !#-[\]-~]+/y;
  for (let at = 0; at < bytes.length; ) {
    plain.lastIndex = at;
    const run = plain.exec(bytes)?.[0] ?? '';
    quoted += run;
    at += run.length;
    if (at === bytes.length) break;
    const { rune, size } = runeAt(bytes, at);
    if (rune === NO_RUNE && size === 1) quoted += `\\x${hex(bytes.charCodeAt(at), 2)}`;
    else quoted += escaped(rune, '"', ascii);
    at += size;
  }
  return `${quoted}"`;
}

/** A text in double quotes, as Go's errors quote it. */
export const quoteText = (text: string): string => textOf(quote(bytesOf(text)));

/** A character in single quotes. */
export function quoteRune(rune: number, ascii: boolean): Bytes {
  const known = rune <= 0x10ffff && !isSurrogate(rune) ? rune : NO_RUNE;
  return `'${escaped(known, "'", ascii)}'`;
}

/** True if the string may stand between backquotes as it is. */
export function canBackquote(bytes: Bytes): boolean {
  for (let at = 0; at < bytes.length; ) {
    const { rune, size } = runeAt(bytes, at);
    const bad =
      size === 1 && (rune === NO_RUNE || (rune < 0x20 && rune !== 9) || rune === 0x60 || rune === 0x7f);
    if (bad || rune === 0xfeff) return false;
    at += size;
  }
  return true;
}

/** What a quoted string of the template says, quotes included in what is given; undefined if it is no such string. */
export function unquote(source: Bytes): Bytes | undefined {
  const inner = source.slice(1, -1);
  if (source.startsWith('`')) return inner.replaceAll('\r', '');
  let value = '';
  for (let at = 0; at < inner.length; ) {
    const part = unquoteAt(inner, at, '"');
    if (!part) return undefined;
    value += part.isByte ? String.fromCharCode(part.code) : encodeRune(part.code);
    at = part.end;
  }
  return value;
}

/** The number of the character in single quotes; undefined and what is wrong if it is none. */
export function unquoteRune(source: Bytes): { rune: number } | { error: string } {
  const part = unquoteAt(source, 1, "'");
  if (!part) return { error: 'invalid syntax' };
  if (part.end !== source.length - 1) return { error: `malformed character constant: ${source}` };
  return { rune: part.code };
}

/** One character or escape. `isByte`: it stands for a byte of its own, not for a character. */
function unquoteAt(
  text: Bytes,
  at: number,
  around: '"' | "'",
): { code: number; isByte: boolean; end: number } | undefined {
  const char = text[at];
  if (char === undefined || char === around) return undefined;
  if (char !== '\\') {
    const { rune, size } = runeAt(text, at);
    // A byte that is no UTF-8 stays what it is in a string.
    const bare = size === 1 && rune === NO_RUNE && around === '"';
    return { code: bare ? text.charCodeAt(at) : rune, isByte: bare, end: at + size };
  }
  const letter = text[at + 1] ?? '';
  if (letter === around) return { code: letter.charCodeAt(0), isByte: false, end: at + 2 };
  if (Object.hasOwn(ESCAPES, letter)) return { code: ESCAPES[letter]!, isByte: false, end: at + 2 };
  if (/[0-7]/.test(letter)) {
    const octal = text.slice(at + 1, at + 4);
    const code = Number.parseInt(octal, 8);
    return /^[0-7]{3}$/.test(octal) && code < 256 ? { code, isByte: true, end: at + 4 } : undefined;
  }
  const count = Object.hasOwn(DIGITS, letter) ? DIGITS[letter]! : 0;
  const digits = text.slice(at + 2, at + 2 + count);
  if (count === 0 || digits.length < count || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  const code = Number.parseInt(digits, 16);
  if (letter !== 'x' && (code > 0x10ffff || isSurrogate(code))) return undefined;
  return { code, isByte: letter === 'x', end: at + 2 + count };
}

function escaped(rune: number, around: '"' | "'", ascii: boolean): Bytes {
  const char = String.fromCodePoint(rune);
  if (char === around) return `\\${around}`;
  const short = SHORT.get(rune);
  if (short) return short;
  if (isPrintable(rune) && (rune < 0x80 || !ascii)) return encodeRune(rune);
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`;
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
