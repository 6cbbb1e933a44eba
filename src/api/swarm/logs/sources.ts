/** Where the logs of a service or a task come from: the engines on which its containers are. */
import { errorOf } from '../../../engine/client.ts';
import { ApiError } from '../../../model/errors.ts';
import type { Task } from '../../../model/objects.ts';
import { atLeast, isTerminal } from '../../../model/task-state.ts';
import type { View } from '../../../store/contract.ts';
import type { ManagerFace } from '../../contract.ts';
import { Channel } from './channel.ts';
import { type ClientFormat, engineLines, type LogLine, type LogOrigin, renderLine, STDERR } from './lines.ts';

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
/** How soon a node that did not answer is asked again, in milliseconds. */
const RETRY = 5000;
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
  /** Nodes that have not answered in time: they are not waited for again, until something is new about them. */
  readonly #silent = new Set<string>();

  constructor(manager: ManagerFace, request: LogRequest, channel: Channel<Buffer>, signal: AbortSignal) {
    this.#manager = manager;
    this.#request = request;
    this.#channel = channel;
    this.#signal = signal;
  }

  async readAll(selection: LogSelection): Promise<void> {
    if (this.#request.follow) return this.#followAll(selection);
    const tasks = [...selection.tasks(this.#manager.store.view)].filter(hasContainer);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < tasks.length && !this.#signal.aborted) {
        const task = tasks[next++]!;
        try {
          await this.#read(task, this.#request, () => {});
        } catch (error) {
          await this.#complain(task, error);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Tasks join as their containers come into being. */
  async #followAll(selection: LogSelection): Promise<void> {
    const { store } = this.#manager;
    const news = new News(this.#signal);
    const followed = new Map<string, Promise<void>>();
    const take = (task: Task, tail: string): void => {
      if (followed.has(task.ID) || !hasContainer(task) || !atLeast(task.Status.State, 'starting')) return;
      followed.set(
        task.ID,
        this.#follow(task, tail, news, () => selection.isOver(store.view)),
      );
    };
    const unwatch = store.watch(store.view.revision, ({ events }) => {
      for (const event of events) {
        // All that a task says that begins now is new.
        if (event.kind === 'task' && event.after && selection.includes(event.after)) take(event.after, 'all');
      }
      news.tell();
    });
    for (const task of selection.tasks(store.view)) take(task, this.#request.tail);
    while (!this.#signal.aborted && !selection.isOver(store.view)) await news.next();
    await Promise.all(followed.values());
    unwatch();
  }

  /**
   * One task's log to its end. An engine ends the log of a container that does not run (yet), and connections break:
   * whenever something is new about the task or its node, it is gone on with after the last line.
   */
  async #follow(task: LogTask, tail: string, news: News, isOver: () => boolean): Promise<void> {
    const { view } = this.#manager.store;
    const state = (): string =>
      `${view.get('task', task.ID)?.Version.Index}/${view.get('node', task.NodeID)?.Status.State}`;
    const from = { since: this.#request.since, tail };
    let complained = false;
    this.#silent.delete(task.NodeID);
    while (!this.#signal.aborted) {
      const before = state();
      let failed = false;
      try {
        await this.#read(task, from, (line) => {
          complained = false;
          from.since = after(line.timestamp) ?? from.since;
          from.tail = 'all';
        });
      } catch (error) {
        failed = true;
        if (!complained) await this.#complain(task, error);
        complained = true;
      }
      const now = view.get('task', task.ID);
      if (!now || (!failed && before === state() && isTerminal(now.Status.State))) return;
      const again = Date.now() + RETRY;
      while (!this.#signal.aborted && before === state() && !(failed && Date.now() >= again)) {
        if (isOver()) return;
        await news.next(failed ? RETRY : undefined);
      }
      this.#silent.delete(task.NodeID);
    }
  }

  /** The log from there on, as far as the engine gives it now. Throws if it breaks. */
  async #read(
    task: LogTask,
    from: { since: string; tail: string },
    seen: (last: LogLine) => void,
  ): Promise<void> {
    const origin: LogOrigin = { nodeId: task.NodeID, serviceId: task.ServiceID, taskId: task.ID };
    const { format } = this.#request;
    const stop = new AbortController();
    try {
      for await (const lines of this.#lines(task, from, AbortSignal.any([this.#signal, stop.signal]))) {
        await this.#channel.push(Buffer.concat(lines.map((line) => renderLine(line, origin, format))));
        if (this.#signal.aborted) return;
        seen(lines.at(-1)!);
      }
    } finally {
      stop.abort();
    }
  }

  async *#lines(
    task: LogTask,
    from: { since: string; tail: string },
    signal: AbortSignal,
  ): AsyncGenerator<LogLine[]> {
    const { stdout, stderr, follow, format } = this.#request;
    const asked = { timestamps: format.timestamps || follow, details: format.details };
    const query = { stdout, stderr, follow, ...asked, tail: from.tail, since: from.since || undefined };
    const path = `/containers/${task.Status.ContainerStatus!.ContainerID}/logs`;
    const response = await this.#inTime(task, async () =>
      this.#manager.engineOf(task.NodeID).request('GET', path, { query, signal }),
    );
    // A container that is gone has no log any more.
    if (response.status === 404) {
      response.body.resume();
      return;
    }
    if (response.status >= 400) throw await errorOf(response);
    const lines = engineLines(response.body, { ...asked, tty: task.Spec.ContainerSpec?.TTY ?? false });
    for (;;) {
      const next = (): Promise<IteratorResult<LogLine[]>> => lines.next();
      const { done, value } = follow ? await this.#whole(task, next) : await this.#inTime(task, next);
      if (done) return;
      yield value;
    }
  }

  /** A connection that breaks is a node that does not answer. */
  async #whole<T>(task: LogTask, next: () => Promise<T>): Promise<T> {
    try {
      return await next();
    } catch (error) {
      throw error instanceof ApiError ? error : this.#silence(task.NodeID);
    }
  }

  /** What a node answers, if it does in time. */
  async #inTime<T>({ NodeID }: LogTask, ask: () => Promise<T>): Promise<T> {
    const silence = this.#silence(NodeID);
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

  #silence(nodeId: string): ApiError {
    const name = this.#manager.store.view.get('node', nodeId)?.Description?.Hostname ?? nodeId;
    return new ApiError(503, `node ${name} does not answer`);
  }

  /** Says in a line of the log why there is no more of it. */
  async #complain(task: LogTask, error: unknown): Promise<void> {
    if (this.#signal.aborted) return;
    const line: LogLine = {
      output: STDERR,
      timestamp: new Date(this.#manager.now()).toISOString().replace('Z', '000000Z'),
      attributes: '',
      text: Buffer.from(`cannot read this task's log: ${(error as Error).message}\n`),
    };
    const origin: LogOrigin = { nodeId: task.NodeID, serviceId: task.ServiceID, taskId: task.ID };
    await this.#channel.push(renderLine(line, origin, this.#request.format));
  }
}

/** Lets many wait for the next change of the cluster. */
class News {
  #wake = Promise.withResolvers<void>();

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.tell(), { once: true });
  }

  tell(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Resolves at the next change, or after so many ms. */
  async next(patience?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      if (patience !== undefined) timer = setTimeout(resolve, patience);
    });
    await Promise.race([this.#wake.promise, late]);
    clearTimeout(timer);
  }
}

/** The moment after a line's timestamp (RFC 3339 with nanoseconds), as the engine takes it; undefined if it is none. */
export function after(timestamp: string): string | undefined {
  const [, whole, fraction = ''] = /^(\d[^.]+?)(?:\.(\d{1,9}))?Z$/.exec(timestamp) ?? [];
  const seconds = Date.parse(`${whole}Z`) / 1000;
  if (Number.isNaN(seconds)) return undefined;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0')) + 1n;
  return `${nanoseconds / 1_000_000_000n}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}`;
}

function hasContainer(task: Task): task is LogTask {
  return Boolean(task.NodeID && task.Status.ContainerStatus?.ContainerID);
}
