/**
 * Tasks as the API shows them, as JSON text. There may be tens of thousands of them in one answer while they change
 * all the time, so texts are kept for as long as their objects: an object of the view never changes.
 */
import type { Task } from '../../model/objects.ts';
import type { TaskSpec } from '../../model/spec.ts';
import { iterationForm } from './forms.ts';
import { labels, list, present } from './go-form.ts';

const texts = new WeakMap<Task, string>();
const specs = new WeakMap<TaskSpec, string>();

export function taskText(task: Task): string {
  let text = texts.get(task);
  if (text === undefined) {
    text = render(task);
    texts.set(task, text);
  }
  return text;
}

function render(task: Task): string {
  const { ID, Version, CreatedAt, UpdatedAt, Labels } = task;
  const head = JSON.stringify({ ID, Version, CreatedAt, UpdatedAt, Labels: labels(Labels) });
  const tail = JSON.stringify({
    ServiceID: task.ServiceID || undefined,
    Slot: task.Slot || undefined,
    NodeID: task.NodeID || undefined,
    Status: status(task.Status),
    DesiredState: task.DesiredState,
    NetworksAttachments: list(task.NetworksAttachments),
    GenericResources: list(task.AssignedGenericResources),
    JobIteration: task.JobIteration && iterationForm(task.JobIteration),
    Volumes: null,
  });
  return `${head.slice(0, -1)},"Spec":${specText(task.Spec)},${tail.slice(1)}`;
}

/** All tasks of a service that were made at the same time share their spec. */
function specText(spec: TaskSpec): string {
  let text = specs.get(spec);
  if (text === undefined) {
    // The runtime is not said of tasks.
    text = JSON.stringify({ ...spec, Runtime: undefined });
    specs.set(spec, text);
  }
  return text;
}

function status({ Timestamp, State, Message, Err, ContainerStatus, PortStatus }: Task['Status']): object {
  return present({
    Timestamp,
    State,
    Message: Message || undefined,
    Err: Err || undefined,
    ContainerStatus: ContainerStatus && {
      ContainerID: ContainerStatus.ContainerID,
      PID: ContainerStatus.PID,
      ExitCode: ContainerStatus.ExitCode,
    },
    PortStatus: present({ Ports: list(PortStatus?.Ports) }),
  });
}
