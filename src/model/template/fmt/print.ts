/** What fmt.Sprint and its kin make of values. */
import { type Bytes, encodeRune } from '../bytes.ts';
import type { Limits } from '../limits.ts';
import { type Complex, type Labels, type Pointer, type Struct, typeOf, type Value } from '../value.ts';
import { type Flags, formatFloatVerb, formatInteger, formatString, isFloatVerb, pad } from './format.ts';

/** Where things lie in memory is nobody's business, and differs from run to run where it is shown. */
const ADDRESS = 0xc000000000n;

/** The values in a row, with a space between two of which neither is a string. */
export function print(values: readonly Value[], limits: Limits): Bytes {
  let text = '';
  values.forEach((value, at) => {
    const bare = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string';
    text += (bare ? ' ' : '') + show(value, limits);
  });
  return text;
}

/** The values on a line, with a space between all of them. */
export const printLine = (values: readonly Value[], limits: Limits): Bytes =>
  `${values.map((value) => show(value, limits)).join(' ')}\n`;

/** A value as `%v` prints it. */
export const show = (value: Value, limits: Limits): Bytes => new Printer({}, limits).argument(value, 'v');

/** Prints values for one verb with its flags. */
export class Printer {
  readonly #flags: Flags;
  readonly #limits: Limits;

  constructor(flags: Flags, limits: Limits) {
    this.#flags = flags;
    this.#limits = limits;
  }

  /** An argument of Printf for a verb, be the verb good for it or not. */
  argument(value: Value, verb: string): Bytes {
    const isVerbOfAll = verb === 'T' || verb === 'v';
    if (value === undefined) return isVerbOfAll ? this.#pad('<nil>') : this.#bad(value, verb);
    if (verb === 'T') return formatString(typeOf(value), 's', this.#flags, this.#limits)!;
    if (verb === 'p') return this.#address(value, verb);
    // For errors only, and nothing here is one.
    if (verb === 'w') return this.#bad(value, verb);
    return this.#value(value, verb, 0);
  }

  #value(value: Value, verb: string, depth: number): Bytes {
    this.#limits.step();
    const known = this.#known(value, verb, depth);
    return known ?? this.#bad(value, verb);
  }

  /** Undefined if the verb is none for such values. */
  #known(value: Value, verb: string, depth: number): Bytes | undefined {
    switch (typeof value) {
      case 'boolean':
        return verb === 't' || verb === 'v' ? this.#pad(String(value)) : undefined;
      case 'bigint':
        return formatInteger(value, verb, this.#flags, this.#limits);
      case 'number':
        return isFloatVerb(verb) ? formatFloatVerb(value, verb, this.#flags, this.#limits) : undefined;
      case 'string':
        return formatString(value, verb, this.#flags, this.#limits);
      case 'undefined':
        return undefined;
    }
    switch (value.kind) {
      case 'uint8':
        return this.#unsigned(BigInt(value.value), verb);
      case 'complex128':
        return isFloatVerb(verb) ? this.#complex(value, verb) : undefined;
      case 'map':
        return this.#map(value, verb, depth);
      case 'struct':
        return this.#struct(value, verb, depth);
      case 'pointer':
        return depth === 0 && value.to ? `&${this.#value(value.to, verb, 1)}` : this.#address(value, verb);
    }
  }

  #unsigned(value: bigint, verb: string): Bytes | undefined {
    if (verb === 'v' && this.#flags.go)
      return formatInteger(value, 'x', { ...this.#flags, sharp: true }, this.#limits);
    return formatInteger(value, verb, this.#flags, this.#limits);
  }

  #complex({ real, imaginary }: Complex, verb: string): Bytes {
    const first = formatFloatVerb(real, verb, this.#flags, this.#limits);
    const second = formatFloatVerb(imaginary, verb, { ...this.#flags, plus: true }, this.#limits);
    return `(${first}${second}i)`;
  }

  #map(map: Labels, verb: string, depth: number): Bytes {
    const { go } = this.#flags;
    if (go && map.entries.size === 0) return `${typeOf(map)}(nil)`;
    const entries = Array.from(map.entries, ([key, value]) => {
      return `${this.#value(key, verb, depth + 1)}:${this.#value(value, verb, depth + 1)}`;
    });
    return go ? `${typeOf(map)}{${entries.join(', ')}}` : `map[${entries.join(' ')}]`;
  }

  #struct({ type, fields }: Struct, verb: string, depth: number): Bytes {
    const { go, named } = this.#flags;
    const shown = fields.map(({ name, value }) => {
      return `${go || named ? `${name}:` : ''}${this.#value(value, verb, depth + 1)}`;
    });
    return go ? `${type}{${shown.join(', ')}}` : `{${shown.join(' ')}}`;
  }

  #address(value: Value, verb: string): Bytes {
    const isPointer = typeof value === 'object' && (value.kind === 'pointer' || value.kind === 'map');
    if (!isPointer || !/^[vpbodxX]$/.test(verb)) return this.#bad(value, verb);
    if (!/^[vp]$/.test(verb)) return formatInteger(ADDRESS, verb, this.#flags, this.#limits)!;
    const { go, sharp } = this.#flags;
    const flags = { ...this.#flags, sharp: go || !sharp };
    const address = formatInteger(ADDRESS, 'x', flags, this.#limits)!;
    return go && verb === 'v' ? `(${(value as Pointer).type})(${address})` : address;
  }

  /** What stands there for a verb that is none for this value. */
  #bad(value: Value, verb: string): Bytes {
    const what = value === undefined ? '<nil>' : `${typeOf(value)}=${this.#bare(value)}`;
    return `%!${encodeRune(verb.codePointAt(0)!)}(${what})`;
  }

  #bare(value: Value): Bytes {
    return this.#known(value, 'v', 0) ?? '';
  }

  #pad(text: Bytes): Bytes {
    return pad(text, this.#flags, this.#limits);
  }
}
