import { timestamp } from '../model/clock.ts';
import { taskTemplate } from '../model/defaults.ts';
import type { Cluster, Service, Task } from '../model/objects.ts';
import type { TaskState } from '../model/task-state.ts';
import type { View } from '../store/contract.ts';

export function theCluster(view: View): Cluster | undefined {
  return view.all('cluster').next().value;
}

export interface NewTask {
  id: string;
  now: number;
  /** The slot number, or the node of a global service's task. */
  slot: number | string;
  desired: TaskState;
  internal?: Partial<Task['internal']>;
}

/** A task made from the service's present spec. */
export function newTask(cluster: Cluster | undefined, service: Service, options: NewTask): Task {
  const at = timestamp(options.now);
  const spec = taskTemplate(service.Spec);
  const logDriver = spec.LogDriver ? undefined : cluster?.Spec.TaskDefaults?.LogDriver;
  return {
    ID: options.id,
    Version: { Index: 0 },
    CreatedAt: at,
    UpdatedAt: at,
    Labels: {},
    Spec: spec,
    ServiceID: service.ID,
    ...(typeof options.slot === 'number' ? { Slot: options.slot } : { NodeID: options.slot }),
    Status: { Timestamp: at, State: 'new', Message: 'created', PortStatus: {} },
    DesiredState: options.desired,
    internal: {
      specVersion: service.internal.specVersion,
      ...(service.internal.contents && { contents: service.internal.contents }),
      ...(service.internal.imageBuild && { imageBuild: service.internal.imageBuild }),
      service: { Name: service.Spec.Name ?? '', Labels: service.Spec.Labels ?? {} },
      ...(service.Spec.EndpointSpec && { endpoint: service.Spec.EndpointSpec }),
      ...(logDriver && { logDriver }),
      ...options.internal,
    },
  };
}
