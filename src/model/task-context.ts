/** What a task is called, and what placeholders in its service's spec may know. */
import type { Task } from './objects.ts';
import type { TemplateContext } from './template/template.ts';

/** What placeholders may know of the host. */
export interface Host {
  nodeId: string;
  hostname: string;
  platform: { Architecture: string; OS: string };
}

/** The name of a task and of its container: `service.slot.task`, or `service.node.task` where there is no slot. */
export function taskName(task: Task): string {
  return `${task.internal.service.Name}.${task.Slot || (task.NodeID ?? '')}.${task.ID}`;
}

export function templateContext(task: Task, host: Host): TemplateContext {
  return {
    Service: {
      ID: task.ServiceID,
      Name: task.internal.service.Name,
      Labels: task.internal.service.Labels,
    },
    Node: { ID: host.nodeId, Hostname: host.hostname, Platform: host.platform },
    Task: { ID: task.ID, Name: taskName(task), Slot: String(task.Slot || task.NodeID) },
  };
}
