/** Bodies of requests that go on to the engine, with a field here and there changed. */
import type { ApiRequest } from './router.ts';

export type Json = Record<string, unknown>;

/** A field of a JSON object as Go finds it: by its name, else without regard to case. */
export function keyOf(object: Json, name: string): string {
  if (Object.hasOwn(object, name)) return name;
  return Object.keys(object).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
}

/** The object in that field; an empty one if it has none. */
export function part(object: Json, name: string): Json {
  const value = object[keyOf(object, name)];
  return isObject(value) ? value : {};
}

/** The same object with another value in that field. */
export function set(object: Json, name: string, value: unknown): Json {
  return { ...object, [keyOf(object, name)]: value };
}

export const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Undefined if it is no object of JSON: what is wrong with a body is the engine's to say. */
export async function objectOf(request: ApiRequest): Promise<Json | undefined> {
  try {
    const value: unknown = JSON.parse((await request.bytes()).toString());
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The body as it came, unless it was changed. */
export async function bytesOf(
  request: ApiRequest,
  before: Json | undefined,
  now: Json | undefined,
): Promise<Buffer> {
  return now === before ? request.bytes() : Buffer.from(JSON.stringify(now));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
