/** The tokens of a template, one after the other, with a look ahead, and the errors that speak of them. */
import type { Bytes } from '../bytes.ts';
import { lineOf, MAIN, parseError, type TemplateError } from '../errors.ts';
import { nameOf, type Token, tokenize } from './lexer.ts';

export class Tokens {
  readonly #text: Bytes;
  readonly #tokens: readonly Token[];
  #next = 0;
  /** The last one that anybody has looked at: errors name its line. */
  #furthest = 0;
  /** Where the action at hand began; undefined between actions. */
  actionAt: number | undefined;

  constructor(text: Bytes) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  /** The next token, which stays the next one. At the end, and behind an error, there is no other. */
  peek(): Token {
    this.#next = Math.min(this.#next, this.#tokens.length - 1);
    this.#furthest = Math.max(this.#furthest, this.#next);
    return this.#tokens[this.#next]!;
  }

  next(): Token {
    const token = this.peek();
    this.#next++;
    return token;
  }

  nextWord(): Token {
    this.skipSpace();
    return this.next();
  }

  peekWord(): Token {
    this.skipSpace();
    return this.peek();
  }

  skipSpace(): void {
    while (this.peek().kind === 'space') this.#next++;
  }

  /** Where the next token is, to come back to. */
  get place(): number {
    return this.#next;
  }

  backTo(place: number): void {
    this.#next = place;
  }

  isNext(kind: Token['kind'], text?: Bytes): boolean {
    const token = this.peekWord();
    return token.kind === kind && (text === undefined || token.text === text);
  }

  /** Takes the next word if it is that. */
  accept(kind: Token['kind'], text?: Bytes): boolean {
    const found = this.isNext(kind, text);
    if (found) this.#next++;
    return found;
  }

  /** Takes the next word, which has to be of that kind. */
  expect(kind: Token['kind'], where: string): Token {
    const token = this.nextWord();
    if (token.kind !== kind) throw this.unexpected(token, where);
    return token;
  }

  unexpected(token: Token, where: string): TemplateError {
    if (token.kind !== 'error') return this.error(`unexpected ${nameOf(token)} in ${where}`);
    const line = this.actionAt === undefined ? undefined : lineOf(this.#text, this.actionAt);
    if (line === undefined || line === lineOf(this.#text, token.at)) return this.error(token.text);
    const action = token.text.endsWith(' action') ? '' : ' in action';
    return this.error(`${token.text}${action} started at ${MAIN}:${line}`);
  }

  error(reason: Bytes): TemplateError {
    return parseError(this.#text, this.#tokens[this.#furthest]!.at, reason);
  }
}
