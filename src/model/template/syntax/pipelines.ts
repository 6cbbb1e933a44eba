/** Reads what stands in an action: pipelines of commands, their words, and the variables that get the value. */
import type { Bytes } from '../bytes.ts';
import type { Limits } from '../limits.ts';
import { quote, unquote, unquoteRune } from '../quote.ts';
import type { Token } from './lexer.ts';
import { readComplex, readNumber } from './numbers.ts';
import type { Tokens } from './tokens.ts';
import { type Command, type Constant, type Operand, type Pipe, sourceOf, type Variable } from './tree.ts';

const CONSTANTS = new Set(['bool', 'dot', 'nil', 'number', 'string']);

/** What is known of the template that is being read. */
export interface Scope {
  readonly tokens: Tokens;
  readonly limits: Limits;
  readonly isFunction: (name: Bytes) => boolean;
  /** The variables that are there at this place. */
  readonly variables: Bytes[];
}

/** Reads a pipeline and what ends it. `where` is what errors call the place. */
export function readPipe(scope: Scope, where: string, end: 'close' | ')' = 'close'): Pipe {
  return scope.limits.deeper(() => {
    const { tokens } = scope;
    const pipe: Pipe = {
      kind: 'pipe',
      at: tokens.peekWord().at,
      variables: [],
      assigns: false,
      commands: [],
    };
    readVariables(scope, pipe, where);
    for (;;) {
      const token = tokens.peekWord();
      const ends = end === 'close' ? token.kind === 'close' : isSymbol(token, ')');
      if (ends) {
        tokens.next();
        check(scope, pipe, where);
        return pipe;
      }
      if (!beginsOperand(token)) throw tokens.unexpected(tokens.next(), where);
      pipe.commands.push(readCommand(scope));
    }
  });
}

/** Reads `$x :=`, `$x =` or, in a range, `$i, $x :=` if that is what comes. */
function readVariables(scope: Scope, pipe: Pipe, where: string): void {
  const { tokens, variables } = scope;
  for (;;) {
    const place = tokens.place;
    const token = tokens.peekWord();
    if (token.kind !== 'variable') return;
    tokens.next();
    const sign = tokens.peekWord();
    const isList = isSymbol(sign, ',');
    if (!isList && !isSymbol(sign, '=') && !isSymbol(sign, ':=')) {
      tokens.backTo(place);
      return;
    }
    tokens.next();
    pipe.variables.push({ kind: 'variable', at: token.at, name: token.text, fields: [] });
    variables.push(token.text);
    if (!isList) {
      pipe.assigns = sign.text === '=';
      return;
    }
    if (where !== 'range' || pipe.variables.length > 1)
      throw tokens.error(`too many declarations in ${where}`);
    const next = tokens.peekWord();
    if (next.kind !== 'variable' && next.kind !== 'close' && !isSymbol(next, ')'))
      throw tokens.error('range can only initialize variables');
  }
}

function check({ tokens }: Scope, { commands }: Pipe, where: string): void {
  if (commands.length === 0) throw tokens.error(`missing value for ${where}`);
  commands.forEach(({ words }, at) => {
    if (at > 0 && CONSTANTS.has(words[0]!.kind))
      throw tokens.error(`non executable command in pipeline stage ${at + 1}`);
  });
}

/** Words with space between them, up to a pipe sign or to what ends the pipeline, which is left. */
function readCommand(scope: Scope): Command {
  const { tokens } = scope;
  const command: Command = { kind: 'command', at: tokens.peekWord().at, words: [] };
  for (;;) {
    tokens.skipSpace();
    const operand = readOperand(scope);
    if (operand) command.words.push(operand);
    const place = tokens.place;
    const token = tokens.next();
    if (token.kind === 'space') continue;
    if (token.kind === 'close' || isSymbol(token, ')')) tokens.backTo(place);
    else if (!isSymbol(token, '|')) throw tokens.unexpected(token, 'operand');
    if (command.words.length === 0) throw tokens.error('empty command');
    return command;
  }
}

/** A term and the fields of it that are asked for; undefined if none comes. */
function readOperand(scope: Scope): Operand | undefined {
  const { tokens } = scope;
  const term = readTerm(scope);
  if (!term || tokens.peek().kind !== 'field') return term;
  const { at } = tokens.peek();
  const fields: Bytes[] = [];
  while (tokens.peek().kind === 'field') fields.push(tokens.next().text.slice(1));
  if (CONSTANTS.has(term.kind)) throw tokens.error(`unexpected . after term ${quote(sourceOf(term))}`);
  if (term.kind === 'field') return { ...term, at, fields: [...term.fields, ...fields] };
  if (term.kind === 'variable') return { ...term, at, fields };
  return { kind: 'chain', at, of: term, fields };
}

function readTerm(scope: Scope): Operand | undefined {
  const { tokens } = scope;
  const token = tokens.peekWord();
  if (!beginsOperand(token)) return undefined;
  tokens.next();
  const { at, text } = token;
  switch (token.kind) {
    case 'name':
      if (!scope.isFunction(text)) throw tokens.error(`function ${quote(text)} not defined`);
      return { kind: 'name', at, name: text };
    case 'field':
      return { kind: 'field', at, fields: [text.slice(1)] };
    case 'variable':
      return readVariable(scope, token);
    case 'keyword':
      return { kind: text === '.' ? 'dot' : 'nil', at };
    case 'symbol':
      return readPipe(scope, 'parenthesized pipeline', ')');
    default:
      return readConstant(scope, token);
  }
}

function readVariable({ tokens, limits, variables }: Scope, { at, text }: Token): Variable {
  limits.bytes(variables.length);
  if (!variables.includes(text)) throw tokens.error(`undefined variable ${quote(text)}`);
  return { kind: 'variable', at, name: text, fields: [] };
}

function readConstant({ tokens }: Scope, { kind, at, text }: Token): Constant {
  if (kind === 'bool') return { kind, at, value: text === 'true' };
  if (kind === 'string') {
    const value = unquote(text);
    if (value === undefined) throw tokens.error('invalid syntax');
    return { kind, at, source: text, value };
  }
  if (kind === 'rune') {
    const read = unquoteRune(text);
    if ('error' in read) throw tokens.error(read.error);
    return { kind: 'number', at, source: text, value: BigInt(read.rune) };
  }
  if (kind === 'complex') {
    const value = readComplex(text);
    if (value === undefined) throw tokens.error('syntax error scanning complex number');
    return { kind: 'number', at, source: text, value };
  }
  const read = readNumber(text);
  if ('error' in read) throw tokens.error(read.error);
  return { kind: 'number', at, source: text, value: read.value };
}

function beginsOperand({ kind, text }: Token): boolean {
  if (kind === 'keyword') return text === '.' || text === 'nil';
  if (kind === 'symbol') return text === '(';
  return /^(?:bool|complex|field|name|number|rune|string|variable)$/.test(kind);
}

const isSymbol = ({ kind, text }: Token, wanted: string): boolean => kind === 'symbol' && text === wanted;
