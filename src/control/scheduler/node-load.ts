/** What the tasks on a node take of it. */
import type { Node, Task } from '../../model/objects.ts';
import type { GenericResource } from '../../model/spec.ts';
import { atLeast, compareStates } from '../../model/task-state.ts';
import { GenericStock } from './generic.ts';

/** True while the task holds what it reserved on its node: it was given to it and has not ended. */
export function occupies(task: Task): boolean {
  const { State } = task.Status;
  return task.NodeID !== undefined && atLeast(State, 'assigned') && compareStates(State, 'running') <= 0;
}

/** True if the task counts as one of its service on the node. */
export function counts(task: Task): boolean {
  return occupies(task) && compareStates(task.DesiredState, 'complete') <= 0;
}

/** The ports of its node that a task asks for by number, as `tcp/80`. */
export function hostPorts(task: Task): string[] {
  const ports = task.internal.endpoint?.Ports;
  if (!ports) return [];
  return ports
    .filter((port) => port.PublishMode === 'host' && port.PublishedPort)
    .map((port) => `${port.Protocol || 'tcp'}/${port.PublishedPort}`);
}

export class NodeLoad {
  nanoCPUs = 0;
  memoryBytes = 0;
  tasks = 0;
  readonly byService: Map<string, number>;
  readonly ports: Map<string, number>;
  private assigned: Map<string, readonly GenericResource[]>;

  constructor(from?: NodeLoad) {
    this.byService = new Map(from?.byService);
    this.ports = new Map(from?.ports);
    this.assigned = new Map(from?.assigned);
    if (!from) return;
    this.nanoCPUs = from.nanoCPUs;
    this.memoryBytes = from.memoryBytes;
    this.tasks = from.tasks;
  }

  add(task: Task): void {
    this.change(task, 1);
  }

  remove(task: Task): void {
    this.change(task, -1);
  }

  /** What is left of the node's generic resources. */
  genericLeft(node: Node): GenericStock {
    const stock = new GenericStock(node.Description?.Resources.GenericResources);
    for (const resources of this.assigned.values()) stock.take(resources);
    return stock;
  }

  private change(task: Task, sign: 1 | -1): void {
    if (!occupies(task)) return;
    const reserved = task.Spec.Resources?.Reservations;
    if (reserved) {
      this.nanoCPUs += sign * (reserved.NanoCPUs ?? 0);
      this.memoryBytes += sign * (reserved.MemoryBytes ?? 0);
    }
    const generic = task.AssignedGenericResources;
    if (generic && generic.length > 0) {
      if (sign > 0) this.assigned.set(task.ID, generic);
      else this.assigned.delete(task.ID);
    }
    for (const port of hostPorts(task)) bump(this.ports, port, sign);
    if (counts(task)) {
      this.tasks += sign;
      bump(this.byService, task.ServiceID, sign);
    }
  }
}

function bump(map: Map<string, number>, key: string, by: number): void {
  const value = (map.get(key) ?? 0) + by;
  if (value === 0) map.delete(key);
  else map.set(key, value);
}
