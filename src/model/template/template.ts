/**
 * The placeholders that may stand in a service's env, hostname and mounts, and in secrets and configs: templates of Go's
 * text/template with Docker's context and functions, and with Docker's errors. Which version of Go, docs/templates.md says.
 */
import { type Bytes, bytesOf, textOf } from './bytes.ts';
import { contextValue, payloadValue, type TemplateContext } from './context.ts';
import { CallError, MAIN, TemplateError } from './errors.ts';
import { execute } from './execute.ts';
import { BUILT_IN, type GoFunction } from './functions/built-in.ts';
import { Limits } from './limits.ts';
import { readTemplate } from './syntax/parser.ts';
import type { Pointer } from './value.ts';

export type { TemplateContext };
export { TemplateError };

/** Functions beyond the built-in ones, in the content of secrets and configs. What they throw becomes the template's error. */
export type PayloadFunctions = Record<string, (name: string) => string | Buffer>;

/** Expands all placeholders of a text. Throws TemplateError with Docker's text. */
export function expand(text: string, context: TemplateContext): string {
  return textOf(plain(bytesOf(text), context, new Limits()));
}

/** The same for the content of a secret or config, which may be anything. */
export function expandPayload(
  content: Buffer,
  context: TemplateContext,
  functions: PayloadFunctions,
): Buffer {
  const limits = new Limits();
  const all = new Map(BUILT_IN);
  for (const [name, call] of Object.entries(functions)) all.set(name, payloadFunction(call));
  const dot = payloadValue(
    context,
    nested((text) => plain(text, context, limits), limits),
    nested((text) => expandBytes(text, dot, all, limits), limits),
  );
  return Buffer.from(expandBytes(content.toString('latin1'), dot, all, limits), 'latin1');
}

function plain(text: Bytes, context: TemplateContext, limits: Limits): Bytes {
  const dot = contextValue(
    context,
    nested((inner) => expandBytes(inner, dot, BUILT_IN, limits), limits),
  );
  return expandBytes(text, dot, BUILT_IN, limits);
}

function expandBytes(
  text: Bytes,
  dot: Pointer,
  functions: ReadonlyMap<Bytes, GoFunction>,
  limits: Limits,
): Bytes {
  const templates = readTemplate(text, (name) => functions.has(name), limits);
  return execute(templates.get(MAIN)!, templates, dot, { text, functions, limits, piece: undefined });
}

/** A template that a template expands: what is wrong with it is wrong with the call. */
function nested(expandText: (text: Bytes) => Bytes, limits: Limits): (text: Bytes) => Bytes {
  return (text) =>
    limits.deeper(() => {
      try {
        return expandText(text);
      } catch (error) {
        throw error instanceof TemplateError ? new CallError(bytesOf(error.message)) : error;
      }
    });
}

function payloadFunction(call: (name: string) => string | Buffer): GoFunction {
  return {
    takes: ['string'],
    call: ([name]) => {
      try {
        const result = call(textOf(name as Bytes));
        return typeof result === 'string' ? bytesOf(result) : result.toString('latin1');
      } catch (error) {
        throw new CallError(bytesOf((error as Error).message));
      }
    },
  };
}
