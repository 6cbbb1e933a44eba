/** What a template consists of once it is read, and how an error shows a piece of it. */
import type { Bytes } from '../bytes.ts';
import { quote } from '../quote.ts';
import type { Complex } from '../value.ts';

/** A template with a name: the text itself, or what `define` and `block` make. */
export interface Template {
  name: Bytes;
  body: Statement[];
}

export type Statement = Text | Action | Branch | Invocation | Jump;

export interface Text {
  kind: 'text';
  at: number;
  text: Bytes;
}

export interface Action {
  kind: 'action';
  at: number;
  pipe: Pipe;
}

export interface Branch {
  kind: 'if' | 'with' | 'range';
  at: number;
  pipe: Pipe;
  body: Statement[];
  otherwise?: Statement[];
}

/** `{{template "name" pipe}}`. */
export interface Invocation {
  kind: 'template';
  at: number;
  name: Bytes;
  pipe?: Pipe;
}

export interface Jump {
  kind: 'break' | 'continue';
  at: number;
}

/** Commands, each with what the one before it gave as its last argument. */
export interface Pipe {
  kind: 'pipe';
  at: number;
  /** Those that get the value; `assigns`: they are there already. */
  variables: Variable[];
  assigns: boolean;
  commands: Command[];
}

export interface Command {
  kind: 'command';
  at: number;
  words: Operand[];
}

export type Operand = Constant | Field | Variable | Name | Chain | Pipe;

export type Constant = { at: number } & (
  | { kind: 'dot' | 'nil' }
  | { kind: 'bool'; value: boolean }
  /** No value: it is an integer that is too large. */
  | { kind: 'number'; source: Bytes; value: bigint | number | Complex | undefined }
  | { kind: 'string'; source: Bytes; value: Bytes }
);

/** `.A.B`. */
export interface Field {
  kind: 'field';
  at: number;
  fields: Bytes[];
}

/** `$x.A.B`. */
export interface Variable {
  kind: 'variable';
  at: number;
  name: Bytes;
  fields: Bytes[];
}

/** A function. */
export interface Name {
  kind: 'name';
  at: number;
  name: Bytes;
}

/** Fields of something that is neither the dot nor a variable: `(index . 1).A`. */
export interface Chain {
  kind: 'chain';
  at: number;
  of: Operand;
  fields: Bytes[];
}

export type Piece = Statement | Command | Operand;

/** How an error shows the piece: not as it was written, but as it was understood. */
export function sourceOf(piece: Piece): Bytes {
  switch (piece.kind) {
    case 'text':
      return piece.text;
    case 'action':
      return `{{${sourceOf(piece.pipe)}}}`;
    case 'if':
    case 'with':
    case 'range': {
      const otherwise = piece.otherwise ? `{{else}}${piece.otherwise.map(sourceOf).join('')}` : '';
      const body = piece.body.map(sourceOf).join('');
      return `{{${piece.kind} ${sourceOf(piece.pipe)}}}${body}${otherwise}{{end}}`;
    }
    case 'template':
      return `{{template ${quote(piece.name)}${piece.pipe ? ` ${sourceOf(piece.pipe)}` : ''}}}`;
    case 'break':
    case 'continue':
      return `{{${piece.kind}}}`;
    case 'command':
      return piece.words.map(inCommand).join(' ');
    case 'pipe': {
      const variables = piece.variables.map(sourceOf).join(', ');
      const sign = piece.assigns ? '=' : ':=';
      return `${variables && `${variables} ${sign} `}${piece.commands.map(sourceOf).join(' | ')}`;
    }
    default:
      return sourceOfOperand(piece);
  }
}

function sourceOfOperand(operand: Exclude<Operand, Pipe>): Bytes {
  switch (operand.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(operand.value);
    case 'number':
    case 'string':
      return operand.source;
    case 'name':
      return operand.name;
    case 'field':
      return operand.fields.map(afterDot).join('');
    case 'variable':
      return operand.name + operand.fields.map(afterDot).join('');
    case 'chain':
      return inCommand(operand.of) + operand.fields.map(afterDot).join('');
  }
}

const inCommand = (operand: Operand): Bytes =>
  operand.kind === 'pipe' ? `(${sourceOf(operand)})` : sourceOf(operand);
const afterDot = (field: Bytes): Bytes => `.${field}`;

/** True if there is nothing in it but space: such a template may be defined again. */
export const isEmpty = (body: readonly Statement[]): boolean =>
  body.every((statement) => statement.kind === 'text' && /^[ \t\r\n\v\f]*$/.test(statement.text));
