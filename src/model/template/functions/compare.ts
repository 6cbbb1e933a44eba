/** The functions eq, ne, lt, le, gt and ge. */
import { CallError } from '../errors.ts';
import { show } from '../fmt/print.ts';
import type { Limits } from '../limits.ts';
import { kindOf, typeOf, type Value } from '../value.ts';

/** True if the first value is one of the others. */
export function equalsAny([first, ...others]: readonly Value[], limits: Limits): boolean {
  if (others.length === 0) throw new CallError('missing argument for comparison');
  return others.some((other) => equal(first, other, limits));
}

/** True if the first of two values comes before the second. */
export function less([a, b]: readonly Value[]): boolean {
  for (const value of [a, b]) if (!isBasic(value)) throw new CallError('invalid type for comparison');
  const [x, y] = [ordered(a), ordered(b)];
  if (typeof x !== typeof y || (kindOf(a) === 'bool') !== (kindOf(b) === 'bool')) throw incompatible(a, b);
  if (x === undefined || y === undefined) throw new CallError('invalid type for comparison');
  return x < y;
}

function equal(a: Value, b: Value, limits: Limits): boolean {
  if (isBasic(a) || isBasic(b)) {
    if (a === undefined || b === undefined) return false;
    if (!isBasic(a) || !isBasic(b) || basicKind(a) !== basicKind(b)) throw incompatible(a, b);
    return sameBasic(a, b);
  }
  const kinds = [kindOf(a), kindOf(b)];
  if (kinds[0] !== kinds[1] && a !== undefined && b !== undefined)
    throw new CallError(
      `non-comparable types ${show(a, limits)}: ${typeOf(a)}, ${typeOf(b)}: ${show(b, limits)}`,
    );
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (!isComparable(b)) throw new CallError(`non-comparable type ${show(b, limits)}: ${typeOf(b)}`);
  return same(a, b);
}

/** Both signed and unsigned integers are ints when it comes to comparing. */
const basicKind = (value: Value): string => (kindOf(value) === 'uint8' ? 'int' : kindOf(value));

function isBasic(value: Value): boolean {
  return !['invalid', 'map', 'struct', 'pointer'].includes(kindOf(value));
}

/** What `<` compares; undefined for what has no order. */
function ordered(value: Value): bigint | number | string | undefined {
  if (typeof value === 'object') return value.kind === 'uint8' ? BigInt(value.value) : undefined;
  return typeof value === 'boolean' ? undefined : value;
}

function sameBasic(a: Value, b: Value): boolean {
  if (typeof a === 'object' && a.kind === 'complex128' && typeof b === 'object' && b.kind === 'complex128')
    return a.real === b.real && a.imaginary === b.imaginary;
  return typeof a === 'boolean' ? a === b : ordered(a) === ordered(b);
}

const isNil = (value: Value): boolean =>
  value === undefined || (typeof value === 'object' && value.kind === 'map' && value.entries.size === 0);

/** A struct with a map in it is not comparable, and a map is not. */
function isComparable(value: Value): boolean {
  if (typeof value !== 'object') return true;
  if (value.kind === 'struct') return value.fields.every((field) => isComparable(field.value));
  return value.kind !== 'map';
}

function same(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (a.kind !== 'struct' || b.kind !== 'struct') return a === b;
  return a.type === b.type && a.fields.every(({ value }, at) => same(value, b.fields[at]?.value));
}

const incompatible = (a: Value, b: Value): CallError =>
  new CallError(`incompatible types for comparison: ${typeOf(a)} and ${typeOf(b)}`);
