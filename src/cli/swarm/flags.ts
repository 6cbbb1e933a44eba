/** Flags as Go's programs take them: one dash or two, `-name value` or `-name=value`. */

/** What is wrong with a command line. */
export class FlagError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FlagError';
  }
}

export interface Flag {
  /** All its names, the long one first. */
  names: readonly string[];
  kind: 'bool' | 'text' | 'list';
  /** As people write it; a list's is replaced when one is given. */
  default?: string | readonly string[];
  /** Variables of the environment that stand for it. */
  env?: readonly string[];
  usage: string;
  /** Is not in the help. */
  hidden?: boolean;
}

export class Values {
  readonly #flags: readonly Flag[];
  readonly #given = new Map<string, string[]>();
  readonly #env: NodeJS.ProcessEnv;

  constructor(flags: readonly Flag[], env: NodeJS.ProcessEnv) {
    this.#flags = flags;
    this.#env = env;
  }

  give(flag: Flag, value: string): void {
    const name = flag.names[0]!;
    this.#given.set(name, [...(this.#given.get(name) ?? []), value]);
  }

  text(name: string): string {
    const value = this.#values(name)?.at(-1) ?? this.#flag(name).default ?? '';
    return typeof value === 'string' ? value : '';
  }
  bool(name: string): boolean {
    const value = this.#values(name)?.at(-1);
    return value !== undefined && !['false', '0', 'f', 'F', 'FALSE', 'False', ''].includes(value);
  }
  list(name: string): string[] {
    const values = this.#values(name) ?? this.#flag(name).default ?? [];
    return typeof values === 'string' ? [values] : [...values];
  }
  /** In seconds. @throws FlagError */
  duration(name: string): number {
    return seconds(this.text(name), `--${name}`);
  }
  /** @throws FlagError */
  integer(name: string): number {
    const text = this.text(name);
    if (/^[+-]?\d+$/.test(text)) return Number(text);
    throw new FlagError(`invalid value "${text}" for flag -${name}: a whole number is expected`);
  }

  #flag(name: string): Flag {
    return this.#flags.find(({ names }) => names[0] === name)!;
  }

  #values(name: string): string[] | undefined {
    const given = this.#given.get(name);
    if (given) return given;
    for (const variable of this.#flag(name).env ?? []) {
      const value = this.#env[variable];
      if (value) return this.#flag(name).kind === 'list' ? value.split(',') : [value];
    }
    return undefined;
  }
}

/** What was given, and what stands beside it. @throws FlagError */
export function parseFlags(
  flags: readonly Flag[],
  argv: readonly string[],
  { env = process.env, interspersed = true }: { env?: NodeJS.ProcessEnv; interspersed?: boolean } = {},
): { values: Values; rest: string[] } {
  const values = new Values(flags, env);
  const rest: string[] = [];
  const left = [...argv];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--') {
      rest.push(...left);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      if (interspersed) continue;
      rest.push(...left);
      break;
    }
    const [, name = '', , given] = /^--?([^=]*)(=(.*))?$/s.exec(word) ?? [];
    const flag = flags.find(({ names }) => names.includes(name));
    if (!flag) throw new FlagError(`flag provided but not defined: -${name}`);
    if (flag.kind === 'bool') values.give(flag, given ?? 'true');
    else {
      const value = given ?? left.shift();
      if (value === undefined) throw new FlagError(`flag needs an argument: -${name}`);
      values.give(flag, value);
    }
  }
  return { values, rest };
}

const UNITS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** A duration as Go writes it, `1h30m`, `1.5s`, in seconds. @throws FlagError */
export function seconds(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const sign = text.startsWith('-') ? -1 : 1;
  const bare = text.replace(/^[+-]/, '');
  if (bare === '0') return 0;
  if (bare === '' || parts.map(([part]) => part).join('') !== bare) {
    throw new FlagError(`invalid ${flag}: time: invalid duration ${JSON.stringify(text)}`);
  }
  return sign * parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
}
