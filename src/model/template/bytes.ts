/**
 * Strings as Go has them: a row of bytes, mostly but not always UTF-8. Each character of such a string is one byte, so
 * positions and lengths are Go's, and the content of a secret goes through a template unharmed, whatever is in it.
 */

/** Each character is a byte. */
export type Bytes = string;

/** What stands for bytes that are no UTF-8. */
export const NO_RUNE = 0xfffd;
const HIGHEST_RUNE = 0x10ffff;

export const bytesOf = (text: string): Bytes => Buffer.from(text, 'utf8').toString('latin1');
export const textOf = (bytes: Bytes): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** The character that begins at a byte, and how many bytes it takes. NO_RUNE with size 1: these are no UTF-8. */
export function runeAt(bytes: Bytes, at: number): { rune: number; size: number } {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return { rune: first, size: 1 };
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  let rune = first & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const next = bytes.charCodeAt(at + i);
    if ((next & 0xc0) !== 0x80) return { rune: NO_RUNE, size: 1 };
    rune = (rune << 6) | (next & 0x3f);
  }
  const lowest = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  const bad = first < 0xc2 || first > 0xf4 || rune < lowest || rune > HIGHEST_RUNE || isSurrogate(rune);
  return bad ? { rune: NO_RUNE, size: 1 } : { rune, size };
}

/** How many characters there are; a byte that is no UTF-8 counts as one. */
export function runeCount(bytes: Bytes): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at += runeAt(bytes, at).size) count++;
  return count;
}

/** At most so many characters from the start. */
export function firstRunes(bytes: Bytes, most: number): Bytes {
  let at = 0;
  for (let count = 0; count < most && at < bytes.length; count++) at += runeAt(bytes, at).size;
  return bytes.slice(0, at);
}

/** A character as UTF-8; for a number that is no character that of NO_RUNE. */
export function encodeRune(rune: number): Bytes {
  const known = rune >= 0 && rune <= HIGHEST_RUNE && !isSurrogate(rune);
  return bytesOf(String.fromCodePoint(known ? rune : NO_RUNE));
}

export const isSurrogate = (rune: number): boolean => rune >= 0xd800 && rune <= 0xdfff;

/** What Go prints as it is: letters, marks, numbers, punctuation, symbols, and of all spaces the plain one. */
export const isPrintable = (rune: number): boolean =>
  rune <= HIGHEST_RUNE && /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(String.fromCodePoint(rune));

/** What names consist of. */
export const isWordRune = (rune: number): boolean =>
  rune < 0x80 ? /\w/.test(String.fromCharCode(rune)) : /[\p{L}\p{Nd}]/u.test(String.fromCodePoint(rune));
