/** Where the logs of a service or a task come from: the engines on which its containers are. */
import { type EngineResponse, errorOf } from '../../engine/client.ts';
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
/** How many logs are read at the same time, where they end. */
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
  const channel = new Channel<Buffer>();
  const reader = new LogReader(manager, request, channel, AbortSignal.any([signal, stop.signal]));
  const reading = reader.readAll(selection).finally(() => channel.close());
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

/** Reads logs into a channel until its signal is aborted. What goes wrong with one of them is told in a line. */
class LogReader {
  readonly #manager: ManagerFace;
  readonly #request: LogRequest;
  readonly #channel: Channel<Buffer>;
  readonly #signal: AbortSignal;
  /** Nodes that have not answered in time: they are not waited for again. */
  readonly #silent = new Set<string>();

  constructor(manager: ManagerFace, request: LogRequest, channel: Channel<Buffer>, signal: AbortSignal) {
    this.#manager = manager;
    this.#request = request;
    this.#channel = channel;
    this.#signal = signal;
  }

  async readAll(selection: LogSelection): Promise<void> {
    if (this.#request.follow) return this.#follow(selection);
    const tasks = [...selection.tasks(this.#manager.store.view)].filter(hasContainer);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < tasks.length && !this.#signal.aborted) await this.#read(tasks[next++]!);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Tasks join as their containers come into being. */
  async #follow(selection: LogSelection): Promise<void> {
    const { store } = this.#manager;
    const started = new Set<string>();
    let running = 0;
    let unwatch = (): void => {};
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (this.#signal.aborted || (running === 0 && selection.isOver(store.view))) resolve();
      };
      const take = (task: Task): void => {
        if (!hasContainer(task) || started.has(task.ID)) return;
        started.add(task.ID);
        running++;
        void this.#read(task).finally(() => {
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
      this.#signal.addEventListener('abort', check, { once: true });
      check();
    });
    unwatch();
  }

  async #read(task: LogTask): Promise<void> {
    const origin: LogOrigin = { nodeId: task.NodeID, serviceId: task.ServiceID, taskId: task.ID };
    const { format } = this.#request;
    const send = (lines: LogLine[]): Promise<void> =>
      this.#channel.push(Buffer.concat(lines.map((line) => renderLine(line, origin, format))));
    const stop = new AbortController();
    try {
      for await (const lines of this.#lines(task, AbortSignal.any([this.#signal, stop.signal]))) {
        await send(lines);
        if (this.#signal.aborted) return;
      }
    } catch (error) {
      if (!this.#signal.aborted) await send([this.#complaint(error)]);
    } finally {
      stop.abort();
    }
  }

  async *#lines(task: LogTask, signal: AbortSignal): AsyncGenerator<LogLine[]> {
    const response = await this.#inTime(task, () => this.#open(task, signal));
    // A container that is gone has no log any more.
    if (response.status === 404) return;
    if (response.status >= 400) throw await errorOf(response);
    const { timestamps, details } = this.#request.format;
    const tty = task.Spec.ContainerSpec?.TTY ?? false;
    const lines = engineLines(response.body, { timestamps, details, tty });
    for (;;) {
      const next = (): Promise<IteratorResult<LogLine[]>> => lines.next();
      const { done, value } = this.#request.follow ? await next() : await this.#inTime(task, next);
      if (done) return;
      yield value;
    }
  }

  async #open(task: LogTask, signal: AbortSignal): Promise<EngineResponse> {
    const { stdout, stderr, follow, tail, since, format } = this.#request;
    const { timestamps, details } = format;
    const path = `/containers/${task.Status.ContainerStatus!.ContainerID}/logs`;
    const query = { stdout, stderr, follow, tail, since: since || undefined, timestamps, details };
    return this.#manager.engineOf(task.NodeID).request('GET', path, { query, signal });
  }

  /** What a node answers, if it does in time. */
  async #inTime<T>({ NodeID }: LogTask, ask: () => Promise<T>): Promise<T> {
    const name = this.#manager.store.view.get('node', NodeID)?.Description?.Hostname ?? NodeID;
    const silence = new ApiError(503, `node ${name} does not answer`);
    if (this.#silent.has(NodeID)) throw silence;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#silent.add(NodeID);
        reject(silence);
      }, PATIENCE);
    });
    const answer = ask();
    // Should it lose and fail later, it has nobody left to tell.
    answer.catch(() => {});
    try {
      return await Promise.race([answer, tooLate]);
    } catch (error) {
      throw error instanceof ApiError && error.status === 503 ? silence : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #complaint(error: unknown): LogLine {
    return {
      output: STDERR,
      timestamp: new Date(this.#manager.now()).toISOString().replace('Z', '000000Z'),
      attributes: '',
      text: Buffer.from(`cannot read this task's log: ${(error as Error).message}\n`),
    };
  }
}

function hasContainer(task: Task): task is LogTask {
  return Boolean(task.NodeID && task.Status.ContainerStatus?.ContainerID);
}
