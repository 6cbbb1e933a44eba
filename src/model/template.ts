/**
 * The placeholders that may stand in a service's env, hostname and mounts: the part of Go's template language that has
 * a meaning there (fields, index, join, print, literals, pipes), with the errors that Docker gives for the rest.
 */
import {
  lineOf,
  Parser,
  type Pipe,
  parseError,
  readAction,
  TemplateError,
  type Term,
  type Value,
} from './template-parser.ts';

export { TemplateError };

export interface TemplateContext {
  Service: { ID: string; Name: string; Labels: Record<string, string> };
  Node: { ID: string; Hostname: string; Platform: { Architecture: string; OS: string } };
  /** Slot: the number of the slot, or the node's id for a task that has none. */
  Task: { ID: string; Name: string; Slot: string };
}

/** Functions beyond the built-in ones (in the content of secrets and configs). They get strings. */
export type TemplateFunctions = Record<string, (...args: string[]) => string>;

const TYPES: Record<string, string> = {
  '': '*template.Context',
  Service: 'struct { ID string; Name string; Labels map[string]string }',
  Node: 'struct { ID string; Hostname string; Platform template.Platform }',
  Task: 'struct { ID string; Name string; Slot string }',
  'Node.Platform': 'template.Platform',
};

/** Expands all placeholders. Throws TemplateError with Docker's text. */
export function expand(text: string, context: TemplateContext, functions: TemplateFunctions = {}): string {
  let result = '';
  let position = 0;
  let trim = false;
  for (;;) {
    const open = text.indexOf('{{', position);
    const plain = text.slice(position, open < 0 ? undefined : open);
    const before = trim ? plain.trimStart() : plain;
    if (open < 0) return result + before;
    const trimsLeft = /^-\s/.test(text.slice(open + 2, open + 4));
    result += trimsLeft ? before.trimEnd() : before;
    const action = readAction(text, open + 2 + (trimsLeft ? 2 : 0));
    position = action.end;
    trim = action.trimsRight;
    if (action.tokens !== undefined) {
      const parser = new Parser(text, action.tokens);
      const pipe = parser.pipe();
      parser.finish();
      checkNames(pipe, text, functions);
      result += show(new Evaluator(text, context, functions).pipe(pipe));
    }
  }
}

const BUILT_IN = new Set(['index', 'join', 'print', 'printf', 'len', 'eq', 'ne', 'or', 'and', 'not']);

function checkNames(pipe: Pipe, text: string, functions: TemplateFunctions): void {
  for (const term of pipe.flat()) {
    if (term.kind === 'group') checkNames(term.pipe, text, functions);
    if (term.kind === 'name' && !BUILT_IN.has(term.text) && !Object.hasOwn(functions, term.text))
      throw parseError(text, term.at, `function ${JSON.stringify(term.text)} not defined`);
  }
}

class Evaluator {
  readonly #text: string;
  readonly #context: TemplateContext;
  readonly #functions: TemplateFunctions;

  constructor(text: string, context: TemplateContext, functions: TemplateFunctions) {
    this.#text = text;
    this.#context = context;
    this.#functions = functions;
  }

  pipe(pipe: Pipe): Value {
    let last: Value | undefined;
    for (const [head, ...rest] of pipe) {
      const args = rest.map((term) => this.#term(term));
      if (last !== undefined) args.push(last);
      last = head!.kind === 'name' ? this.#call(head!, args, [head!, ...rest]) : this.#plain(head!, args);
    }
    return last!;
  }

  #plain(term: Term, args: Value[]): Value {
    if (args.length > 0) {
      const what = term.kind === 'path' ? (term.fields.at(-1) ?? '.') : term.text;
      const reason = `${what} has arguments but cannot be invoked as function`;
      throw this.#error(fieldAt(term), term.text, reason);
    }
    return this.#term(term);
  }

  #term(term: Term): Value {
    switch (term.kind) {
      case 'literal':
        return term.value;
      case 'group':
        return this.pipe(term.pipe);
      case 'name':
        return this.#call(term, [], [term]);
      case 'path':
        return this.#field(term, term.fields);
    }
  }

  #field(term: Term, fields: string[]): Value {
    let value: Value = this.#context as unknown as Value;
    let path = '';
    const at = fieldAt(term);
    for (const field of fields) {
      if (path === 'Service.Labels') {
        if (!Object.hasOwn(value as object, field))
          throw this.#error(at, term.text, `map has no entry for key ${JSON.stringify(field)}`);
      } else if (typeof value !== 'object' || !Object.hasOwn(value, field)) {
        const type = typeof value === 'object' ? TYPES[path] : 'string';
        throw this.#error(at, term.text, `can't evaluate field ${field} in type ${type}`);
      }
      value = (value as { [key: string]: Value })[field]!;
      path = path === '' ? field : `${path}.${field}`;
    }
    return value;
  }

  #call(term: Term, args: Value[], terms: Term[]): Value {
    const fail = (reason: string): never => {
      const end = terms.at(-1)!;
      const source = this.#text.slice(term.at, end.at + end.text.length);
      throw this.#error(term.at, source, `error calling ${term.text}: ${reason}`);
    };
    const strings = (): string[] =>
      args.map((arg) => (typeof arg === 'string' ? arg : fail(`wrong type for value; expected string`)));
    const own = Object.hasOwn(this.#functions, term.text) ? this.#functions[term.text] : undefined;
    if (own) {
      try {
        return own(...strings());
      } catch (error) {
        return fail((error as Error).message);
      }
    }
    switch (term.text) {
      case 'index':
        return this.#index(args, fail);
      case 'join': {
        const [separator, ...parts] = strings();
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
        return args.slice(1).some((arg) => arg === args[0]);
      case 'ne':
        return args[0] !== args[1];
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

  #index(args: Value[], fail: (reason: string) => never): Value {
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

  #error(at: number, source: string, reason: string): TemplateError {
    const column = at - this.#text.lastIndexOf('\n', at - 1) - 1;
    const where = `expansion:${lineOf(this.#text, at)}:${column}`;
    return new TemplateError(`template: ${where}: executing "expansion" at <${source}>: ${reason}`);
  }
}

/** Where Go says that a chain of fields is: at its second field if there is one. */
function fieldAt(term: Term): number {
  const second = term.text.indexOf('.', 1);
  return term.kind === 'path' && second > 0 ? term.at + second : term.at;
}

const goType = (value: Value): string =>
  typeof value === 'number'
    ? 'int'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'string'
        ? 'string'
        : 'map[string]string';

const truth = (value: Value | undefined): boolean =>
  value !== undefined && value !== '' && value !== 0 && value !== false;

function printed(verb: string, values: Value[]): string {
  if (verb === '%%') return '%';
  const value = values.shift();
  if (value === undefined) return `%!${verb[1]}(MISSING)`;
  return verb === '%q' ? JSON.stringify(show(value)) : show(value);
}

/** A value as Go prints it. */
function show(value: Value): string {
  if (typeof value !== 'object') return String(value);
  const isLabels = !('ID' in value) && !('OS' in value) && !('Service' in value);
  if (isLabels) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${show(value[key]!)}`).join(' ')}]`;
  }
  return `{${Object.values(value).map(show).join(' ')}}`;
}
