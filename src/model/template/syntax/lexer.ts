/** Cuts a template into texts and the words of its actions. */
import { type Bytes, encodeRune, firstRunes, isPrintable, isWordRune, runeAt } from '../bytes.ts';
import { quote } from '../quote.ts';

export interface Token {
  kind:
    | 'text'
    | 'open'
    | 'close'
    | 'space'
    | 'field'
    | 'variable'
    | 'name'
    | 'keyword'
    | 'bool'
    | 'rune'
    | 'number'
    | 'complex'
    | 'string'
    | 'symbol'
    /** What cannot be read from here on; the text says why. */
    | 'error'
    | 'end';
  text: Bytes;
  at: number;
}

const KEYWORDS = new Set('. block break continue define else end if nil range template with'.split(' '));
const SPACE = /[ \t\r\n]/;

/** All tokens; the last one is an `error` or the `end`. */
export function tokenize(text: Bytes): Token[] {
  const lexer = new Lexer(text);
  while (lexer.read());
  return lexer.tokens;
}

/** How an error calls the token. */
export function nameOf({ kind, text }: Token): Bytes {
  if (kind === 'end') return 'EOF';
  if (kind === 'error') return text;
  if (kind === 'keyword') return `<${text}>`;
  return text.length > 10 ? `${quote(firstRunes(text, 10))}...` : quote(text);
}

class Lexer {
  readonly tokens: Token[] = [];
  readonly #text: Bytes;
  #at = 0;
  /** Parentheses that are open. */
  #open = 0;

  constructor(text: Bytes) {
    this.#text = text;
  }

  /** Reads a text and the action or comment behind it; false if there is no more to read. */
  read(): boolean {
    const start = this.#at;
    const open = this.#text.indexOf('{{', start);
    if (open < 0) {
      if (start < this.#text.length) this.#take('text', this.#text.length);
      this.#take('end', this.#text.length);
      return false;
    }
    const trims = /^-[ \t\r\n]/.test(this.#text.slice(open + 2, open + 4));
    let end = open;
    if (trims) while (end > start && SPACE.test(this.#text[end - 1]!)) end--;
    if (end > start) this.#take('text', end);
    this.#at = open + (trims ? 4 : 2);
    if (this.#text.startsWith('/*', this.#at)) return this.#comment();
    this.tokens.push({ kind: 'open', text: '{{', at: open });
    return this.#action();
  }

  #action(): boolean {
    this.#open = 0;
    for (;;) {
      const kind = this.#word();
      if (kind === 'error' || kind === 'close') return kind === 'close';
    }
  }

  #comment(): boolean {
    const start = this.#at;
    const end = this.#text.indexOf('*/', start + 2);
    if (end < 0) return this.#fail('unclosed comment') !== 'error';
    this.#at = end + 2;
    const delimiter = this.#delimiter();
    if (delimiter === undefined) {
      this.#at = start;
      return this.#fail('comment ends before closing delimiter') !== 'error';
    }
    this.#skip(delimiter);
    return true;
  }

  /** How long the closing braces here are, with what trims: 2 or 4; undefined if there are none. */
  #delimiter(): number | undefined {
    const ahead = this.#text.slice(this.#at, this.#at + 4);
    return /^[ \t\r\n]-\}\}/.test(ahead) ? 4 : ahead.startsWith('}}') ? 2 : undefined;
  }

  #skip(delimiter: number): void {
    this.#at += delimiter;
    if (delimiter === 4) while (SPACE.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #word(): Token['kind'] | undefined {
    const start = this.#at;
    const delimiter = this.#delimiter();
    if (delimiter !== undefined) {
      if (this.#open > 0) return this.#fail('unclosed left paren');
      this.tokens.push({ kind: 'close', text: '}}', at: start + delimiter - 2 });
      this.#skip(delimiter);
      return 'close';
    }
    const char = this.#text[start];
    if (char === undefined) return this.#fail('unclosed action');
    if (SPACE.test(char)) return this.#space();
    if (char === '"') return this.#quoted('string', char, 'quoted string');
    if (char === "'") return this.#quoted('rune', char, 'character constant');
    if (char === '`') {
      const end = this.#text.indexOf('`', start + 1);
      return end < 0 ? this.#fail('unterminated raw quoted string') : this.#take('string', end + 1);
    }
    if (char === '$') return this.#name('variable', start + 1);
    if (char === '.' && /[^0-9]/.test(this.#text[start + 1] ?? ''))
      return this.#isTerminator(start + 1)
        ? this.#take('keyword', start + 1)
        : this.#name('field', start + 1);
    if (/[-+.0-9]/.test(char)) return this.#number();
    const { rune, size } = runeAt(this.#text, start);
    if (isWordRune(rune)) return this.#name('name', start);
    return this.#symbol(char, rune, size);
  }

  #symbol(char: string, rune: number, size: number): Token['kind'] {
    const start = this.#at;
    if (char === ':') {
      if (this.#text[start + 1] !== '=') return this.#fail('expected :=');
      return this.#take('symbol', start + 2);
    }
    if (rune >= 0x80 || !isPrintable(rune))
      return this.#fail(`unrecognized character in action: ${codeOf(rune)}`);
    if (char === '(') this.#open++;
    if (char === ')' && --this.#open < 0) return this.#fail('unexpected right paren');
    return this.#take('symbol', start + size);
  }

  #space(): Token['kind'] | undefined {
    let end = this.#at;
    while (SPACE.test(this.#text[end] ?? '')) end++;
    // The last space belongs to closing braces that trim.
    if (this.#text.startsWith('-}}', end)) end--;
    return end === this.#at ? undefined : this.#take('space', end);
  }

  #quoted(kind: 'string' | 'rune', around: string, what: string): Token['kind'] {
    for (let end = this.#at + 1; end < this.#text.length; end++) {
      const char = this.#text[end];
      if (char === around) return this.#take(kind, end + 1);
      if (char === '\\') end++;
      if (this.#text[end] === '\n') break;
    }
    return this.#fail(`unterminated ${what}`);
  }

  #name(kind: 'name' | 'field' | 'variable', from: number): Token['kind'] {
    let end = from;
    while (end < this.#text.length) {
      const { rune, size } = runeAt(this.#text, end);
      if (!isWordRune(rune)) break;
      end += size;
    }
    if (end < this.#text.length && !this.#isTerminator(end))
      return this.#fail(`bad character ${codeOf(runeAt(this.#text, end).rune)}`);
    const word = this.#text.slice(this.#at, end);
    if (kind === 'name' && KEYWORDS.has(word)) return this.#take('keyword', end);
    return this.#take(word === 'true' || word === 'false' ? 'bool' : kind, end);
  }

  /** What may come after a name. */
  #isTerminator(at: number): boolean {
    return /[ \t\r\n.,|:)(]/.test(this.#text[at]!) || this.#text.startsWith('}}', at);
  }

  #number(): Token['kind'] {
    const first = this.#numberFrom(this.#at);
    if (!first.ok) return this.#fail(`bad number syntax: ${quote(this.#text.slice(this.#at, first.end))}`);
    if (!/[-+]/.test(this.#text[first.end] ?? '')) return this.#take('number', first.end);
    const second = this.#numberFrom(first.end);
    if (!second.ok || this.#text[second.end - 1] !== 'i')
      return this.#fail(`bad number syntax: ${quote(this.#text.slice(this.#at, second.end))}`);
    return this.#take('complex', second.end);
  }

  #numberFrom(start: number): { end: number; ok: boolean } {
    const pattern =
      /[-+]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][-+]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9_]*)?)i?/y;
    pattern.lastIndex = start;
    pattern.test(this.#text);
    const end = pattern.lastIndex;
    if (end >= this.#text.length) return { end, ok: true };
    const { rune, size } = runeAt(this.#text, end);
    return isWordRune(rune) ? { end: end + size, ok: false } : { end, ok: true };
  }

  #take(kind: Token['kind'], end: number): Token['kind'] {
    const start = this.#at;
    this.#at = end;
    this.tokens.push({ kind, text: this.#text.slice(start, end), at: start });
    return kind;
  }

  #fail(reason: Bytes): 'error' {
    this.tokens.push({ kind: 'error', text: reason, at: this.#at });
    return 'error';
  }
}

/** A character by its number, as errors show it. */
function codeOf(rune: number): Bytes {
  const code = `U+${rune.toString(16).toUpperCase().padStart(4, '0')}`;
  return isPrintable(rune) ? `${code} '${encodeRune(rune)}'` : code;
}
