/** The functions that every template has: Go's, and Docker's `join`. */
import type { Bytes } from '../bytes.ts';
import { CallError } from '../errors.ts';
import { print, printLine } from '../fmt/print.ts';
import { printf } from '../fmt/printf.ts';
import type { Limits } from '../limits.ts';
import { followed, truth, typeOf, type Value } from '../value.ts';
import { equalsAny, less } from './compare.ts';
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts';
import { index, length, slice } from './indexing.ts';

export interface GoFunction {
  /** What it takes, and what it takes any number of after that. */
  readonly takes: readonly Parameter[];
  readonly more?: Parameter;
  /** Gets arguments that fit; `nameOfFirst` tells what the first one was in the template. Throws CallError. */
  readonly call: (args: Value[], limits: Limits, nameOfFirst: () => Bytes) => Value;
}

export type Parameter = 'any' | 'string';

/** How many bytes one byte may become. */
const LONGEST_ESCAPE = 6;

const some = (call: GoFunction['call']): GoFunction => ({ takes: [], more: 'any', call });
const oneOrMore = (call: GoFunction['call']): GoFunction => ({ takes: ['any'], more: 'any', call });
const two = (call: GoFunction['call']): GoFunction => ({ takes: ['any', 'any'], call });
const escaper = (escaped: (text: Bytes) => Bytes): GoFunction =>
  some((args, limits) => {
    const text = print(args.map(printable), limits);
    limits.bytes(LONGEST_ESCAPE * text.length);
    return escaped(text);
  });

/** Those that end as soon as the result is certain: they are given their arguments one by one. */
export const SHORT_CIRCUIT: Readonly<Record<string, (value: Value) => boolean>> = {
  and: (value) => !truth(value),
  or: truth,
};

export const BUILT_IN: ReadonlyMap<Bytes, GoFunction> = new Map<Bytes, GoFunction>([
  ['and', oneOrMore((args) => args.at(-1))],
  ['call', oneOrMore(([callee], _limits, name) => refuseCall(callee, name))],
  ['eq', oneOrMore((args, limits) => equalsAny(args, limits))],
  ['ge', two((args) => !less(args))],
  ['gt', two((args, limits) => !(less(args) || equalsAny(args, limits)))],
  ['html', escaper(escapeHtml)],
  ['index', oneOrMore(index)],
  ['join', { takes: [], more: 'string', call: join }],
  ['js', escaper(escapeJs)],
  ['le', two((args, limits) => less(args) || equalsAny(args, limits))],
  ['len', { takes: ['any'], call: length }],
  ['lt', two((args) => less(args))],
  ['ne', two((args, limits) => !equalsAny(args, limits))],
  ['not', { takes: ['any'], call: ([value]) => !truth(value) }],
  ['or', oneOrMore((args) => args.at(-1))],
  ['print', some(print)],
  [
    'printf',
    {
      takes: ['string'],
      more: 'any',
      call: ([format, ...args], limits) => printf(format as Bytes, args, limits),
    },
  ],
  ['println', some(printLine)],
  ['slice', oneOrMore(slice)],
  ['urlquery', escaper(escapeQuery)],
]);

/** A value as it is printed where it stands alone. */
export const printable = (value: Value): Value => (value === undefined ? '<no value>' : followed(value));

function join(args: Value[], limits: Limits): Bytes {
  if (args.length === 0) throw new CallError('runtime error: slice bounds out of range [1:0]');
  const [separator = '', ...parts] = args as Bytes[];
  limits.bytes(separator.length * parts.length);
  return parts.join(separator);
}

/** Nothing that a template can get hold of is a function. */
function refuseCall(callee: Value, name: () => Bytes): never {
  throw new CallError(
    callee === undefined ? 'call of nil' : `non-function ${name()} of type ${typeOf(callee)}`,
  );
}
