/** The functions index, slice and len. */
import { CallError } from '../errors.ts';
import { followed, typeOf, type Value } from '../value.ts';

/** The first value, indexed by all others in turn. */
export function index([item, ...keys]: readonly Value[]): Value {
  if (item === undefined) throw new CallError('index of untyped nil');
  let value: Value = item;
  for (const key of keys) {
    value = followed(value);
    if (typeof value === 'string') {
      const at = position(key, value.length);
      if (at === value.length) throw new CallError('reflect: string index out of range');
      value = { kind: 'uint8', value: value.charCodeAt(at) };
    } else if (typeof value === 'object' && value.kind === 'map') {
      if (key === undefined) throw new CallError('value is nil; should be of type string');
      if (typeof key !== 'string') throw new CallError(`value has type ${typeOf(key)}; should be string`);
      value = value.entries.get(key) ?? '';
    } else throw new CallError(`can't index item of type ${typeOf(value)}`);
  }
  return value;
}

/** A part of a string: from the second value, up to the third. */
export function slice([item, ...bounds]: readonly Value[]): Value {
  if (item === undefined) throw new CallError('slice of untyped nil');
  if (bounds.length > 3) throw new CallError(`too many slice indexes: ${bounds.length}`);
  if (typeof item !== 'string') throw new CallError(`can't slice item of type ${typeOf(item)}`);
  if (bounds.length === 3) throw new CallError('cannot 3-index slice a string');
  const [from = 0, to = item.length] = bounds.map((bound) => position(bound, item.length));
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`);
  return item.slice(from, to);
}

export function length([item]: readonly Value[]): Value {
  const value = followed(item);
  if (value === undefined) throw new CallError('reflect: call of reflect.Value.Type on zero Value');
  if (typeof value === 'string') return BigInt(value.length);
  if (typeof value === 'object' && value.kind === 'map') return BigInt(value.entries.size);
  throw new CallError(`len of type ${typeOf(value)}`);
}

/** A place in something so long; its end is one. */
function position(key: Value, length: number): number {
  if (key === undefined) throw new CallError('cannot index slice/array with nil');
  const at = typeof key === 'object' && key.kind === 'uint8' ? BigInt(key.value) : key;
  if (typeof at !== 'bigint') throw new CallError(`cannot index slice/array with type ${typeOf(key)}`);
  if (at < 0n || at > BigInt(length)) throw new CallError(`index out of range: ${at}`);
  return Number(at);
}
