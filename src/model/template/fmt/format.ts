/** How fmt.Printf pads and writes single values: the flags, width and precision of one verb. */
import { type Bytes, encodeRune, firstRunes, isPrintable, runeCount } from '../bytes.ts';
import type { Limits } from '../limits.ts';
import { canBackquote, quote, quoteRune } from '../quote.ts';
import { formatFloat } from './float.ts';

/** What stands between the percent sign and the verb. */
export interface Flags {
  width?: number;
  precision?: number;
  minus?: boolean;
  plus?: boolean;
  sharp?: boolean;
  space?: boolean;
  zero?: boolean;
  /** `%+v`: structs with the names of their fields. */
  named?: boolean;
  /** `%#v`: as Go would write the value. */
  go?: boolean;
}

/** Fills up to the width, with zeros where the flags say so and there is something to the right of them. */
export function pad(text: Bytes, flags: Flags, limits: Limits, zero = flags.zero): Bytes {
  const missing = flags.width === undefined ? 0 : flags.width - runeCount(text);
  limits.bytes(text.length + Math.max(missing, 0));
  if (missing <= 0) return text;
  if (flags.minus) return text + ' '.repeat(missing);
  return (zero ? '0' : ' ').repeat(missing) + text;
}

const INTEGER_BASES: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

/** An integer for a verb; undefined if the verb is none for integers. */
export function formatInteger(value: bigint, verb: string, flags: Flags, limits: Limits): Bytes | undefined {
  const rune = value < 0n || value > 0x10ffffn ? -1 : Number(value);
  if (verb === 'c') return pad(encodeRune(rune), flags, limits);
  if (verb === 'q') return pad(quoteRune(rune < 0 ? 0xfffd : rune, flags.plus === true), flags, limits);
  if (verb === 'U') return pad(unicode(value, rune, flags, limits), flags, limits, false);
  const base = Object.hasOwn(INTEGER_BASES, verb) ? INTEGER_BASES[verb]! : undefined;
  return base === undefined ? undefined : pad(digits(value, base, verb, flags, limits), flags, limits, false);
}

function unicode(value: bigint, rune: number, flags: Flags, limits: Limits): Bytes {
  const wide = Math.max(flags.precision ?? 0, 4);
  limits.bytes(wide);
  const code = `U+${BigInt.asUintN(64, value).toString(16).toUpperCase().padStart(wide, '0')}`;
  return flags.sharp && rune >= 0 && isPrintable(rune) ? `${code} '${encodeRune(rune)}'` : code;
}

function digits(value: bigint, base: number, verb: string, flags: Flags, limits: Limits): Bytes {
  if (flags.precision === 0 && value === 0n) return '';
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const fills = flags.zero && !flags.minus && flags.precision === undefined;
  const least = flags.precision ?? (fills ? (flags.width ?? 0) - sign.length : 0);
  limits.bytes(Math.max(least, 0));
  let text = (value < 0n ? -value : value).toString(base).padStart(least, '0');
  if (verb === 'X') text = text.toUpperCase();
  if (flags.sharp && base === 2) text = `0b${text}`;
  if (flags.sharp && base === 8 && !text.startsWith('0')) text = `0${text}`;
  if (flags.sharp && base === 16) text = `0${verb === 'X' ? 'X' : 'x'}${text}`;
  if (verb === 'O') text = `0o${text}`;
  return sign + text;
}

/** A string for a verb; undefined if the verb is none for strings. */
export function formatString(value: Bytes, verb: string, flags: Flags, limits: Limits): Bytes | undefined {
  switch (verb) {
    case 's':
      return pad(cut(value, flags), flags, limits);
    case 'v':
      return flags.go ? quoted(value, flags, limits) : pad(cut(value, flags), flags, limits);
    case 'q':
      return quoted(value, flags, limits);
    case 'x':
    case 'X':
      return hex(value, verb, flags, limits);
    default:
      return undefined;
  }
}

const cut = (value: Bytes, { precision }: Flags): Bytes =>
  precision === undefined ? value : firstRunes(value, precision);

function quoted(value: Bytes, flags: Flags, limits: Limits): Bytes {
  const text = cut(value, flags);
  limits.bytes(4 * text.length);
  const raw = flags.sharp && canBackquote(text);
  return pad(raw ? `\`${text}\`` : quote(text, flags.plus), flags, limits);
}

function hex(value: Bytes, verb: 'x' | 'X', flags: Flags, limits: Limits): Bytes {
  const bytes = value.slice(0, flags.precision);
  limits.bytes(5 * bytes.length);
  const prefix = flags.sharp ? `0${verb}` : '';
  const pairs = Array.from(bytes, (char) => {
    const pair = char.charCodeAt(0).toString(16).padStart(2, '0');
    return verb === 'X' ? pair.toUpperCase() : pair;
  });
  const text = pairs.join(flags.space ? ` ${prefix}` : '');
  return pad(text && prefix + text, flags, limits);
}

/** What the verbs of floats are to FormatFloat, and how many digits they give if the flags say nothing. */
const FLOAT_FORMS: Readonly<Record<string, [form: string, precision: number]>> = {
  v: ['g', -1],
  g: ['g', -1],
  G: ['G', -1],
  b: ['b', -1],
  x: ['x', -1],
  X: ['X', -1],
  e: ['e', 6],
  E: ['E', 6],
  f: ['f', 6],
  F: ['f', 6],
};

export const isFloatVerb = (verb: string): boolean => Object.hasOwn(FLOAT_FORMS, verb);

/** A float for a verb that isFloatVerb knows. */
export function formatFloatVerb(value: number, verb: string, flags: Flags, limits: Limits): Bytes {
  const [form, usual] = FLOAT_FORMS[verb]!;
  const precision = flags.precision ?? usual;
  limits.bytes(Math.max(precision, 0));
  const text = formatFloat(value, form, precision);
  const sign = text.startsWith('-') ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  let number = text.replace(/^-/, '');
  if (flags.sharp && form !== 'b') number = withPoint(number, form, precision);
  if (sign === '' || !flags.zero || flags.minus) return pad(sign + number, flags, limits);
  return sign + pad(number, { ...flags, width: (flags.width ?? 0) - 1 }, limits);
}

/** The form that `#` asks for: with a point, and with the zeros at the end that %g leaves out. */
function withPoint(number: Bytes, form: string, precision: number): Bytes {
  const tailAt = number.search(/^[xX]$/.test(form) ? /[pP]/ : /[eEpP]/);
  const tail = tailAt < 0 ? '' : number.slice(tailAt);
  const head = tailAt < 0 ? number : number.slice(0, tailAt);
  const wanted = /^[gGx]$/.test(form) ? (precision < 0 ? 6 : precision) : 0;
  const significant = head.replace(/[.]/g, '').replace(/^0+/, '').length;
  const zeroAlone = head === '0' ? 1 : 0;
  const zeros = '0'.repeat(Math.max(wanted - significant - zeroAlone, 0));
  return `${head}${head.includes('.') ? '' : '.'}${zeros}${tail}`;
}
