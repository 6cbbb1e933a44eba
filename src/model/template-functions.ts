/** The functions that every template has, and what Go makes of values. */
import type { Value } from './template-parser.ts';

type Fail = (reason: string) => never;

const BUILT_IN = new Set([
  'index',
  'join',
  'print',
  'printf',
  'len',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'or',
  'and',
  'not',
]);

export const isBuiltIn = (name: string): boolean => BUILT_IN.has(name);

/** What a function gives for these arguments; `fail` throws the template's error. */
export function callBuiltIn(name: string, args: Value[], fail: Fail): Value {
  switch (name) {
    case 'index':
      return index(args, fail);
    case 'join': {
      const [separator, ...parts] = strings(args, fail);
      if (separator === undefined) return fail('runtime error: slice bounds out of range [1:0]');
      return parts.join(separator);
    }
    case 'printf': {
      const [format, ...values] = args;
      return String(format ?? '').replace(/%[svdq%]/g, (verb) => printed(verb, values));
    }
    case 'len':
      return typeof args[0] === 'object' ? Object.keys(args[0]).length : Buffer.byteLength(String(args[0]));
    case 'eq':
      return args.slice(1).some((arg) => compare([args[0]!, arg], fail) === 0);
    case 'ne':
      return compare(args, fail) !== 0;
    case 'lt':
      return compare(args, fail) < 0;
    case 'le':
      return compare(args, fail) <= 0;
    case 'gt':
      return compare(args, fail) > 0;
    case 'ge':
      return compare(args, fail) >= 0;
    case 'not':
      return !truth(args[0]);
    case 'or':
      return args.find(truth) ?? args.at(-1) ?? '';
    case 'and':
      return args.find((arg) => !truth(arg)) ?? args.at(-1) ?? '';
    default:
      return args.map(show).join('');
  }
}

export function strings(args: Value[], fail: Fail): string[] {
  return args.map((arg) => (typeof arg === 'string' ? arg : fail(`wrong type for value; expected string`)));
}

function compare([a, b]: Value[], fail: Fail): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  return fail(typeof a === typeof b ? 'invalid type for comparison' : 'incompatible types for comparison');
}

function index(args: Value[], fail: Fail): Value {
  let value = args[0] ?? fail('wrong number of args for index: want at least 1 got 0');
  for (const key of args.slice(1)) {
    if (typeof value === 'object') {
      if (typeof key !== 'string') return fail(`value has type ${goType(key)}; should be string`);
      value = Object.hasOwn(value, key) ? value[key]! : '';
    } else if (typeof value === 'string') {
      if (typeof key !== 'number') return fail(`cannot index slice/array with type ${goType(key)}`);
      const bytes = Buffer.from(value);
      if (key < 0 || key >= bytes.length) return fail(`index out of range: ${key}`);
      value = bytes[key]!;
    } else return fail(`can't index item of type ${goType(value)}`);
  }
  return value;
}

export const goType = (value: Value): string =>
  typeof value === 'number'
    ? 'int'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'string'
        ? 'string'
        : 'map[string]string';

/** Whether `if` takes it for true: labels are not where there are none. */
export const truth = (value: Value | undefined): boolean =>
  typeof value === 'object' ? Object.keys(value).length > 0 : Boolean(value);

function printed(verb: string, values: Value[]): string {
  if (verb === '%%') return '%';
  const value = values.shift();
  if (value === undefined) return `%!${verb[1]}(MISSING)`;
  return verb === '%q' ? JSON.stringify(show(value)) : show(value);
}

/** A value as Go prints it. */
export function show(value: Value): string {
  if (typeof value !== 'object') return String(value);
  const isLabels = !('ID' in value) && !('OS' in value) && !('Service' in value);
  if (isLabels) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${show(value[key]!)}`).join(' ')}]`;
  }
  return `{${Object.values(value).map(show).join(' ')}}`;
}
