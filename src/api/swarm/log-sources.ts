/** Where the logs of a service or a task come from: the engines on which its containers are. */
import type { EngineResponse } from '../../engine/client.ts';
import { errorOf } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { Task } from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';
import type { ManagerFace } from '../contract.ts';
import { Channel } from './channel.ts';
import {
  type ClientFormat,
  engineLines,
  type LogLine,
  type LogOrigin,
  renderLine,
  STDERR,
} from './log-lines.ts';

export interface LogRequest {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  /** As the engine takes them. */
  tail: string;
  since: string;
  format: ClientFormat;
}

/** Which tasks are meant. */
export interface LogSelection {
  tasks(view: View): Iterable<Task>;
  includes(task: Task): boolean;
  /** Nothing new will come any more. */
  isOver(view: View): boolean;
}

/** How long an engine may take for an answer, and for more of one that is not followed. Milliseconds. */
const PATIENCE = 3000;
/** How many engines are asked at the same time, where the answers end. */
const AT_ONCE = 16;

type LogTask = Task & { NodeID: string };

/** Lines of all tasks as they come, rendered; ends by itself, or when `signal` is aborted. */
export async function* readLogs(
  manager: ManagerFace,
  selection: LogSelection,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const channel = new Channel<Buffer>();
  const reading = readAll(manager, selection, request, channel, ended).finally(() => channel.close());
  const close = (): void => channel.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    yield* channel;
  } finally {
    signal.removeEventListener('abort', close);
    stop.abort();
    await reading;
  }
}

/** Never rejects: what goes wrong with a source is told in a line. */
async function readAll(
  manager: ManagerFace,
  selection: LogSelection,
  request: LogRequest,
  channel: Channel<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const read = (task: LogTask): Promise<void> => copyTask(manager, task, request, channel, signal);
  if (request.follow) return followAll(manager, selection, read, signal);
  const tasks = [...selection.tasks(manager.store.view)].filter(hasContainer);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < tasks.length && !signal.aborted) await read(tasks[next++]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Tasks join as their containers come into being. */
async function followAll(
  { store }: ManagerFace,
  selection: LogSelection,
  read: (task: LogTask) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const started = new Set<string>();
  let running = 0;
  let unwatch = (): void => {};
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (signal.aborted || (running === 0 && selection.isOver(store.view))) resolve();
    };
    const take = (task: Task): void => {
      if (!hasContainer(task) || started.has(task.ID)) return;
      started.add(task.ID);
      running++;
      void read(task).finally(() => {
        running--;
        check();
      });
    };
    unwatch = store.watch(store.view.revision, ({ events }) => {
      for (const event of events) {
        if (event.kind === 'task' && event.after && selection.includes(event.after)) take(event.after);
      }
      check();
    });
    for (const task of selection.tasks(store.view)) take(task);
    signal.addEventListener('abort', check, { once: true });
    check();
  });
  unwatch();
}

function hasContainer(task: Task): task is LogTask {
  return Boolean(task.NodeID && task.Status.ContainerStatus?.ContainerID);
}

async function copyTask(
  manager: ManagerFace,
  task: LogTask,
  request: LogRequest,
  channel: Channel<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const origin: LogOrigin = { nodeId: task.NodeID, serviceId: task.ServiceID, taskId: task.ID };
  const send = (lines: LogLine[]): Promise<void> =>
    channel.push(Buffer.concat(lines.map((line) => renderLine(line, origin, request.format))));
  const stop = new AbortController();
  try {
    const response = await withPatience(
      openLog(manager, task, request, AbortSignal.any([signal, stop.signal])),
      nodeName(manager, task),
    );
    // A container that is gone has no log any more.
    if (response.status === 404) return;
    if (response.status >= 400) throw await errorOf(response);
    const { timestamps, details } = request.format;
    const tty = task.Spec.ContainerSpec?.TTY ?? false;
    const lines = engineLines(response.body, { timestamps, details, tty })[Symbol.asyncIterator]();
    for (;;) {
      const next = lines.next();
      const { done, value } = request.follow ? await next : await withPatience(next, nodeName(manager, task));
      if (done) return;
      await send(value);
      if (signal.aborted) return;
    }
  } catch (error) {
    if (!signal.aborted) await send([complaint(manager, error)]);
  } finally {
    stop.abort();
  }
}

function openLog(
  manager: ManagerFace,
  task: LogTask,
  { stdout, stderr, follow, tail, since, format }: LogRequest,
  signal: AbortSignal,
): Promise<EngineResponse> {
  const { timestamps, details } = format;
  const path = `/containers/${task.Status.ContainerStatus!.ContainerID}/logs`;
  const query = { stdout, stderr, follow, tail, since: since || undefined, timestamps, details };
  return manager.engineOf(task.NodeID).request('GET', path, { query, signal });
}

function nodeName({ store }: ManagerFace, { NodeID }: LogTask): string {
  return store.view.get('node', NodeID)?.Description?.Hostname ?? NodeID;
}

async function withPatience<T>(promise: Promise<T>, node: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ApiError(503, `node ${node} does not answer`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
    // The loser may still fail; it has nobody left to tell.
    promise.catch(() => {});
  }
}

function complaint(manager: ManagerFace, error: unknown): LogLine {
  return {
    output: STDERR,
    timestamp: new Date(manager.now()).toISOString().replace('Z', '000000Z'),
    attributes: '',
    text: Buffer.from(`cannot read this task's log: ${(error as Error).message}\n`),
  };
}
