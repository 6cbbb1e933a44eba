/** Expressions of people about where a container is to run: `storage==ssd`, `node!=~/db/`. */
import { setFlagsFromString } from 'node:v8';
import { ApiError } from '../../model/errors.ts';

// Expressions are searched in time that grows with their length alone, as Go does.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

export interface Expression {
  readonly key: string;
  readonly operator: '==' | '!=';
  /** Without the sign of a soft one. */
  readonly value: string;
  /** To be met if there is a host that meets it, along with all other soft ones. */
  readonly soft: boolean;
}

const OPERATORS = ['==', '!='] as const;
const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[=!/]?~?[a-z0-9:\-_\s.*/()?+[\]\\^$|]+$/i;

/** @throws ApiError with what is wrong with it */
export function parseExpression(text: string): Expression {
  const operator = OPERATORS.find((each) => text.includes(each));
  if (!operator) throw new ApiError(400, 'One of operator ==, != is expected');
  const at = text.indexOf(operator);
  const key = text.slice(0, at);
  const value = text.slice(at + operator.length);
  if (!KEY.test(key)) throw new ApiError(400, `Key '${key}' is invalid`);
  if (!VALUE.test(value)) throw new ApiError(400, `Value '${value}' is invalid`);
  const soft = value.startsWith('~');
  return { key, operator, value: soft ? value.slice(1) : value, soft };
}

export const expressionText = ({ key, operator, value }: Expression): string => `${key}${operator}${value}`;

/** Whether it holds where these are the values of its key. */
export function holds(expression: Expression, values: readonly string[]): boolean {
  const pattern = compiled(expression.value);
  const found = pattern !== undefined && values.some((value) => pattern.test(value));
  return expression.operator === '==' ? found : !found;
}

const patterns = new Map<string, RegExp | undefined>();
/** Compiled ones that are kept. */
const MOST = 1000;

/** Undefined if it matches nothing because it is no regular expression. */
function compiled(value: string): RegExp | undefined {
  if (!patterns.has(value)) {
    if (patterns.size >= MOST) patterns.clear();
    patterns.set(value, compile(value));
  }
  return patterns.get(value);
}

function compile(value: string): RegExp | undefined {
  const isSearch = value.length > 1 && value.startsWith('/') && value.endsWith('/');
  const pattern = isSearch ? value.slice(1, -1) : `^${value.replaceAll('*', '.*')}$`;
  // What Go's expressions do not have, they do not mean either.
  if (/\\[1-9k]/.test(pattern)) return undefined;
  const flags = pattern.includes('(?i)') ? 'i' : '';
  try {
    return new RegExp(pattern.replaceAll('(?i)', ''), flags);
  } catch {
    return undefined;
  }
}
