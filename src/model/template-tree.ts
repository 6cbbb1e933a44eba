/** Reads a template into text, actions and the blocks that `if`, `with` and `range` make of them. */
import {
  Parser,
  type Pipe,
  parseError,
  readAction,
  type Statement,
  type TemplateError,
  type Token,
} from './template-parser.ts';

export type TemplateNode =
  | { kind: 'text'; text: string }
  | { kind: 'action'; statement: Statement }
  | BlockNode;

export interface BlockNode {
  kind: 'if' | 'with' | 'range';
  statement: Statement;
  body: TemplateNode[];
  otherwise: TemplateNode[];
}

/** A block that has not come to its end. */
interface OpenBlock {
  readonly node: BlockNode;
  readonly parent: TemplateNode[];
  /** How many variables there were before it. */
  readonly variables: number;
  /** It came with `else if`, so the end of the block around it is its end too. */
  readonly chained: boolean;
  hasElse: boolean;
}

/** A block within a block within a block … takes a call of a function each to expand. */
const DEEPEST = 1000;

/** The nodes of a template. Throws TemplateError with Docker's text. */
export function readTemplate(text: string, isFunction: (name: string) => boolean): TemplateNode[] {
  const reader = new TreeReader(text, isFunction);
  let position = 0;
  let trim = false;
  for (;;) {
    const open = text.indexOf('{{', position);
    const plain = text.slice(position, open < 0 ? undefined : open);
    const before = trim ? plain.trimStart() : plain;
    if (open < 0) {
      reader.text(before);
      return reader.finish();
    }
    const trimsLeft = /^-\s/.test(text.slice(open + 2, open + 4));
    reader.text(trimsLeft ? before.trimEnd() : before);
    const action = readAction(text, open + 2 + (trimsLeft ? 2 : 0));
    if (action.tokens !== undefined) reader.action(action.tokens, open);
    position = action.end;
    trim = action.trimsRight;
  }
}

class TreeReader {
  readonly #text: string;
  readonly #isFunction: (name: string) => boolean;
  readonly #blocks: OpenBlock[] = [];
  readonly #variables = ['$'];
  #nodes: TemplateNode[] = [];

  constructor(text: string, isFunction: (name: string) => boolean) {
    this.#text = text;
    this.#isFunction = isFunction;
  }

  text(text: string): void {
    if (text !== '') this.#nodes.push({ kind: 'text', text });
  }

  action(tokens: Token[], at: number): void {
    const parser = new Parser(this.#text, tokens);
    const keyword = parser.keyword(['if', 'with', 'range', 'else', 'end']);
    switch (keyword) {
      case undefined:
        this.#nodes.push({ kind: 'action', statement: this.#statement(parser, 'command', 1) });
        break;
      case 'end':
        parser.finish('end');
        this.#end(at);
        break;
      case 'else':
        this.#else(parser, at);
        break;
      default:
        this.#open(keyword, parser, at, false);
    }
  }

  finish(): TemplateNode[] {
    if (this.#blocks.length > 0) throw this.#error(this.#text.length, 'unexpected EOF');
    return this.#nodes;
  }

  #open(kind: BlockNode['kind'], parser: Parser, at: number, chained: boolean): void {
    if (this.#blocks.length === DEEPEST) throw this.#error(at, `more than ${DEEPEST} blocks in each other`);
    const variables = this.#variables.length;
    const statement = this.#statement(parser, kind, kind === 'range' ? 2 : 1);
    const node: BlockNode = { kind, statement, body: [], otherwise: [] };
    this.#nodes.push(node);
    this.#blocks.push({ node, parent: this.#nodes, variables, chained, hasElse: false });
    this.#nodes = node.body;
  }

  #else(parser: Parser, at: number): void {
    const block = this.#blocks.at(-1);
    if (!block) throw this.#error(at, 'unexpected {{else}}');
    if (block.hasElse) throw this.#error(at, 'expected end; found {{else}}');
    block.hasElse = true;
    this.#nodes = block.node.otherwise;
    if (block.node.kind === 'if' && parser.keyword(['if'])) this.#open('if', parser, at, true);
    else parser.finish('else');
  }

  #end(at: number): void {
    for (;;) {
      const block = this.#blocks.pop();
      if (!block) throw this.#error(at, 'unexpected {{end}}');
      this.#nodes = block.parent;
      this.#variables.length = block.variables;
      if (!block.chained) return;
    }
  }

  #statement(parser: Parser, what: string, most: number): Statement {
    const statement = parser.statement(what, most);
    this.#check(statement.pipe);
    if (statement.assigns) for (const name of statement.variables) this.#known(name, statement.at);
    else this.#variables.push(...statement.variables);
    return statement;
  }

  #check(pipe: Pipe): void {
    for (const term of pipe.flat()) {
      if (term.kind === 'group') this.#check(term.pipe);
      if (term.kind === 'name' && !this.#isFunction(term.text))
        throw this.#error(term.at, `function ${JSON.stringify(term.text)} not defined`);
      if (term.kind === 'path' && term.of !== '') this.#known(term.of, term.at);
    }
  }

  #known(name: string, at: number): void {
    if (!this.#variables.includes(name)) throw this.#error(at, `undefined variable ${JSON.stringify(name)}`);
  }

  #error(at: number, message: string): TemplateError {
    return parseError(this.#text, at, message);
  }
}
