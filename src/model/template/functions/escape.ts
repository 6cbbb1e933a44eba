/** The functions html, js and urlquery: text made fit for a place. */
import { type Bytes, encodeRune, isPrintable, runeAt } from '../bytes.ts';

const HTML: Readonly<Record<string, string>> = {
  '\0': encodeRune(0xfffd),
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

export const escapeHtml = (text: Bytes): Bytes => text.replace(/[\0"'&<>]/g, (char) => HTML[char]!);

export function escapeJs(text: Bytes): Bytes {
  let escaped = '';
  for (let at = 0; at < text.length; ) {
    const { rune, size } = runeAt(text, at);
    const bytes = text.slice(at, at + size);
    at += size;
    if (/[\\'"]/.test(bytes)) escaped += `\\${bytes}`;
    else if (rune < 0x20 || /[<>&=]/.test(bytes) || (rune >= 0x80 && !isPrintable(rune)))
      escaped += `\\u${rune.toString(16).toUpperCase().padStart(4, '0')}`;
    else escaped += bytes;
  }
  return escaped;
}

export const escapeQuery = (text: Bytes): Bytes =>
  text.replace(/[^A-Za-z0-9_.~-]/g, (char) =>
    char === ' ' ? '+' : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
