/** Numbers as they are written in templates. */
import type { Bytes } from '../bytes.ts';
import { quote } from '../quote.ts';
import type { Complex } from '../value.ts';

const LARGEST = 2n ** 63n;

/** The value of a number; undefined for an integer that is too large for an int. Or what is wrong with it. */
export function readNumber(
  source: Bytes,
): { value: bigint | number | Complex | undefined } | { error: Bytes } {
  const illegal = { error: `illegal number syntax: ${quote(source)}` };
  if (source.endsWith('i')) {
    const imaginary = readFloat(source.slice(0, -1));
    return imaginary === undefined ? illegal : { value: { kind: 'complex128', real: 0, imaginary } };
  }
  const int = readInt(source);
  if (int !== undefined && int >= -LARGEST && int < 2n * LARGEST)
    return { value: int < LARGEST ? int : undefined };
  const float = readFloat(source);
  if (float === undefined) return illegal;
  return /[.eEpP]/.test(source) ? { value: float } : { error: `integer overflow: ${quote(source)}` };
}

/** `1+2i`; undefined if it is no such number. */
export function readComplex(source: Bytes): Complex | undefined {
  const [, first, second] = /^([-+]?[^-+]+(?:[eEpP][-+]\d+)?)([-+].*)i$/.exec(source) ?? [];
  const real = readFloat(first ?? '');
  const imaginary = readFloat(second ?? '');
  if (real === undefined || imaginary === undefined) return undefined;
  return { kind: 'complex128', real, imaginary };
}

/** Underscores may stand between digits, and behind what says the base. */
function underscoresAreGood(source: Bytes): boolean {
  const isHex = /^[-+]?0[xX]/.test(source);
  const digits = source.replace(/^[-+]?(?:0[xXoObB])?/, (prefix) => (prefix.length > 1 ? '0' : ''));
  return !(isHex ? /(?:^|[^0-9a-fA-F])_|_(?:$|[^0-9a-fA-F])/ : /(?:^|[^0-9])_|_(?:$|[^0-9])/).test(digits);
}

function readInt(source: Bytes): bigint | undefined {
  const [, sign, digits = ''] = /^([-+]?)(.*)$/s.exec(source)!;
  if (!underscoresAreGood(source)) return undefined;
  const plain = digits.replaceAll('_', '').toLowerCase();
  const octal = /^0[0-7]+$/.test(plain) ? `0o${plain.slice(1)}` : plain;
  if (!/^(?:0|[1-9][0-9]*|0x[0-9a-f]+|0o[0-7]+|0b[01]+)$/.test(octal)) return undefined;
  return sign === '-' ? -BigInt(octal) : BigInt(octal);
}

function readFloat(source: Bytes): number | undefined {
  if (!underscoresAreGood(source)) return undefined;
  const plain = source.replaceAll('_', '');
  const value = /^[-+]?0[xX]/.test(plain) ? readHexFloat(plain) : readDecimal(plain);
  return value === undefined || !Number.isFinite(value) ? undefined : value;
}

const readDecimal = (source: Bytes): number | undefined =>
  /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(source) ? Number(source) : undefined;

function readHexFloat(source: Bytes): number | undefined {
  const match = /^([-+]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([-+]?[0-9]+)$/.exec(source);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent] = match;
  if (whole + fraction === '') return undefined;
  const power = Number(exponent) - 4 * fraction.length;
  return (sign === '-' ? -1 : 1) * Number(`0x${whole}${fraction}`) * 2 ** power;
}
