/** The parts of a service's spec that its form reads and writes; what else there is in one stays as it is. */
import type { ServiceSpec } from '../../api/actions.ts';

/** What a service begins with. A deployer's belongs to a stack, which a label says. */
export function newSpec(stack: string | undefined): ServiceSpec {
  return {
    Name: stack ? `${stack}_` : '',
    Labels: stack ? { 'com.docker.stack.namespace': stack } : {},
    TaskTemplate: { ContainerSpec: {} },
    Mode: { Replicated: { Replicas: 1 } },
  };
}

/** Something in a spec, by the names that lead to it: `TaskTemplate.ContainerSpec.Image`. */
export function valueAt(spec: unknown, path: string): unknown {
  let value = spec;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value ?? undefined;
}

/** The spec with something else there; undefined: with nothing. What is empty then is left out as well. */
export function withValueAt<T>(spec: T, path: string, value: unknown): T {
  const [name = '', ...rest] = path.split('.');
  const { [name]: before, ...others } = (spec ?? {}) as Record<string, unknown>;
  const after = rest.length === 0 ? value : withValueAt(before, rest.join('.'), value);
  if (after === undefined) return others as T;
  const isEmptied = rest.length > 0 && Object.keys(after as object).length === 0 && before === undefined;
  return (isEmptied ? others : { ...(spec as object), [name]: after }) as T;
}

export type { ServiceSpec };

/** Names of what a spec names by id, and the other way round. */
export interface Names {
  networks: ReadonlyMap<string, string>;
  configs: ReadonlyMap<string, string>;
  secrets: ReadonlyMap<string, string>;
}

/** What stands in a field is not what it takes; the message says what it does. */
export class FieldError extends Error {}

export const idNamed = (names: ReadonlyMap<string, string>, wanted: string): string | undefined =>
  [...names].find(([id, name]) => name === wanted || id === wanted)?.[0];
