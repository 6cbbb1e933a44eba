/** The `filters` parameter of lists and of the event stream. */
import { ApiError } from '../model/errors.ts';
import { type JsonValue, parseJson } from './json.ts';

export class Filters {
  readonly #fields: ReadonlyMap<string, readonly string[]>;

  constructor(fields: Iterable<[string, readonly string[]]> = []) {
    this.#fields = new Map(fields);
  }

  /** The values asked for under a key, none if it is absent. */
  get(key: string): readonly string[] {
    return this.#fields.get(key) ?? [];
  }
  /** Present, even if without values. */
  has(key: string): boolean {
    return this.#fields.has(key);
  }
  keys(): string[] {
    return [...this.#fields.keys()];
  }

  /** The matchers below hold for everything where no value is asked for. */
  exact(key: string, value: string | undefined): boolean {
    const wanted = this.get(key);
    return wanted.length === 0 || (value !== undefined && wanted.includes(value));
  }
  /** One of the values asked for is a prefix of one of `values`. */
  prefix(key: string, ...values: string[]): boolean {
    const wanted = this.get(key);
    return wanted.length === 0 || wanted.some((prefix) => values.some((value) => value.startsWith(prefix)));
  }
  /** All labels asked for are there: `k` (or `k=`) with any value, `k=v` with that one. */
  labels(key: string, labels: Record<string, string> | null | undefined): boolean {
    return this.get(key).every((wanted) => {
      const { name, value } = splitLabel(wanted);
      if (labels == null || !Object.hasOwn(labels, name)) return false;
      return value === '' || labels[name] === value;
    });
  }
  /** Throws ApiError 400 unless the value is one of 1, true, 0, false; undefined if the key is absent. */
  boolean(key: string): boolean | undefined {
    if (!this.has(key)) return undefined;
    const values = this.get(key);
    const yes = values.some((value) => value === '1' || value === 'true');
    const no = values.some((value) => value === '0' || value === 'false');
    if (yes === no) throw invalid(key, values);
    return yes;
  }

  without(...keys: string[]): Filters {
    return new Filters([...this.#fields].filter(([key]) => !keys.includes(key)));
  }
  with(key: string, ...values: string[]): Filters {
    return new Filters([...this.#fields, [key, [...this.get(key), ...values]]]);
  }
  /** As the parameter's text. */
  toString(): string {
    const sets = [...this.#fields].map(([key, values]) => [
      key,
      Object.fromEntries(values.map((value) => [value, true])),
    ]);
    return JSON.stringify(Object.fromEntries(sets));
  }
}

/**
 * Reads `filters` in both of its forms, `{"k":{"v":true}}` and the old `{"k":["v"]}`. Keys outside of `accepted` (if
 * given) and anything malformed throw ApiError 400.
 */
export function parseFilters(query: URLSearchParams, accepted?: readonly string[]): Filters {
  const filters = new Filters(readFields(query.get('filters') ?? ''));
  for (const key of filters.keys()) if (accepted && !accepted.includes(key)) throw invalid(key);
  return filters;
}

function* readFields(text: string): Generator<[string, string[]]> {
  if (text === '') return;
  const value = parsed(text);
  if (value === null) return;
  if (typeof value !== 'object' || value.type !== 'object') throw invalid();
  const fields = new Map(value.entries.map(([key, wanted]) => [key, readValues(wanted)]));
  yield* fields;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function readValues(value: JsonValue): string[] {
  if (value === null) return [];
  if (typeof value !== 'object') throw invalid();
  if (value.type === 'array') {
    return value.items.map((item) => {
      if (typeof item !== 'string') throw invalid();
      return item;
    });
  }
  if (value.type !== 'object') throw invalid();
  return [
    ...new Set(
      value.entries.map(([wanted, set]) => {
        if (typeof set !== 'boolean') throw invalid();
        return wanted;
      }),
    ),
  ];
}

function splitLabel(text: string): { name: string; value: string } {
  const at = text.indexOf('=');
  return at < 0 ? { name: text, value: '' } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

function invalid(key?: string, values: readonly string[] = []): ApiError {
  if (key === undefined) return new ApiError(400, 'invalid filter');
  const what = values.length === 0 ? key : `${key}=[${values.join(' ')}]`;
  return new ApiError(400, `invalid filter '${what}'`);
}
