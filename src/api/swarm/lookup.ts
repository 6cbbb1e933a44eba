/**
 * Finds the object that a path names, as Docker does: by its exact id, else by its exact name, else by the start of
 * its id.
 */
import { ApiError } from '../../model/errors.ts';
import type { Config, Network, Node, Secret, Service, Task } from '../../model/objects.ts';
import { taskName } from '../../model/task-context.ts';
import type { View } from '../../store/contract.ts';

/** Throws ApiError 404 if there is no such object, 400 if there are several. */
export function findNode(view: View, input: string): Node {
  return (
    view.get('node', input) ??
    only('node', input, [
      () => view.byName('node', input).filter((node) => node.Description?.Hostname === input),
      () => startingWith(view.all('node'), input),
    ])
  );
}

export function findService(view: View, input: string): Service {
  return findNamed(view, 'service', input);
}

export function findSecret(view: View, input: string): Secret {
  return findNamed(view, 'secret', input);
}

export function findConfig(view: View, input: string): Config {
  return findNamed(view, 'config', input);
}

export function findTask(view: View, input: string): Task {
  return (
    view.get('task', input) ??
    only('task', input, [
      () => [...view.all('task')].filter((task) => taskName(task) === input),
      () => startingWith(view.all('task'), input),
    ])
  );
}

/** A network of the cluster; undefined if there is none, as it may be one of the engine's. Throws as above. */
export function findNetwork(view: View, input: string): Network | undefined {
  const exact =
    view.get('network', input) ?? view.byName('network', input).find(({ Spec }) => Spec.Name === input);
  if (exact || input === '') return exact;
  const matches = startingWith(view.all('network'), input);
  if (matches.length > 1) {
    throw new ApiError(400, `network ${input} is ambiguous (${matches.length} matches found)`);
  }
  return matches[0];
}

interface NamedKinds {
  service: Service;
  secret: Secret;
  config: Config;
}

function findNamed<K extends keyof NamedKinds>(view: View, kind: K, input: string): NamedKinds[K] {
  const found: NamedKinds[K] | undefined = view.get(kind, input);
  return (
    found ??
    only<NamedKinds[K]>(kind, input, [
      () => view.byName(kind, input),
      () => startingWith<NamedKinds[K]>(view.all(kind), input),
    ])
  );
}

function startingWith<T extends { ID: string }>(objects: Iterable<T>, prefix: string): T[] {
  return [...objects].filter((object) => object.ID.startsWith(prefix));
}

/** The one object that the first search with a result has found. */
function only<T>(kind: string, input: string, searches: Array<() => Iterable<T>>): T {
  for (const search of searches) {
    const [found, ...more] = search();
    if (found === undefined) continue;
    if (more.length === 0) return found;
    throw new ApiError(400, `${kind} ${input} is ambiguous (${more.length + 1} matches found)`);
  }
  throw new ApiError(404, `${kind} ${input} not found`);
}
