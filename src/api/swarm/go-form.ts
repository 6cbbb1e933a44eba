/**
 * Values as Docker's API leaves them out of JSON: what is empty (zero, '', false, [], {} and null) is not there, maps
 * are in order of their keys.
 */

type Maybe<T> = T | null | undefined;

export const text = (value: Maybe<string>): string | undefined => value || undefined;
export const number = (value: Maybe<number>): number | undefined => value || undefined;
export const flag = (value: Maybe<boolean>): boolean | undefined => value || undefined;
/** For pointers: only null is nothing. */
export const pointer = <T>(value: Maybe<T>): T | undefined => value ?? undefined;

export function list<T>(value: Maybe<readonly T[]>): T[] | undefined {
  return value?.length ? [...value] : undefined;
}

export function map(value: Maybe<Record<string, string>>): Record<string, string> | undefined {
  const sorted = labels(value);
  return Object.keys(sorted).length > 0 ? sorted : undefined;
}

/** A map that is there even if it is empty. */
export function labels(value: Maybe<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The object without its undefined properties, in the same order. */
export function present<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** Applies `convert` unless there is nothing to convert. */
export function optional<T, R>(value: Maybe<T>, convert: (value: T) => R): R | undefined {
  return value === null || value === undefined ? undefined : convert(value);
}
