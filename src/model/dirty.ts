/** Whether a task still is what its service asks for. */
import { meetsConstraints, parseConstraints } from './constraint.ts';
import { sameContents } from './contents.ts';
import { taskTemplate } from './defaults.ts';
import type { Node, Service, Task } from './objects.ts';
import { sameSpec } from './same-spec.ts';
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
  if (service.internal.imageBuild !== task.internal.imageBuild) return 'other';
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
