/** Answers without what is secret, for those who may only look. */
import { STACK_LABEL } from './stack.ts';

const HIDDEN = '(hidden)';

/**
 * A JSON value of Docker's API without the values of environments, the contents of configs and join tokens. What bears
 * the label of a stack for which `isOwn` holds stays as it is.
 */
export function redacted(value: unknown, isOwn: (stack: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => redacted(each, isOwn));
  if (typeof value !== 'object' || value === null) return value;
  const stack = stackIn(value as Record<string, unknown>);
  if (stack !== undefined && isOwn(stack)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, hidden(key, each, isOwn)]));
}

function hidden(key: string, value: unknown, isOwn: (stack: string) => boolean): unknown {
  if (key === 'Env' && Array.isArray(value)) return value.map(withoutValue);
  if (key === 'Data' && typeof value === 'string') return undefined;
  if (key === 'JoinTokens') return undefined;
  return redacted(value, isOwn);
}

function withoutValue(variable: unknown): unknown {
  return typeof variable === 'string' ? variable.replace(/=.*$/s, `=${HIDDEN}`) : variable;
}

/** The stack of a service, task, container, config or secret, wherever its labels stand. */
function stackIn(object: Record<string, unknown>): string | undefined {
  const places = [object, object.Spec, object.Config];
  for (const place of places) {
    const labels = (place as { Labels?: Record<string, unknown> } | undefined | null)?.Labels;
    const stack = typeof labels === 'object' && labels !== null ? labels[STACK_LABEL] : undefined;
    if (typeof stack === 'string' && stack !== '') return stack;
  }
  return undefined;
}
