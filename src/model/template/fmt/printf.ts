/** fmt.Sprintf: reads the format, takes the arguments one by one, and says in the text what does not fit. */
import { type Bytes, encodeRune, runeAt } from '../bytes.ts';
import type { Limits } from '../limits.ts';
import { typeOf, type Value } from '../value.ts';
import type { Flags } from './format.ts';
import { Printer, show } from './print.ts';

/** Larger widths and precisions are none. */
const WIDEST = 1e6;
const FLAGS: Readonly<Record<string, keyof Flags>> = {
  '#': 'sharp',
  '0': 'zero',
  '+': 'plus',
  '-': 'minus',
  ' ': 'space',
};

/** The text that a format and its arguments make. Never fails but for the limits. */
export function printf(format: Bytes, args: readonly Value[], limits: Limits): Bytes {
  return new Formatter(format, args, limits).all();
}

class Formatter {
  readonly #format: Bytes;
  readonly #args: readonly Value[];
  readonly #limits: Limits;
  #at = 0;
  /** The argument that is next. */
  #next = 0;
  /** Arguments were asked for by number, so nobody knows whether all were used. */
  #reordered = false;
  /** The numbers of arguments made sense for the verb at hand. */
  #good = true;
  /** Just before there was the number of an argument. */
  #indexed = false;

  constructor(format: Bytes, args: readonly Value[], limits: Limits) {
    this.#format = format;
    this.#args = args;
    this.#limits = limits;
  }

  all(): Bytes {
    let text = '';
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at);
      const end = percent < 0 ? this.#format.length : percent;
      text += this.#format.slice(this.#at, end);
      this.#at = end + 1;
      if (percent >= 0) text += this.#verb();
    }
    if (this.#reordered || this.#next >= this.#args.length) return text;
    const extra = this.#args
      .slice(this.#next)
      .map((arg) => (arg === undefined ? '<nil>' : `${typeOf(arg)}=${show(arg, this.#limits)}`));
    return `${text}%!(EXTRA ${extra.join(', ')})`;
  }

  #verb(): Bytes {
    this.#limits.step();
    const flags: Flags = {};
    this.#good = true;
    this.#indexed = false;
    for (; Object.hasOwn(FLAGS, this.#format[this.#at] ?? ''); this.#at++) {
      Object.assign(flags, { [FLAGS[this.#format[this.#at]!]!]: true });
    }
    let said = this.#width(flags) + this.#precision(flags);
    if (!this.#indexed) this.#number();
    if (this.#at >= this.#format.length) return `${said}%!(NOVERB)`;
    const { rune, size } = runeAt(this.#format, this.#at);
    this.#at += size;
    said += this.#printed(String.fromCodePoint(rune), flags);
    return said;
  }

  #printed(verb: string, flags: Flags): Bytes {
    if (verb === '%') return '%';
    const name = `%!${encodeRune(verb.codePointAt(0)!)}`;
    if (!this.#good) return `${name}(BADINDEX)`;
    if (this.#next >= this.#args.length) return `${name}(MISSING)`;
    const value = this.#args[this.#next++];
    if (verb !== 'v' && verb !== 'w') return new Printer(flags, this.#limits).argument(value, verb);
    const { sharp: go, plus: named, ...rest } = flags;
    return new Printer({ ...rest, go, named }, this.#limits).argument(value, verb);
  }

  /** Reads `[2]`, `*` or a number; returns what is to be said of a bad one. */
  #width(flags: Flags): Bytes {
    this.#number();
    if (this.#format[this.#at] !== '*') {
      flags.width = this.#digits();
      if (this.#indexed && flags.width !== undefined) this.#good = false;
      return '';
    }
    this.#at++;
    this.#indexed = false;
    const width = this.#integer();
    if (width === undefined) return '%!(BADWIDTH)';
    if (width < 0) Object.assign(flags, { minus: true, zero: false });
    flags.width = Math.abs(width);
    return '';
  }

  #precision(flags: Flags): Bytes {
    if (this.#format[this.#at] !== '.' || this.#at + 1 >= this.#format.length) return '';
    this.#at++;
    if (this.#indexed) this.#good = false;
    this.#number();
    if (this.#format[this.#at] !== '*') {
      flags.precision = this.#digits() ?? 0;
      return '';
    }
    this.#at++;
    this.#indexed = false;
    const precision = this.#integer();
    if (precision === undefined || precision < 0) return '%!(BADPREC)';
    flags.precision = precision;
    return '';
  }

  /** An argument that is a width or a precision. */
  #integer(): number | undefined {
    if (this.#next >= this.#args.length) return undefined;
    const arg = this.#args[this.#next++];
    if (typeof arg === 'object' && arg.kind === 'uint8') return arg.value;
    return typeof arg === 'bigint' && arg <= WIDEST && arg >= -WIDEST ? Number(arg) : undefined;
  }

  /** Reads a number; one that is too large takes all that is left of the format with it. */
  #digits(end = this.#format.length): number | undefined {
    let value: number | undefined;
    for (; this.#at < end && /[0-9]/.test(this.#format[this.#at]!); this.#at++) {
      if (value !== undefined && value > WIDEST) {
        this.#at = end;
        return undefined;
      }
      value = (value ?? 0) * 10 + Number(this.#format[this.#at]);
    }
    return value;
  }

  /** Reads the number of an argument, `[2]`, if there is one. */
  #number(): void {
    this.#indexed = false;
    if (this.#format[this.#at] !== '[') return;
    this.#reordered = true;
    const close = this.#format.indexOf(']', this.#at);
    if (close < 0 || this.#format.length - this.#at < 3) {
      this.#at++;
      this.#good = false;
      return;
    }
    this.#at++;
    const wanted = this.#digits(close);
    const isNumber = wanted !== undefined && this.#at === close;
    this.#at = close + 1;
    this.#indexed = isNumber;
    if (isNumber && wanted >= 1 && wanted <= this.#args.length) this.#next = wanted - 1;
    else this.#good = false;
  }
}
