/** Placement constraints: `key==value` or `key!=value` about a node. */
import type { Node } from './objects.ts';

export interface Constraint {
  key: string;
  equal: boolean;
  value: string;
}

const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\s.*()?+[\]\\^$|/]+$/i;
const NODE_LABEL = 'node.labels.';
const ENGINE_LABEL = 'engine.labels.';

/** Throws an Error with SwarmKit's text if an expression is not one. */
export function parseConstraints(expressions: readonly string[] | null | undefined): Constraint[] {
  return (expressions ?? []).map(parse);
}

function parse(expression: string): Constraint {
  // `==` is looked for first in the whole text, as SwarmKit does, so `a!=b==c` splits at `==` and fails on its key.
  for (const operator of ['==', '!=']) {
    const at = expression.indexOf(operator);
    if (at < 0) continue;
    const key = expression.slice(0, at).trim();
    const value = expression.slice(at + operator.length).trim();
    if (!KEY.test(key)) throw new Error(`key '${key}' is invalid`);
    if (!VALUE.test(value)) throw new Error(`value '${value}' is invalid`);
    return { key, equal: operator === '==', value };
  }
  throw new Error(`constraint expected one operator from ==, !=`);
}

/** True if the node meets all of them. A key that nobody knows is met by no node. */
export function meetsConstraints(constraints: readonly Constraint[], node: Node): boolean {
  return constraints.every((constraint) => meets(constraint, node));
}

function meets(constraint: Constraint, node: Node): boolean {
  const key = constraint.key.toLowerCase();
  const description = node.Description;
  switch (key) {
    case 'node.id':
      return compare(constraint, node.ID);
    case 'node.hostname':
      return compare(constraint, description?.Hostname ?? '');
    case 'node.ip':
      return compareAddress(constraint, node.Status.Addr);
    case 'node.role':
      return compare(constraint, node.Spec.Role ?? '');
    case 'node.platform.os':
      return compare(constraint, description?.Platform.OS ?? '');
    case 'node.platform.arch':
      return compare(constraint, description?.Platform.Architecture ?? '');
  }
  // The name of a label is compared exactly, unlike everything else.
  if (key.startsWith(NODE_LABEL) && key.length > NODE_LABEL.length) {
    return compare(constraint, node.Spec.Labels?.[constraint.key.slice(NODE_LABEL.length)] ?? '');
  }
  if (key.startsWith(ENGINE_LABEL) && key.length > ENGINE_LABEL.length) {
    return compare(constraint, description?.Engine.Labels?.[constraint.key.slice(ENGINE_LABEL.length)] ?? '');
  }
  return false;
}

function compare(constraint: Constraint, actual: string): boolean {
  return (constraint.value.toLowerCase() === actual.toLowerCase()) === constraint.equal;
}

function compareAddress(constraint: Constraint, actual: string): boolean {
  const address = parseAddress(actual);
  const [text = '', length] = constraint.value.split('/');
  const wanted = parseAddress(text);
  if (!address || !wanted) return false;
  const bits = length === undefined ? wanted.length : Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > wanted.length) return false;
  return (
    (address.length === wanted.length && address.slice(0, bits) === wanted.slice(0, bits)) ===
    constraint.equal
  );
}

/** The bits of an IPv4 or IPv6 address as a text of 0s and 1s. */
function parseAddress(text: string): string | undefined {
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text);
}

function parseIPv4(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = '';
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bits += Number(part).toString(2).padStart(8, '0');
  }
  return bits;
}

function parseIPv6(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let bits = '';
  for (const group of [...head, ...Array<string>(missing).fill('0'), ...tail]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    bits += Number.parseInt(group, 16).toString(2).padStart(16, '0');
  }
  return bits;
}
