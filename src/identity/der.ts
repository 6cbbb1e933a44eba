/** DER as far as certificates need it: elements read strictly, and written. */

export interface Element {
  tag: number;
  /** The element with its header, and its content alone. */
  raw: Buffer;
  content: Buffer;
}

/** The elements that the bytes consist of, one after the other. Throws if they do not. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at);
    found.push(element);
    at += element.raw.length;
  }
  return found;
}

/** The elements in the one element, of that tag, that the bytes are. Throws if they are something else. */
export function within(bytes: Buffer, tag: number): Element[] {
  const [only, ...others] = elements(bytes);
  if (only?.tag !== tag || others.length > 0) throw new Error('not the expected DER');
  return elements(only.content);
}

function elementAt(bytes: Buffer, at: number): Element {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  // Of lengths in four bytes and more nothing is made that we read; 0x80 is a length that is told at the end.
  if (tag === undefined || first === undefined || first === 0x80 || first > 0x83) throw new Error('not DER');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (start > bytes.length) throw new Error('not DER');
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const end = start + length;
  if (end > bytes.length) throw new Error('not DER');
  return { tag, raw: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}

export const SEQUENCE = 0x30;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;

/** The tag of an element that is told apart by a number; `constructed`: it consists of elements. */
export function context(number: number, constructed: boolean): number {
  return (constructed ? 0xa0 : 0x80) | number;
}

export function write(tag: number, ...parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, { length: each }) => sum + each, 0);
  const lengthBytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) lengthBytes.unshift(left % 256);
  const header = length < 0x80 ? [length] : [0x80 | lengthBytes.length, ...lengthBytes];
  return Buffer.concat([Buffer.from([tag, ...header]), ...parts]);
}

export function sequence(...parts: Buffer[]): Buffer {
  return write(SEQUENCE, ...parts);
}

export const NULL = write(0x05);
export const TRUE = write(0x01, Buffer.from([0xff]));

/** From dotted text. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...others] = text.split('.').map(Number);
  const bytes = [40 * first + second, ...others].flatMap((value) => {
    const groups = [value % 128];
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return write(0x06, Buffer.from(bytes));
}

/** Of bytes that are a positive number without zeros in front. */
export function integer(bytes: Buffer): Buffer {
  return write(0x02, bytes);
}

export function octets(content: Buffer): Buffer {
  return write(OCTET_STRING, content);
}

/** `unused`: how many of the last bits are none. */
export function bits(content: Buffer, unused = 0): Buffer {
  return write(BIT_STRING, Buffer.from([unused]), content);
}

/** A text as names have it: PrintableString where that will do, as other programs write it, or else UTF8String. */
export function text(value: string): Buffer {
  return write(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? 0x13 : 0x0c, Buffer.from(value));
}

/** UTCTime, or GeneralizedTime from 2050 on, as RFC 5280 wants it; `ms` since the epoch, cut to seconds. */
export function time(ms: number): Buffer {
  const digits = `${new Date(ms).toISOString().replace(/\.\d+Z|\D/g, '')}Z`;
  return digits < '2050' ? write(0x17, Buffer.from(digits.slice(2))) : write(0x18, Buffer.from(digits));
}
