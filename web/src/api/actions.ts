/** Writes, as the docker CLI would make them: on the object as it is just now, named by its version. */
import { get, post, remove } from './http.ts';

export interface ServiceObject {
  ID: string;
  Version: { Index: number };
  Spec: ServiceSpec;
  PreviousSpec?: ServiceSpec;
}

export interface ServiceSpec {
  Name: string;
  Labels?: Record<string, string>;
  Mode?: { Replicated?: { Replicas?: number }; Global?: object };
  TaskTemplate: { ContainerSpec?: { Image?: string }; ForceUpdate?: number };
  [key: string]: unknown;
}

export interface NodeObject {
  ID: string;
  Version: { Index: number };
  Spec: { Name?: string; Role: string; Availability: string; Labels?: Record<string, string> };
}

export async function changeService(id: string, change: (spec: ServiceSpec) => ServiceSpec): Promise<void> {
  const { Version, Spec } = await get<ServiceObject>(`/services/${id}`);
  await post(`/services/${id}/update?version=${Version.Index}`, change(Spec));
}

/** @returns how many there were to be before */
export async function scale(id: string, replicas: number): Promise<number> {
  let before = 1;
  await changeService(id, (spec) => {
    before = spec.Mode?.Replicated?.Replicas ?? 1;
    return { ...spec, Mode: { Replicated: { Replicas: replicas } } };
  });
  return before;
}

/** Starts all tasks anew, as the service's update configuration says. */
export function restart(id: string): Promise<void> {
  return changeService(id, (spec) => ({
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, ForceUpdate: (spec.TaskTemplate.ForceUpdate ?? 0) + 1 },
  }));
}

export function setImage(id: string, image: string): Promise<void> {
  return changeService(id, (spec) => ({
    ...spec,
    TaskTemplate: {
      ...spec.TaskTemplate,
      ContainerSpec: { ...spec.TaskTemplate.ContainerSpec, Image: image },
    },
  }));
}

export async function rollBack(id: string): Promise<void> {
  const { Version, Spec } = await get<ServiceObject>(`/services/${id}`);
  await post(`/services/${id}/update?version=${Version.Index}&rollback=previous`, Spec);
}

export function removeService(id: string): Promise<unknown> {
  return remove(`/services/${id}`);
}

export async function changeNode(
  id: string,
  change: (spec: NodeObject['Spec']) => NodeObject['Spec'],
): Promise<void> {
  const { Version, Spec } = await get<NodeObject>(`/nodes/${id}`);
  await post(`/nodes/${id}/update?version=${Version.Index}`, change(Spec));
}
