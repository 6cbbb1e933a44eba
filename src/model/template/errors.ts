/** What can be wrong with a template, and where. */
import { type Bytes, textOf } from './bytes.ts';

/** The name that Docker gives to the template of a placeholder. */
export const MAIN = 'expansion';

/** The text is not a template, or what it says cannot be done. The message is Docker's. */
export class TemplateError extends Error {}

/** What a function says when it cannot do its work; the place is added where it was called. */
export class CallError extends Error {}

export const lineOf = (text: Bytes, at: number): number => text.slice(0, at).split('\n').length;

/** The text cannot be read. */
export function parseError(text: Bytes, at: number, reason: Bytes): TemplateError {
  return new TemplateError(textOf(`template: ${MAIN}:${lineOf(text, at)}: ${reason}`));
}
