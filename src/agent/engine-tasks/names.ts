/** How Docker Swarm names and labels the containers of tasks. */
import type { Task } from '../../model/objects.ts';
import { taskName } from '../../model/task-context.ts';

export const LABEL = {
  task: 'com.docker.swarm.task',
  taskId: 'com.docker.swarm.task.id',
  taskName: 'com.docker.swarm.task.name',
  nodeId: 'com.docker.swarm.node.id',
  serviceId: 'com.docker.swarm.service.id',
  serviceName: 'com.docker.swarm.service.name',
} as const;

/** The labels of the spec, over them the task's, over them the system's own. */
export function containerLabels(task: Task): Record<string, string> {
  return {
    ...task.Spec.ContainerSpec?.Labels,
    ...task.Labels,
    [LABEL.task]: '',
    [LABEL.taskId]: task.ID,
    [LABEL.taskName]: taskName(task),
    [LABEL.nodeId]: task.NodeID ?? '',
    [LABEL.serviceId]: task.ServiceID,
    [LABEL.serviceName]: task.internal.service.Name,
  };
}

/** An image reference as Docker prints it: without the default registry, and with a tag. */
export function familiarImage(reference: string): string {
  const short = reference.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
  return /(@[^/]+|:[^/:]+)$/.test(short) ? short : `${short}:latest`;
}

export function hasDigest(reference: string): boolean {
  return /@[a-z0-9]+:[0-9a-f]+$/.test(reference);
}

/** `sha256:…`, what the reference is pinned to. */
export function digestOf(reference: string): string | undefined {
  return /@([a-z0-9]+:[0-9a-f]+)$/.exec(reference)?.[1];
}

/** The name and tag of a familiar reference; `latest` where it has only a digest. */
export function withoutDigest(image: string): string {
  return familiarImage(image.replace(/@[^@]*$/, ''));
}

/** The image that a task is to run. */
export interface WantedImage {
  /** As in its spec, in the familiar form. */
  image: string;
  /** Which build it means by a tag, where no registry has that. */
  build?: string;
}

export function wantedImage({ Spec, internal }: Task): WantedImage {
  const image = familiarImage(Spec.ContainerSpec?.Image ?? '');
  const build = internal.imageBuild;
  return build === undefined || hasDigest(image) ? { image } : { image, build };
}

/** What nodes and their manager call it: with the build in the place of a digest. */
export function referenceTo({ image, build }: WantedImage): string {
  return build === undefined ? image : `${image}@${build}`;
}
