/** Reads the actions between the braces of a template: their words, pipes, and the variables that they set. */
/** The text is not a template, or names something that is not there. */
export class TemplateError extends Error {}

export type Value = string | number | boolean | { readonly [key: string]: Value };
export type Token = {
  kind: 'field' | 'name' | 'string' | 'number' | 'punctuation';
  text: string;
  at: number;
};
export type Term = { at: number; text: string } & (
  | { kind: 'literal'; value: Value }
  /** Fields of what `of` stands for: the dot (''), the whole context ('$'), or a variable ('$x'). */
  | { kind: 'path'; of: string; fields: string[] }
  | { kind: 'name' }
  | { kind: 'group'; pipe: Pipe }
);
export type Pipe = Term[][];
/** A pipe whose value may be given to variables: new ones, or the one that has the name already. */
export type Statement = { at: number; pipe: Pipe; variables: string[]; assigns: boolean };

export const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length;

export function parseError(text: string, at: number, message: string): TemplateError {
  return new TemplateError(`template: expansion:${lineOf(text, at)}: ${message}`);
}

/** Reads an action from after its opening braces; no tokens: it was a comment. */
export function readAction(
  text: string,
  start: number,
): { tokens?: Token[]; end: number; trimsRight: boolean } {
  const comment = /^\s*\/\*[\s\S]*?\*\/(\s-)?\}\}/.exec(text.slice(start));
  if (comment) return { end: start + comment[0].length, trimsRight: comment[1] !== undefined };
  const tokens: Token[] = [];
  const pattern =
    /(\s*)(?:(\s-\}\}|\}\})|(\.(?:\w[\w.]*)?|\$\w*(?:\.[\w.]+)?)|([A-Za-z_]\w*)|("(?:[^"\\\n]|\\.)*"|`[^`]*`)|(-?\d+)|(:=|[|()=,]))/y;
  pattern.lastIndex = start;
  for (;;) {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) {
      const rest = text.slice(from).trimStart();
      if (rest === '' || rest.startsWith('\n')) throw parseError(text, from, 'unclosed action');
      if (rest.startsWith('"')) throw parseError(text, from, 'unterminated quoted string');
      if (rest.startsWith('`')) throw parseError(text, from, 'unterminated raw quoted string');
      throw parseError(text, from, `unexpected ${JSON.stringify(rest[0])} in command`);
    }
    const [all, , end, field, name, string, number, punctuation] = match;
    if (end !== undefined) return { tokens, end: pattern.lastIndex, trimsRight: end !== '}}' };
    const value = (field ?? name ?? string ?? number ?? punctuation)!;
    const kind =
      field !== undefined
        ? 'field'
        : name !== undefined
          ? 'name'
          : string !== undefined
            ? 'string'
            : number !== undefined
              ? 'number'
              : 'punctuation';
    tokens.push({ kind, text: value, at: from + all.length - value.length });
  }
}

export class Parser {
  readonly #text: string;
  readonly #tokens: Token[];
  #next = 0;

  constructor(text: string, tokens: Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  /** The keyword that the action begins with, if it is one of these. */
  keyword<T extends string>(words: readonly T[]): T | undefined {
    const token = this.#tokens[this.#next];
    const found = token?.kind === 'name' ? words.find((word) => word === token.text) : undefined;
    if (found !== undefined) this.#next++;
    return found;
  }

  /** What is left of the action; `most` is how many variables it may set. */
  statement(what: string, most: number): Statement {
    const first = this.#tokens[this.#next];
    if (!first) throw parseError(this.#text, this.#tokens.at(-1)?.at ?? 0, `missing value for ${what}`);
    const variables: string[] = [];
    const isVariable = (at: number): boolean => /^\$\w+$/.test(this.#tokens[at]?.text ?? '');
    let end = this.#next;
    while (isVariable(end) && this.#tokens[end + 1]?.text === ',') end += 2;
    const sign = isVariable(end) ? this.#tokens[end + 1]?.text : undefined;
    if (sign === ':=' || sign === '=') {
      for (let at = this.#next; at <= end; at += 2) variables.push(this.#tokens[at]!.text);
      if (variables.length > most) throw parseError(this.#text, first.at, `too many declarations in ${what}`);
      this.#next = end + 2;
    }
    const pipe = this.pipe();
    this.finish();
    return { at: first.at, pipe, variables, assigns: sign === '=' };
  }

  pipe(): Pipe {
    const commands: Pipe = [];
    do commands.push(this.#command());
    while (this.#accept('|'));
    return commands;
  }

  /** Refuses words that are left over, in what. */
  finish(what = 'command'): void {
    const left = this.#tokens[this.#next];
    if (left) throw parseError(this.#text, left.at, `unexpected ${JSON.stringify(left.text)} in ${what}`);
  }

  #accept(text: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== 'punctuation' || token.text !== text) return false;
    this.#next++;
    return true;
  }

  #command(): Term[] {
    const terms: Term[] = [];
    for (;;) {
      const token = this.#tokens[this.#next];
      if (token === undefined || (token.kind === 'punctuation' && token.text !== '(')) break;
      this.#next++;
      terms.push(this.#term(token));
    }
    if (terms.length === 0) {
      const at = this.#tokens[this.#next]?.at ?? this.#tokens.at(-1)?.at ?? 0;
      throw parseError(this.#text, at, 'missing value for command');
    }
    return terms;
  }

  #term(token: Token): Term {
    const { at, text } = token;
    switch (token.kind) {
      case 'field':
        return pathTerm(at, text);
      case 'name':
        if (text === 'true' || text === 'false') return { kind: 'literal', at, text, value: text === 'true' };
        return { kind: 'name', at, text };
      case 'string':
        return { kind: 'literal', at, text, value: unquote(text) };
      case 'number':
        return { kind: 'literal', at, text, value: Number(text) };
      case 'punctuation': {
        const pipe = this.pipe();
        if (!this.#accept(')')) throw parseError(this.#text, at, 'unclosed left paren');
        return { kind: 'group', at, text, pipe };
      }
    }
  }
}

function pathTerm(at: number, text: string): Term {
  const [of, ...fields] = text.split('.');
  return { kind: 'path', at, text, of: of!, fields: fields.filter(Boolean) };
}

function unquote(text: string): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
  return text.slice(1, -1).replace(/\\(.)/g, (_, char: string) => escapes[char] ?? char);
}
