/** Reads a template: its texts, its actions, the blocks that they make, and the templates that it defines. */
import type { Bytes } from '../bytes.ts';
import { MAIN } from '../errors.ts';
import { LimitError, type Limits } from '../limits.ts';
import { quote, unquote } from '../quote.ts';
import { readPipe, type Scope } from './pipelines.ts';
import { Tokens } from './tokens.ts';
import { type Branch, isEmpty, type Statement, type Template } from './tree.ts';

/** All templates of a text by name, the text itself as MAIN. Throws TemplateError with Go's text. */
export function readTemplate(
  text: Bytes,
  isFunction: (name: Bytes) => boolean,
  limits: Limits,
): Map<Bytes, Template> {
  const tokens = new Tokens(text);
  const templates = new Map<Bytes, Template>();
  try {
    new Reader({ tokens, limits, isFunction, variables: ['$'] }, templates).readMain();
  } catch (error) {
    throw error instanceof LimitError ? tokens.error(error.message) : error;
  }
  return templates;
}

/** What ends a list of statements. */
type End = 'end' | 'else';
type Read = { statement: Statement } | { end: End };

/** Reads one template, whose variables nobody else sees. */
class Reader {
  readonly #scope: Scope;
  readonly #tokens: Tokens;
  readonly #templates: Map<Bytes, Template>;
  /** In how many ranges of this template we are. */
  #ranges = 0;

  constructor(scope: Scope, templates: Map<Bytes, Template>) {
    this.#scope = scope;
    this.#tokens = scope.tokens;
    this.#templates = templates;
  }

  readMain(): void {
    const body: Statement[] = [];
    while (this.#tokens.peek().kind !== 'end') {
      const place = this.#tokens.place;
      if (this.#tokens.next().kind === 'open' && this.#tokens.accept('keyword', 'define')) {
        this.#nested().readDefinition();
        continue;
      }
      this.#tokens.backTo(place);
      const read = this.#statement();
      if ('end' in read) throw this.#tokens.error(`unexpected {{${read.end}}}`);
      body.push(read.statement);
    }
    this.#add(MAIN, body);
  }

  /** Reads on behind the keyword. */
  readDefinition(): void {
    const where = 'define clause';
    const name = this.#name(where);
    this.#tokens.expect('close', where);
    this.#add(name, this.#only(where));
  }

  /** A template that begins here. */
  #nested(): Reader {
    return new Reader({ ...this.#scope, variables: ['$'] }, this.#templates);
  }

  #add(name: Bytes, body: Statement[]): void {
    const known = this.#templates.get(name);
    if (!known || isEmpty(known.body)) this.#templates.set(name, { name, body });
    else if (!isEmpty(body))
      throw this.#tokens.error(`template: multiple definition of template ${quote(name)}`);
  }

  /** Statements up to `end`; there must be no `else`. */
  #only(where: string): Statement[] {
    const { body, end } = this.#list();
    if (end !== 'end') throw this.#tokens.error(`unexpected {{${end}}} in ${where}`);
    return body;
  }

  #list(): { body: Statement[]; end: End } {
    return this.#scope.limits.deeper(() => {
      const body: Statement[] = [];
      while (this.#tokens.peekWord().kind !== 'end') {
        const read = this.#statement();
        if ('end' in read) return { body, end: read.end };
        body.push(read.statement);
      }
      throw this.#tokens.error('unexpected EOF');
    });
  }

  #statement(): Read {
    const token = this.#tokens.nextWord();
    if (token.kind === 'text') return { statement: { kind: 'text', at: token.at, text: token.text } };
    if (token.kind !== 'open') throw this.#tokens.unexpected(token, 'input');
    this.#tokens.actionAt = token.at;
    const read = this.#action();
    this.#tokens.actionAt = undefined;
    return read;
  }

  #action(): Read {
    const { at, kind, text } = this.#tokens.peekWord();
    switch (kind === 'keyword' ? text : '') {
      case 'if':
      case 'with':
      case 'range':
        this.#tokens.next();
        return { statement: this.#branch(text as Branch['kind']) };
      case 'else':
        this.#tokens.next();
        // `else if` and `else with` go on as `if` and `with` would after `else`.
        if (!this.#tokens.isNext('keyword', 'if') && !this.#tokens.isNext('keyword', 'with'))
          this.#tokens.expect('close', 'else');
        return { end: 'else' };
      case 'end':
        this.#tokens.next();
        this.#tokens.expect('close', 'end');
        return { end: 'end' };
      case 'break':
      case 'continue':
        this.#tokens.next();
        return { statement: this.#jump(text as 'break' | 'continue', at) };
      case 'template':
        this.#tokens.next();
        return { statement: this.#invocation() };
      case 'block':
        this.#tokens.next();
        return { statement: this.#block() };
      default:
        return { statement: { kind: 'action', at, pipe: readPipe(this.#scope, 'command') } };
    }
  }

  #branch(kind: Branch['kind']): Branch {
    const { variables } = this.#scope;
    const before = variables.length;
    const pipe = readPipe(this.#scope, kind);
    if (kind === 'range') this.#ranges++;
    const { body, end } = this.#list();
    if (kind === 'range') this.#ranges--;
    const branch: Branch = { kind, at: pipe.at, pipe, body };
    if (end === 'else') branch.otherwise = this.#otherwise(kind);
    variables.length = before;
    return branch;
  }

  #otherwise(kind: Branch['kind']): Statement[] {
    if (kind !== 'range' && this.#tokens.accept('keyword', kind))
      return this.#scope.limits.deeper(() => [this.#branch(kind)]);
    const { body, end } = this.#list();
    if (end !== 'end') throw this.#tokens.error(`expected end; found {{${end}}}`);
    return body;
  }

  #jump(kind: 'break' | 'continue', at: number): Statement {
    this.#tokens.expect('close', `{{${kind}}}`);
    if (this.#ranges === 0) throw this.#tokens.error(`{{${kind}}} outside {{range}}`);
    return { kind, at };
  }

  #invocation(): Statement {
    const where = 'template clause';
    const { at } = this.#tokens.peekWord();
    const name = this.#name(where);
    if (this.#tokens.accept('close')) return { kind: 'template', at, name };
    return { kind: 'template', at, name, pipe: readPipe(this.#scope, where) };
  }

  /** A template that is defined where it is used. */
  #block(): Statement {
    const where = 'block clause';
    const { at } = this.#tokens.peekWord();
    const name = this.#name(where);
    const pipe = readPipe(this.#scope, where);
    const inner = this.#nested();
    inner.#add(name, inner.#only(where));
    return { kind: 'template', at, name, pipe };
  }

  #name(where: string): Bytes {
    const token = this.#tokens.expect('string', where);
    const name = unquote(token.text);
    if (name === undefined) throw this.#tokens.error('invalid syntax');
    return name;
  }
}
