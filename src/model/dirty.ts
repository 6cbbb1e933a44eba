/** Whether a task still is what its service asks for. */
import { meetsConstraints, parseConstraints } from './constraint.ts';
import { sameContents } from './contents.ts';
import { taskTemplate } from './defaults.ts';
import type { Node, Service, Task } from './objects.ts';
import type { EndpointSpec, Placement } from './spec.ts';

/**
 * True if the task has to be replaced for its service's present spec. A task whose placement alone differs stays as
 * long as the node that it is on meets the new one. `node` is the task's node.
 */
export function isTaskDirty(service: Service, task: Task, node: Node | undefined): boolean {
  const difference = compareToSpec(service, task);
  return difference === 'other' || (difference === 'placement' && !placementHolds(service, node));
}

export type Difference = 'none' | 'placement' | 'other';

/** How a task differs from its service. It is the same for all tasks of a service that share a spec version. */
export function compareToSpec(service: Service, task: Task): Difference {
  if (task.internal.specVersion === service.internal.specVersion) return 'none';
  const { Placement: wanted, ...template } = taskTemplate(service.Spec);
  const { Placement: actual, ...spec } = task.Spec;
  if (!sameSpec(withRuntime(template), withRuntime(spec))) return 'other';
  if (!sameSpec(withPortDefaults(service.Spec.EndpointSpec), withPortDefaults(task.internal.endpoint)))
    return 'other';
  if (service.internal.imageId !== task.internal.imageId) return 'other';
  if (!sameContents(template, service.internal.contents, task.internal.contents)) return 'other';
  return sameSpec(wanted, actual) ? 'none' : 'placement';
}

/** True if the node meets the placement that the service now asks for. */
export function placementHolds(service: Service, node: Node | undefined): boolean {
  if (!node) return false;
  const placement: Placement = service.Spec.TaskTemplate?.Placement ?? {};
  try {
    return meetsConstraints(parseConstraints(placement.Constraints), node);
  } catch {
    return false; // not a constraint: no node meets it
  }
}

function withRuntime(template: Record<string, unknown>): Record<string, unknown> {
  return template.Runtime === 'container' ? { ...template, Runtime: '' } : template;
}

function withPortDefaults(endpoint: EndpointSpec | null | undefined): unknown {
  return {
    Mode: endpoint?.Mode || 'vip',
    Ports: endpoint?.Ports?.map((port) => ({
      ...port,
      Protocol: port.Protocol || 'tcp',
      PublishMode: port.PublishMode || 'ingress',
    })),
  };
}

/** Where zero or false is something else than saying nothing. */
const ZERO_COUNTS = new Set(['Init', 'StopGracePeriod', 'Delay']);
/** Lists in no order: the docker CLI posts them in another one each time. */
const FILES = new Set(['Secrets', 'Configs']);
/** Maps with keys of the user's own, where a key with an empty value is not nothing. */
const MAPS = new Set(['Labels', 'Sysctls', 'Options', 'DriverOpts']);

/**
 * True if two specs say the same. Clients differ in how they say nothing: a missing key, null, an empty text, list or
 * object, 0 and false are the same, but for a few fields.
 */
export function sameSpec(a: unknown, b: unknown, key = ''): boolean {
  if (a === b) return true;
  const [aEmpty, bEmpty] = [saysNothing(a, key), saysNothing(b, key)];
  if (aEmpty || bEmpty) return aEmpty && bEmpty;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    const [left, right] = FILES.has(key) ? [byFile(a), byFile(b)] : [a, b];
    return left.every((value, index) => sameSpec(value, right[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  if (MAPS.has(key)) {
    const names = Object.keys(left);
    return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
  }
  for (const name of Object.keys(left)) if (!sameSpec(left[name], right[name], name)) return false;
  for (const name of Object.keys(right)) {
    if (!(name in left) && !sameSpec(undefined, right[name], name)) return false;
  }
  return true;
}

/** Each of a container's secrets and configs has a file of its own. */
function byFile(references: readonly unknown[]): unknown[] {
  const file = (reference: unknown): string =>
    (reference as { File?: { Name?: string | null } | null } | null)?.File?.Name ?? '';
  return [...references].sort((a, b) => (file(a) < file(b) ? -1 : file(a) > file(b) ? 1 : 0));
}

function saysNothing(value: unknown, key: string): boolean {
  if (value == null) return true;
  if (ZERO_COUNTS.has(key)) return false;
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  if (Array.isArray(value) || MAPS.has(key)) return Object.keys(value).length === 0;
  return Object.entries(value).every(([name, inner]) => saysNothing(inner, name));
}
