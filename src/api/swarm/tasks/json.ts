/**
 * Tasks as the API shows them, as JSON text. There may be tens of thousands of them in one answer: the texts of what
 * they share are kept for as long as their objects, which never change.
 */
import type { Network, NetworkAttachment, Task } from '../../../model/objects.ts';
import type { TaskSpec } from '../../../model/spec.ts';
import type { View } from '../../../store/contract.ts';
import { labels } from '../go-form.ts';
import { attachedNetworkForm } from '../networks/form.ts';
import { iterationForm } from '../object-form.ts';

/** The text of a task in three parts: most of it is the spec, which tasks of one service share. */
export interface TaskParts {
  head: string;
  /** In UTF-8. */
  spec: Buffer;
  tail: string;
}

/** The most bytes that one character of a string takes in UTF-8. */
const WIDEST = 3;

const specs = new WeakMap<TaskSpec, Buffer>();
const networks = new WeakMap<Network, string>();

export function taskText(task: Task, view: View): string {
  const { head, spec, tail } = taskParts(task, view);
  return `${head}${spec}${tail}`;
}

/** Put together by hand: at this size the time that JSON.stringify takes for the whole of it can be felt. */
export function taskParts(task: Task, view: View): TaskParts {
  const { ID, Version, CreatedAt, UpdatedAt, Labels, Slot, NodeID, Status } = task;
  const { NetworksAttachments, AssignedGenericResources, JobIteration } = task;
  const meta = `"ID":"${ID}","Version":{"Index":${Version.Index}},"CreatedAt":"${CreatedAt}","UpdatedAt":"${UpdatedAt}"`;
  let text = '';
  if (task.ServiceID) text += `,"ServiceID":"${task.ServiceID}"`;
  if (Slot) text += `,"Slot":${Slot}`;
  if (NodeID) text += `,"NodeID":"${NodeID}"`;
  text += `,"Status":${statusText(Status, reasonOf(task))},"DesiredState":"${task.DesiredState}"`;
  if (NetworksAttachments?.length) {
    text += `,"NetworksAttachments":[${NetworksAttachments.map((each) => attachmentText(each, view)).join()}]`;
  }
  if (AssignedGenericResources?.length) {
    text += `,"GenericResources":${JSON.stringify(AssignedGenericResources)}`;
  }
  if (JobIteration) text += `,"JobIteration":${JSON.stringify(iterationForm(JobIteration))}`;
  const head = `{${meta},"Labels":${sortedText(Labels)},"Spec":`;
  return { head, spec: specText(task.Spec), tail: `${text},"Volumes":null}` };
}

/** At most how many bytes `writeTask` writes. */
export function roomFor(task: TaskParts | Buffer): number {
  if (Buffer.isBuffer(task)) return task.length;
  return 1 + WIDEST * (task.head.length + task.tail.length) + task.spec.length;
}

/** Writes a task with a comma in front of it, or what was written so before. Returns where it ends. */
export function writeTask(memory: Buffer, start: number, task: TaskParts | Buffer): number {
  if (Buffer.isBuffer(task)) return start + task.copy(memory, start);
  let end = start + memory.write(',', start);
  end += memory.write(task.head, end);
  end += task.spec.copy(memory, end);
  return end + memory.write(task.tail, end);
}

/** With what is known of the network, for as long as it is there. */
function attachmentText({ Network, Addresses }: NetworkAttachment, view: View): string {
  const network = view.get('network', Network.ID);
  let text = network && networks.get(network);
  if (text === undefined) {
    text = JSON.stringify(network ? attachedNetworkForm(network) : Network);
    if (network) networks.set(network, text);
  }
  if (Addresses.length === 0) return `{"Network":${text}}`;
  return `{"Network":${text},"Addresses":${JSON.stringify(Addresses)}}`;
}

/** Why the task is not what it should be; the last one that waits says for how many more that holds. */
function reasonOf({ NodeID, Status: { Err }, internal: { unmade } }: Task): string | undefined {
  return Err && unmade && !NodeID ? `and ${unmade} more not made yet: ${Err}` : Err;
}

function statusText(status: Task['Status'], Err: string | undefined): string {
  const { Timestamp, State, Message, ContainerStatus, PortStatus } = status;
  let text = `{"Timestamp":"${Timestamp}","State":"${State}"`;
  if (Message) text += `,"Message":${JSON.stringify(Message)}`;
  if (Err) text += `,"Err":${JSON.stringify(Err)}`;
  if (ContainerStatus) {
    const { ContainerID, PID, ExitCode } = ContainerStatus;
    text += `,"ContainerStatus":{"ContainerID":${JSON.stringify(ContainerID)},"PID":${PID},"ExitCode":${ExitCode}}`;
  }
  const ports = PortStatus?.Ports?.length ? `"Ports":${JSON.stringify(PortStatus.Ports)}` : '';
  return `${text},"PortStatus":{${ports}}}`;
}

function sortedText(map: Record<string, string>): string {
  for (const _ in map) return JSON.stringify(labels(map));
  return '{}';
}

/** All tasks of a service that were made at the same time share their spec. */
function specText(spec: TaskSpec): Buffer {
  let text = specs.get(spec);
  if (text === undefined) {
    // The runtime is not said of tasks.
    text = Buffer.from(JSON.stringify({ ...spec, Runtime: undefined }));
    specs.set(spec, text);
  }
  return text;
}
