/** Works out the value of pipelines: their commands, arguments, fields and calls. */
import { type Bytes, textOf } from './bytes.ts';
import { CallError, lineOf, MAIN, TemplateError } from './errors.ts';
import { type GoFunction, type Parameter, SHORT_CIRCUIT } from './functions/built-in.ts';
import type { Limits } from './limits.ts';
import { quote } from './quote.ts';
import {
  type Chain,
  type Command,
  type Constant,
  type Field,
  type Name,
  type Operand,
  type Piece,
  type Pipe,
  sourceOf,
  type Variable,
} from './syntax/tree.ts';
import { followed, type Struct, typeOf, type Value } from './value.ts';

/** What all templates of a text share while it is expanded. */
export interface Shared {
  readonly text: Bytes;
  readonly functions: ReadonlyMap<Bytes, GoFunction>;
  readonly limits: Limits;
  /** What errors speak of. */
  piece: Piece | undefined;
}

/** What a word has to work with: the dot, the words behind it, and what came of the command before. */
interface Given {
  readonly dot: Value;
  readonly args: readonly Operand[];
  readonly last: { readonly value: Value } | undefined;
}

export class Evaluator {
  readonly #shared: Shared;
  readonly #template: Bytes;
  /** Those that are seen at the place that is being expanded, the newest last. */
  readonly variables: Array<{ name: Bytes; value: Value }>;

  /** `template`: the name of the one that is being expanded; `dot`: its `$`. */
  constructor(shared: Shared, template: Bytes, dot: Value) {
    this.#shared = shared;
    this.#template = template;
    this.variables = [{ name: '$', value: dot }];
  }

  /** Says what errors speak of from now on. */
  at(piece: Piece): void {
    this.#shared.piece = piece;
  }

  /** The error, with the place and what stands there. */
  error(reason: Bytes): TemplateError {
    const { piece } = this.#shared;
    const context = piece ? `executing ${quote(this.#template)} at <${sourceOf(piece)}>: ` : '';
    return this.#errorAt(piece, context + reason);
  }

  /** The same without what stands there, which may be all of the template. */
  limitError(reason: Bytes): TemplateError {
    return this.#errorAt(this.#shared.piece, reason);
  }

  #errorAt(piece: Piece | undefined, reason: Bytes): TemplateError {
    if (!piece) return new TemplateError(textOf(`template: ${this.#template}: ${reason}`));
    const { text } = this.#shared;
    const lineStart = piece.at === 0 ? 0 : text.lastIndexOf('\n', piece.at - 1) + 1;
    const where = `${MAIN}:${lineOf(text, piece.at)}:${piece.at - lineStart}`;
    return new TemplateError(textOf(`template: ${where}: ${reason}`));
  }

  /** The value of a pipeline, given to the variables that it names. */
  pipe(pipe: Pipe, dot: Value): Value {
    return this.#shared.limits.deeper(() => {
      this.at(pipe);
      let last: Given['last'];
      for (const command of pipe.commands) last = { value: this.#command(command, dot, last) };
      for (const { name } of pipe.variables) this.set(name, last!.value, pipe.assigns);
      return last!.value;
    });
  }

  /** Gives a value to a new variable or, if it `assigns`, to the one that has the name. */
  set(name: Bytes, value: Value, assigns: boolean): void {
    const known = assigns ? this.#variable(name) : undefined;
    if (known) known.value = value;
    else this.variables.push({ name, value });
  }

  #variable(name: Bytes): { value: Value } {
    this.#shared.limits.bytes(this.variables.length);
    const found = this.variables.findLast((variable) => variable.name === name);
    if (!found) throw this.error(`undefined variable: ${name}`);
    return found;
  }

  #command(command: Command, dot: Value, last: Given['last']): Value {
    this.#shared.limits.step();
    const [word, ...args] = command.words as [Operand, ...Operand[]];
    const given: Given = { dot, args, last };
    switch (word.kind) {
      case 'pipe':
        this.#refuseArguments(word, given);
        return this.pipe(word, dot);
      case 'field':
      case 'chain':
      case 'variable':
        return this.#path(word, given);
      case 'name':
        return this.#named(word, command, given);
    }
    this.at(word);
    this.#refuseArguments(word, given);
    if (word.kind === 'nil') throw this.error('nil is not a command');
    return this.#constant(word, dot);
  }

  #refuseArguments(word: Operand, { args, last }: Given): void {
    if (args.length > 0 || last) throw this.error(`can't give argument to non-function ${sourceOf(word)}`);
  }

  #constant(word: Constant, dot: Value): Value {
    if (word.kind === 'dot') return dot;
    if (word.kind === 'number' && word.value === undefined) throw this.error(`${word.source} overflows int`);
    return 'value' in word ? word.value : undefined;
  }

  #argument(word: Operand, parameter: Parameter, dot: Value): Value {
    this.at(word);
    switch (word.kind) {
      case 'nil':
        if (parameter === 'string') throw this.error('cannot assign nil to string');
        return undefined;
      case 'bool':
      case 'number':
        if (parameter === 'string') throw this.error(`expected string; found ${sourceOf(word)}`);
        return this.#constant(word, dot);
      case 'string':
        return word.value;
      case 'dot':
        return this.#fitting(dot, parameter);
      default:
        return this.#fitting(this.#term(word, dot), parameter);
    }
  }

  #term(word: Exclude<Operand, Constant>, dot: Value): Value {
    const given: Given = { dot, args: [], last: undefined };
    if (word.kind === 'pipe') return this.pipe(word, dot);
    return word.kind === 'name' ? this.#named(word, word, given) : this.#path(word, given);
  }

  /** The value, if it may be given to the parameter. */
  #fitting(value: Value, parameter: Parameter): Value {
    if (parameter === 'any' || typeof value === 'string') return value;
    if (value === undefined) throw this.error('invalid value; expected string');
    throw this.error(`wrong type for value; expected string; got ${typeOf(value)}`);
  }

  /** A dot, a variable or something else, and fields of it, the last of which gets the arguments. */
  #path(word: Field | Variable | Chain, given: Given): Value {
    this.at(word);
    const of = this.#start(word, given.dot);
    if (word.fields.length === 0) this.#refuseArguments(word, given);
    const bare: Given = { dot: given.dot, args: [], last: undefined };
    return word.fields.reduce(
      (value, name, at) => this.#fieldOf(value, name, word, at === word.fields.length - 1 ? given : bare),
      of,
    );
  }

  #start(word: Field | Variable | Chain, dot: Value): Value {
    if (word.kind === 'field') return dot;
    if (word.kind === 'variable') return this.#variable(word.name).value;
    if (word.of.kind === 'nil') throw this.error(`indirection through explicit nil in ${sourceOf(word)}`);
    return this.#argument(word.of, 'any', dot);
  }

  #fieldOf(of: Value, name: Bytes, word: Operand, given: Given): Value {
    this.#shared.limits.step();
    if (of === undefined) throw this.error(`nil data; no entry for key ${quote(name)}`);
    const value = followed(of);
    const hasArguments = given.args.length > 0 || given.last !== undefined;
    if (typeof value === 'object' && value.kind === 'struct') {
      const method = value.methods.get(name);
      if (method) {
        const call: GoFunction = { takes: ['string'], call: ([text]) => method(text as Bytes) };
        return this.#call(call, name, word, given);
      }
      const field = fieldNamed(value, name);
      if (field?.hidden) throw this.error(`${name} is an unexported field of struct type ${typeOf(of)}`);
      if (field && hasArguments) throw this.error(`${name} has arguments but cannot be invoked as function`);
      if (field) return field.value;
    }
    if (typeof value === 'object' && value.kind === 'map') {
      if (hasArguments) throw this.error(`${name} is not a method but has arguments`);
      const entry = value.entries.get(name);
      if (entry === undefined) throw this.error(`map has no entry for key ${quote(name)}`);
      return entry;
    }
    throw this.error(`can't evaluate field ${name} in type ${typeOf(of)}`);
  }

  #named(word: Name, piece: Piece, given: Given): Value {
    this.at(word);
    return this.#call(this.#shared.functions.get(word.name)!, word.name, piece, given);
  }

  /** `piece` is what an error of the function itself speaks of. */
  #call(fun: GoFunction, name: Bytes, piece: Piece, { dot, args, last }: Given): Value {
    const { takes, more } = fun;
    const count = args.length + (last ? 1 : 0);
    if (more ? count < takes.length : count !== takes.length) {
      const want = more ? `at least ${takes.length} got ${args.length}` : `${takes.length} got ${count}`;
      throw this.error(`wrong number of args for ${name}: want ${want}`);
    }
    const isEnough = Object.hasOwn(SHORT_CIRCUIT, name) ? SHORT_CIRCUIT[name]! : () => false;
    const values: Value[] = [];
    for (const [at, arg] of args.entries()) {
      values.push(this.#argument(arg, takes[at] ?? more!, dot));
      if (isEnough(values[at])) return values[at];
    }
    if (last) values.push(this.#fitting(last.value, takes[values.length] ?? more!));
    const [first] = args;
    const nameOfFirst = () => (first ? sourceOf(first) : unnamed(values[0]));
    return this.#result(fun, name, piece, values, nameOfFirst);
  }

  #result(fun: GoFunction, name: Bytes, piece: Piece, values: Value[], nameOfFirst: () => Bytes): Value {
    const { limits } = this.#shared;
    try {
      for (const value of values) limits.bytes(sizeOf(value));
      const result = fun.call(values, limits, nameOfFirst);
      limits.bytes(sizeOf(result));
      return result;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.at(piece);
      throw this.error(`error calling ${name}: ${error.message}`);
    }
  }
}

/** How Go calls a value that has no name in the template. */
const unnamed = (value: Value): Bytes => (typeof value === 'string' ? value : `<${typeOf(value)} Value>`);

const sizeOf = (value: Value): number => (typeof value === 'string' ? value.length : 1);

/** A field of the struct or of one that is embedded in it. */
function fieldNamed({ fields }: Struct, name: Bytes): Struct['fields'][number] | undefined {
  const own = fields.find((field) => field.name === name);
  if (own) return own;
  for (const { embedded, value } of fields) {
    const inner = embedded && typeof value === 'object' && value.kind === 'struct' ? value : undefined;
    const found = inner && fieldNamed(inner, name);
    if (found) return found;
  }
  return undefined;
}
