/** Variables in compose files, and the files that set them, as Docker reads them. */

/** One that a file names. */
export interface Variable {
  name: string;
  /** What stands for it if it is not set. */
  fallback?: string;
  /** It has to be set; why, in the file's words. */
  required?: string;
}

export interface Interpolated {
  text: string;
  /** Names of variables that are not set and have no fallback: they stand for nothing. */
  missing: string[];
  used: Variable[];
}

export class InterpolationError extends Error {}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

/** Puts values in for `$NAME`, `${NAME}`, `${NAME:-fallback}` and their like. @throws InterpolationError */
export function interpolate(text: string, values: Readonly<Record<string, string>>): Interpolated {
  const missing: string[] = [];
  const used: Variable[] = [];
  const get = (name: string): string | undefined => (Object.hasOwn(values, name) ? values[name] : undefined);

  const run = (source: string): string => {
    let out = '';
    for (let at = 0; at < source.length; ) {
      const dollar = source.indexOf('$', at);
      if (dollar < 0) return out + source.slice(at);
      out += source.slice(at, dollar);
      if (source[dollar + 1] === '$') {
        out += '$';
        at = dollar + 2;
        continue;
      }
      if (source[dollar + 1] === '{') {
        const end = closing(source, dollar + 2);
        if (end < 0)
          throw new InterpolationError(
            `"${source.slice(dollar)}" has no closing brace; a $ of its own is written $$`,
          );
        out += braced(source.slice(dollar + 2, end));
        at = end + 1;
        continue;
      }
      const name = NAME.exec(source.slice(dollar + 1))?.[0];
      if (!name)
        throw new InterpolationError(
          `"${source.slice(dollar)}" names no variable; a $ of its own is written $$`,
        );
      out += plain(name);
      at = dollar + 1 + name.length;
    }
    return out;
  };

  const plain = (name: string): string => {
    used.push({ name });
    const value = get(name);
    if (value === undefined) missing.push(name);
    return value ?? '';
  };

  const braced = (inner: string): string => {
    const name = NAME.exec(inner)?.[0];
    if (!name) throw new InterpolationError(`"\${${inner}}" names no variable; a $ of its own is written $$`);
    const rest = inner.slice(name.length);
    if (rest === '') return plain(name);
    const [, colon, sign, word] = /^(:?)([-?+])([\s\S]*)$/.exec(rest) ?? [];
    if (sign === undefined)
      throw new InterpolationError(`"\${${inner}}" is no form of a variable that Docker knows`);
    const value = get(name);
    const isSet = value !== undefined && (colon === '' || value !== '');
    if (sign === '+') {
      used.push({ name, fallback: '' });
      return isSet ? run(word!) : '';
    }
    if (sign === '-') {
      used.push({ name, fallback: word });
      return isSet ? value : run(word!);
    }
    used.push({ name, required: word });
    if (!isSet) throw new InterpolationError(`the variable ${name} has to be set${word ? `: ${word}` : ''}`);
    return value;
  };

  return { text: run(text), missing, used };
}

/** The place of the brace that closes what was opened before `from`; -1: none. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '$' && text[at + 1] === '{') depth++;
    if (text[at] === '}' && --depth === 0) return at;
  }
  return -1;
}

export class EnvFileError extends Error {
  /** From 1. */
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/**
 * A `.env` file: `NAME=value` lines, `export` before them, comments, values in quotes that may go over several lines and,
 * unless the quotes are single ones, may name variables that were set before. @throws EnvFileError
 */
export function parseEnv(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const values: Record<string, string> = {};
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const lineAt = (at: number): number => source.slice(0, at).split('\n').length;
  const expand = (raw: string, at: number): string => {
    try {
      return interpolate(raw, { ...before, ...values }).text;
    } catch (error) {
      throw new EnvFileError(lineAt(at), (error as Error).message);
    }
  };
  const LINE = /[ \t]*(?:export[ \t]+)?([^\s=#'"]+)[ \t]*(=?)[ \t]*/y;
  for (let at = 0; at < source.length; ) {
    const blank = /\s*(?:#[^\n]*)?(?:\n|$)/y;
    blank.lastIndex = at;
    const skipped = blank.exec(source);
    if (skipped && (skipped[0].length > 0 || at >= source.length)) {
      at += skipped[0].length;
      if (at >= source.length) break;
      continue;
    }
    LINE.lastIndex = at;
    const found = LINE.exec(source);
    if (!found) throw new EnvFileError(lineAt(at), 'this line is not NAME=value');
    const name = found[1]!;
    if (!new RegExp(`${NAME.source}$`).test(name))
      throw new EnvFileError(lineAt(at), `${name} is no name of a variable: letters, digits and _ make one`);
    at = LINE.lastIndex;
    if (found[2] === '') {
      // As a name alone it has the value that it has outside, which here is what was given before.
      if (Object.hasOwn(before, name)) values[name] = before[name]!;
    } else {
      const quote = source[at];
      if (quote === '"' || quote === "'") {
        const end = quoteEnd(source, at);
        if (end < 0) throw new EnvFileError(lineAt(at), `the value of ${name} has no closing ${quote}`);
        const raw = source.slice(at + 1, end);
        values[name] = quote === "'" ? raw : unescaped(expand(raw.replaceAll('\\$', '$$$$'), at));
        at = end + 1;
      } else {
        const end = source.indexOf('\n', at);
        const raw = source.slice(at, end < 0 ? undefined : end);
        values[name] = expand(raw.replace(/(^|\s)#.*$/, '').trim(), at);
        at = end < 0 ? source.length : end;
        continue;
      }
    }
    const rest = /[ \t]*(?:#[^\n]*)?(?=\n|$)/y;
    rest.lastIndex = at;
    const tail = rest.exec(source);
    if (!tail) throw new EnvFileError(lineAt(at), `there is something after the value of ${name}`);
    at += tail[0].length;
  }
  return values;
}

function quoteEnd(text: string, from: number): number {
  const quote = text[from];
  for (let at = from + 1; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

function unescaped(text: string): string {
  return text.replace(/\\([nrt"\\$])/g, (_, letter: string) => ESCAPES[letter]!);
}
