/** The values that can occur in a template, and what Go says of them. */
import type { Bytes } from './bytes.ts';

/** Undefined is Go's nil, or no value at all; a bigint is an int, a number a float64. */
export type Value =
  | undefined
  | boolean
  | bigint
  | number
  | Bytes
  | Byte
  | Complex
  | Labels
  | Struct
  | Pointer;

/** One byte of a string. */
export interface Byte {
  readonly kind: 'uint8';
  readonly value: number;
}

export interface Complex {
  readonly kind: 'complex128';
  readonly real: number;
  readonly imaginary: number;
}

/** A map of strings, with its keys in order. None are nil. */
export interface Labels {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<Bytes, Bytes>;
}

export interface Struct {
  readonly kind: 'struct';
  readonly type: Bytes;
  readonly fields: readonly Field[];
  /** What it, or a pointer to it, can be asked to do; all take a string and give one. */
  readonly methods: ReadonlyMap<Bytes, (text: Bytes) => Bytes>;
}

export interface Field {
  readonly name: Bytes;
  readonly value: Value;
  /** Its own fields and methods count as those of the struct that it is in. */
  readonly embedded?: boolean;
  readonly hidden?: boolean;
}

export interface Pointer {
  readonly kind: 'pointer';
  readonly type: Bytes;
  /** Undefined for what templates cannot look into. */
  readonly to: Struct | undefined;
}

export type Kind =
  | 'invalid'
  | 'bool'
  | 'int'
  | 'uint8'
  | 'float64'
  | 'complex128'
  | 'string'
  | 'map'
  | 'struct'
  | 'pointer';

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'undefined':
      return 'invalid';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float64';
    case 'string':
      return 'string';
    default:
      return value.kind;
  }
}

/** What Go calls its type. */
export function typeOf(value: Value): Bytes {
  if (typeof value !== 'object') return kindOf(value);
  if (value.kind === 'map') return 'map[string]string';
  return value.kind === 'struct' || value.kind === 'pointer' ? value.type : value.kind;
}

/** Whether `if` takes it for true. */
export function truth(value: Value): boolean {
  if (typeof value !== 'object') return Boolean(value);
  switch (value.kind) {
    case 'uint8':
      return value.value !== 0;
    case 'complex128':
      return value.real !== 0 || value.imaginary !== 0;
    case 'map':
      return value.entries.size > 0;
    default:
      return true;
  }
}

/** What a pointer points to; all else as it is. */
export const followed = (value: Value): Value =>
  typeof value === 'object' && value.kind === 'pointer' && value.to !== undefined ? value.to : value;
