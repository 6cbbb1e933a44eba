/**
 * JSON as Go reads it: the same texts for what is malformed, numbers kept as written (an integer field takes no 1e3 and
 * no 1.0), entries in order with their duplicates, and no object whose prototype a sender could reach.
 */

/** Deeper nesting than this is nobody's spec. */
const MAX_DEPTH = 1000;

export type JsonValue = null | boolean | string | JsonNumber | JsonArray | JsonObject;
export interface JsonNumber {
  type: 'number';
  source: string;
}
export interface JsonArray {
  type: 'array';
  items: JsonValue[];
}
export interface JsonObject {
  type: 'object';
  entries: Array<[string, JsonValue]>;
}

/** Its message is the text of Go's decoder. */
export class JsonError extends Error {}

/** The one value in `text`; throws JsonError. */
export function parseJson(text: string): JsonValue {
  const parser = new Parser(text);
  parser.space();
  if (parser.ended()) throw new JsonError('got EOF while reading request body');
  const value = parser.value(0);
  parser.space();
  if (!parser.ended()) throw new JsonError('unexpected content after JSON');
  return value;
}

const SPACE = /[ \t\r\n]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  ended(): boolean {
    return this.#at >= this.#text.length;
  }
  space(): void {
    this.#skip(SPACE);
  }

  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw new JsonError('exceeded max depth');
    const char = this.#peek();
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#array(depth);
    if (char === '"') return this.#string();
    if (char === 't') return this.#literal('true', true);
    if (char === 'f') return this.#literal('false', false);
    if (char === 'n') return this.#literal('null', null);
    if (char === '-' || isDigit(char)) return this.#number();
    throw this.#invalid('looking for beginning of value');
  }

  #object(depth: number): JsonObject {
    const entries: JsonObject['entries'] = [];
    this.#at++;
    this.space();
    if (this.#take('}')) return { type: 'object', entries };
    for (;;) {
      this.space();
      if (this.#peek() !== '"') throw this.#invalid('looking for beginning of object key string');
      const key = this.#string();
      this.space();
      if (!this.#take(':')) throw this.#invalid('after object key');
      this.space();
      entries.push([key, this.value(depth + 1)]);
      this.space();
      if (this.#take('}')) return { type: 'object', entries };
      if (!this.#take(',')) throw this.#invalid('after object key:value pair');
    }
  }

  #array(depth: number): JsonArray {
    const items: JsonValue[] = [];
    this.#at++;
    this.space();
    if (this.#take(']')) return { type: 'array', items };
    for (;;) {
      this.space();
      items.push(this.value(depth + 1));
      this.space();
      if (this.#take(']')) return { type: 'array', items };
      if (!this.#take(',')) throw this.#invalid('after array element');
    }
  }

  #string(): string {
    this.#at++;
    let value = '';
    for (;;) {
      value += this.#skip(PLAIN);
      const char = this.#peek();
      if (char === '"') {
        this.#at++;
        return value;
      }
      if (char !== '\\') throw this.#invalid('in string literal');
      this.#at++;
      value += this.#escape();
    }
  }

  #escape(): string {
    const char = this.#peek();
    if (char === 'u') {
      let code = '';
      for (let i = 0; i < 4; i++) {
        this.#at++;
        if (!/[0-9a-fA-F]/.test(this.#peek())) throw this.#invalid('in \\u hexadecimal character escape');
        code += this.#peek();
      }
      this.#at++;
      return String.fromCharCode(Number.parseInt(code, 16));
    }
    if (!Object.hasOwn(ESCAPES, char)) throw this.#invalid('in string escape code');
    this.#at++;
    return ESCAPES[char]!;
  }

  #literal<T>(word: string, value: T): T {
    for (let i = 0; i < word.length; i++, this.#at++) {
      if (this.#peek() !== word[i]) throw this.#invalid(`in literal ${word} (expecting '${word[i]}')`);
    }
    return value;
  }

  #number(): JsonNumber {
    const start = this.#at;
    this.#take('-');
    if (!this.#take('0')) this.#digits('in numeric literal');
    if (this.#take('.')) this.#digits('after decimal point in numeric literal');
    if (this.#take('e') || this.#take('E')) {
      if (!this.#take('+')) this.#take('-');
      this.#digits('in exponent of numeric literal');
    }
    return { type: 'number', source: this.#text.slice(start, this.#at) };
  }

  #digits(where: string): void {
    if (!isDigit(this.#peek())) throw this.#invalid(where);
    while (isDigit(this.#text[this.#at])) this.#at++;
  }

  /** The next character; throws where there is none. */
  #peek(): string {
    const char = this.#text[this.#at];
    if (char === undefined) throw new JsonError('unexpected EOF');
    return char;
  }
  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }
  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text)!;
    this.#at += found.length;
    return found;
  }
  #invalid(where: string): JsonError {
    return new JsonError(`invalid character ${quoted(this.#peek())} ${where}`);
  }
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

/** A character as Go quotes it. */
function quoted(char: string): string {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  const code = char.charCodeAt(0);
  const names: Record<number, string> = {
    7: 'a',
    8: 'b',
    9: 't',
    10: 'n',
    11: 'v',
    12: 'f',
    13: 'r',
    92: '\\',
  };
  if (names[code] !== undefined) return `'\\${names[code]}'`;
  return code < 32 || code === 127 ? `'\\x${code.toString(16).padStart(2, '0')}'` : `'${char}'`;
}
