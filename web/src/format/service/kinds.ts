/** Kinds of fields of a service's form: a text, a number, a size, one of several, lines. */
import { FieldError, type Names, type ServiceSpec, valueAt, withValueAt } from './spec.ts';

export interface Field {
  key: string;
  section: string;
  label: string;
  help?: string;
  /** One line of text; one entry in each line; one of these. */
  kind: 'text' | 'lines' | 'choice';
  choices?: readonly string[];
  /** Undefined: the service has no such thing. */
  read(spec: ServiceSpec, names: Names): string | undefined;
  /** @throws FieldError */
  write(spec: ServiceSpec, value: string, names: Names): ServiceSpec;
  /** Options of `docker service update`. */
  flags(before: string, after: string): string[];
}

export const CONTAINER = 'TaskTemplate.ContainerSpec';
export const NANO = 1e9;

export const linesOf = (value: string): string[] =>
  value
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

export type Place = Pick<Field, 'key' | 'section' | 'label' | 'help'>;

export function textField(place: Place, path: string, flag: string): Field {
  return {
    ...{ ...place, kind: 'text' },
    read: (spec) => String(valueAt(spec, path) ?? ''),
    write: (spec, value) => withValueAt(spec, path, value.trim() === '' ? undefined : value.trim()),
    flags: (_, after) => [`--${flag}`, after.trim()],
  };
}

/** A number with a unit that specs have in another one. `unit`: how many of theirs are one of ours. */
export function numberField(place: Place, path: string, flag: string, unit = 1, suffix = ''): Field {
  return {
    ...{ ...place, kind: 'text' },
    read(spec) {
      const value = valueAt(spec, path);
      return typeof value === 'number' ? String(value / unit) : '';
    },
    write(spec, value) {
      if (value.trim() === '') return withValueAt(spec, path, undefined);
      const read = Number(value);
      if (!Number.isFinite(read) || read < 0 || (unit === 1 && !Number.isInteger(read)))
        throw new FieldError(`${place.label} takes a ${unit === 1 ? 'whole ' : ''}number, not ${value}`);
      return withValueAt(spec, path, Math.round(read * unit));
    },
    flags: (_, after) => [`--${flag}`, `${after.trim() || '0'}${suffix}`],
  };
}

const SIZES: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `512M`. */
export function sizeField(place: Place, path: string, flag: string): Field {
  return {
    ...{ ...place, kind: 'text' },
    read(spec) {
      const value = valueAt(spec, path);
      if (typeof value !== 'number') return '';
      const [unit, size] = Object.entries(SIZES).findLast(([, each]) => value % each === 0)!;
      return `${value / size}${unit.toUpperCase()}`;
    },
    write(spec, value) {
      if (value.trim() === '') return withValueAt(spec, path, undefined);
      const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value.trim()) ?? [];
      if (count === undefined) throw new FieldError(`${place.label} takes a size like 512M, not ${value}`);
      return withValueAt(spec, path, Math.round(Number(count) * SIZES[unit.toLowerCase()]!));
    },
    flags: (_, after) => [`--${flag}`, after.trim() || '0'],
  };
}

export function choiceField(place: Place, path: string, flag: string, choices: readonly string[]): Field {
  return {
    ...{ ...place, kind: 'choice', choices },
    read: (spec) => String(valueAt(spec, path) ?? choices[0]),
    write: (spec, value) => withValueAt(spec, path, value),
    flags: (_, after) => [`--${flag}`, after],
  };
}

/** What has to be added and taken away to make one list of the other. */
export function changes(before: string, after: string): { added: string[]; gone: string[] } {
  const [a, b] = [linesOf(before), linesOf(after)];
  return { added: b.filter((line) => !a.includes(line)), gone: a.filter((line) => !b.includes(line)) };
}

const keyOf = (line: string): string => line.split('=', 1)[0]!;

export function listFlags(
  flag: string,
  before: string,
  after: string,
  key = (line: string) => line,
): string[] {
  const { added, gone } = changes(before, after);
  const kept = new Set(added.map(key));
  return [
    ...gone
      .map(key)
      .filter((each) => !kept.has(each))
      .flatMap((each) => [`--${flag}-rm`, each]),
    ...added.flatMap((each) => [`--${flag}-add`, each]),
  ];
}

/** `NAME=value` in each line. A value of several lines can only be changed as YAML. */
export function pairsField(place: Place, path: string, flag: string): Field {
  const isMap = path.endsWith('Labels');
  const entries = (spec: ServiceSpec): string[] => {
    const value = valueAt(spec, path) ?? (isMap ? {} : []);
    return isMap
      ? Object.entries(value as Record<string, string>).map((pair) => pair.join('='))
      : (value as string[]);
  };
  return {
    ...{ ...place, kind: 'lines' },
    read(spec) {
      const all = entries(spec);
      return all.some((each) => /\n|^\s|\s$/.test(each)) ? undefined : all.join('\n');
    },
    write(spec, value) {
      const lines = linesOf(value);
      const bad = lines.find((line) => !/^[^=\s][^=]*(=|$)/.test(line));
      if (bad !== undefined) throw new FieldError(`a line is NAME=value, not ${bad}`);
      if (!isMap) return withValueAt(spec, path, lines.length > 0 ? lines : undefined);
      const map = Object.fromEntries(
        lines.map((line) => [keyOf(line), line.includes('=') ? line.slice(keyOf(line).length + 1) : '']),
      );
      return withValueAt(spec, path, map);
    },
    flags: (before, after) => listFlags(flag, before, after, keyOf),
  };
}

/** Words of a command, one in each line. */
export function wordsField(place: Place, path: string, flag: string): Field {
  return {
    ...{ ...place, kind: 'lines' },
    read(spec) {
      const words = (valueAt(spec, path) ?? []) as string[];
      return words.some((word) => /\n|^\s|\s$|^$/.test(word)) ? undefined : words.join('\n');
    },
    write: (spec, value) => withValueAt(spec, path, linesOf(value).length > 0 ? linesOf(value) : undefined),
    flags: (_, after) => [`--${flag}`, linesOf(after).join(' ')],
  };
}
