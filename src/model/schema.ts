/**
 * Builders of the JSON Schemas that bodies are read by. They are TypeBox's schemas, with TypeBox's types, made without
 * loading TypeBox: at run time the decoder only walks plain JSON Schema, and the library would cost each idle daemon
 * 20 MB.
 */
import type * as T from 'typebox';

export type { Static, TSchema } from 'typebox';

const make = <S>(schema: object): S => schema as S;

export const text = () => make<T.TString>({ type: 'string' });
export const integer = () => make<T.TInteger>({ type: 'integer' });
export const number = () => make<T.TNumber>({ type: 'number' });
export const boolean = () => make<T.TBoolean>({ type: 'boolean' });
export const array = <S extends T.TSchema>(items: S) => make<T.TArray<S>>({ type: 'array', items });
export const map = <S extends T.TSchema>(values: S) =>
  make<T.TRecord<'^.*$', S>>({ type: 'object', patternProperties: { '^.*$': values } });
export const object = <P extends T.TProperties>(properties: P) =>
  make<T.TObject<P>>({ type: 'object', properties });

/** A field that may be left out or be null, as Go's clients send empty lists and pointers. */
export const optional = <S extends T.TSchema>(schema: S) =>
  make<T.TOptional<T.TUnion<[S, T.TNull]>>>({ anyOf: [schema, { type: 'null' }] });
