/** Floats as Go's strconv.FormatFloat writes them, exactly. */
import type { Bytes } from '../bytes.ts';

/** Digits without leading zeros, and where the point stands among them: 0.d1d2… · 10^point. */
interface Decimal {
  digits: string;
  point: number;
}

/** For finite floats. `form`: e, E, f, g, G, b, x or X. A precision of -1: as few digits as tell this float from all others. */
export function formatFloat(value: number, form: string, precision: number): Bytes {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return sign + unsigned(Math.abs(value), form, precision);
}

function unsigned(value: number, form: string, precision: number): Bytes {
  switch (form) {
    case 'b':
      return binary(value);
    case 'x':
      return hexadecimal(value, precision);
    case 'X':
      return hexadecimal(value, precision).toUpperCase();
    case 'f': {
      const decimal = precision < 0 ? shortest(value) : roundAt(exact(value), (at) => at + precision);
      const after = precision < 0 ? Math.max(decimal.digits.length - decimal.point, 0) : precision;
      return fixed(decimal, after);
    }
    case 'e':
    case 'E': {
      const decimal = precision < 0 ? shortest(value) : roundAt(exact(value), () => precision + 1);
      const digits = precision < 0 ? decimal.digits.length || 1 : precision + 1;
      return exponential(decimal, digits, form);
    }
    default:
      return general(value, form === 'G' ? 'E' : 'e', precision);
  }
}

function general(value: number, letter: string, precision: number): Bytes {
  const wanted = precision === 0 ? 1 : precision;
  const decimal = wanted < 0 ? shortest(value) : roundAt(exact(value), () => wanted);
  const digits = decimal.digits.replace(/0+$/, '');
  const size = Math.max(digits.length, 1);
  // Large and small numbers are written with an exponent; of how many digits, depends on how many there are.
  const enough = wanted > digits.length && digits.length >= decimal.point;
  const limit = wanted < 0 ? 6 : enough ? digits.length : wanted;
  const exponent = decimal.point - 1;
  if (exponent < -4 || exponent >= limit) return exponential({ ...decimal, digits }, size, letter);
  return fixed({ ...decimal, digits }, Math.max(digits.length - decimal.point, 0));
}

function fixed({ digits, point }: Decimal, after: number): Bytes {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  if (after === 0) return whole;
  const fraction = point < 0 ? '0'.repeat(-point) + digits : digits.slice(point);
  return `${whole}.${fraction.slice(0, after).padEnd(after, '0')}`;
}

function exponential({ digits, point }: Decimal, count: number, letter: string): Bytes {
  const shown = digits.padEnd(count, '0');
  const exponent = digits === '' || /^0*$/.test(digits) ? 0 : point - 1;
  const power = String(Math.abs(exponent)).padStart(2, '0');
  return `${shown[0]}${count > 1 ? `.${shown.slice(1, count)}` : ''}${letter}${exponent < 0 ? '-' : '+'}${power}`;
}

function shortest(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 };
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

/** All digits that the float has. */
function exact(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 };
  const { mantissa, power } = parts(value);
  if (power >= 0) {
    const digits = (mantissa << BigInt(power)).toString();
    return { digits, point: digits.length };
  }
  // m / 2^k is m · 5^k / 10^k.
  const digits = (mantissa * 5n ** BigInt(-power)).toString();
  return { digits, point: digits.length + power };
}

/** At most so many digits as `places` says for the point, rounded to the nearest, a half to the even one. */
function roundAt({ digits, point }: Decimal, places: (point: number) => number): Decimal {
  const count = places(point);
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: '', point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const isHalf = /^50*$/.test(rest);
  const up = isHalf ? count > 0 && Number(kept.at(-1)) % 2 === 1 : rest[0]! >= '5';
  if (!up) return { digits: kept, point: /^0*$/.test(kept) ? 0 : point };
  const next = (BigInt(kept || '0') + 1n).toString();
  return { digits: next, point: point + (next.length - count) };
}

/** A float is mantissa · 2^power. */
function parts(value: number): { mantissa: bigint; power: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const exponent = Number((bits.getBigUint64(0) >> 52n) & 0x7ffn);
  const fraction = bits.getBigUint64(0) & ((1n << 52n) - 1n);
  return exponent === 0
    ? { mantissa: fraction, power: -1074 }
    : { mantissa: fraction | (1n << 52n), power: exponent - 1075 };
}

function binary(value: number): Bytes {
  const { mantissa, power } = parts(value);
  return `${mantissa}p${power < 0 ? '' : '+'}${power}`;
}

/** 0x1.8p+01: one binary digit, the rest in hexadecimal. */
function hexadecimal(value: number, precision: number): Bytes {
  let { mantissa, power } = parts(value);
  if (mantissa === 0n) power = -52;
  while (mantissa !== 0n && mantissa < 1n << 52n) {
    mantissa <<= 1n;
    power--;
  }
  const drop = precision >= 0 && precision < 13 ? BigInt(52 - 4 * precision) : 0n;
  if (drop > 0n) {
    const rest = mantissa & ((1n << drop) - 1n);
    const half = 1n << (drop - 1n);
    mantissa >>= drop;
    if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa++;
    mantissa <<= drop;
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n;
      power++;
    }
  }
  const digits = (mantissa & ((1n << 52n) - 1n)).toString(16).padStart(13, '0');
  const shown = precision < 0 ? digits.replace(/0+$/, '') : digits.slice(0, precision).padEnd(precision, '0');
  const exponent = power + 52;
  const tail = `p${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return `0x${mantissa === 0n ? 0 : 1}${shown && `.${shown}`}${tail}`;
}
