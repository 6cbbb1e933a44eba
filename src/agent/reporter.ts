/**
 * Brings statuses to the manager: the latest one of each task, many at a time, one batch after the other so that they
 * arrive in order, again and again until accepted. Steps on the way to a state that somebody waits for are told if they
 * take long: most of them are overtaken by the next one, and the manager has that much less to do for each task.
 */
import type { Clock } from '../model/clock.ts';
import type { TaskStatus } from '../model/objects.ts';
import type { TaskState } from '../model/task-state.ts';
import type { ManagerSession } from './contract.ts';

/** Statuses that come within this time travel together. */
const GATHER_MS = 5;
/** A step that lasts as long is told though the next one has not come. */
const PASSING_MS = 300;
const PASSING: ReadonlySet<TaskState> = new Set(['accepted', 'preparing', 'starting']);
const RETRY_MS = 500;
/** A manager that takes longer (ms) for an answer has much to do: it gets fewer, larger reports. */
const BUSY_MS = 100;
const LONGEST_GATHER_MS = 500;

export class Reporter {
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #waiting = new Map<string, Waiting>();
  #session: ManagerSession | undefined;
  #timer: { at: number; cancel(): void } | undefined;
  #sending = false;
  /** Before then (ms since the epoch) nothing is sent, whatever waits. */
  #notBefore = 0;

  constructor(clock: Clock, log: (message: string) => void) {
    this.#clock = clock;
    this.#log = log;
  }

  report(taskId: string, status: TaskStatus): void {
    const now = this.#clock.now();
    const passing = PASSING.has(status.State);
    const before = this.#waiting.get(taskId);
    // One step after the other may pass, but not for ever.
    const due = passing ? (before?.passing ? before.due : now + PASSING_MS) : now + GATHER_MS;
    this.#waiting.set(taskId, { status, passing, due });
    if (!this.#timer || due < this.#timer.at) this.#schedule();
  }

  /** The task is no more; nobody wants to hear of it. */
  forget(taskId: string): void {
    this.#waiting.delete(taskId);
  }

  /** From now on reports go to this session; undefined: they wait for the next one. */
  use(session: ManagerSession | undefined): void {
    this.#session = session;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending = false;
    this.#notBefore = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#session || this.#sending || this.#waiting.size === 0) return;
    let due = Number.POSITIVE_INFINITY;
    for (const each of this.#waiting.values()) due = Math.min(due, each.due);
    const at = Math.max(due, this.#notBefore);
    if (this.#timer && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = this.#clock.timer(Math.max(0, at - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#onTime();
    });
    this.#timer = { at, cancel };
  }

  /** What the timer was for may have been overtaken by a step that can wait. */
  #onTime(): void {
    const now = this.#clock.now();
    if (this.#waiting.values().some(({ due }) => due <= now)) void this.#send();
    else this.#schedule();
  }

  async #send(): Promise<void> {
    const session = this.#session!;
    const batch = new Map(this.#waiting);
    this.#waiting.clear();
    this.#sending = true;
    let pause = GATHER_MS;
    const begin = this.#clock.now();
    try {
      await session.report({ statuses: [...batch].map(([taskId, { status }]) => ({ taskId, status })) });
      const took = this.#clock.now() - begin;
      if (took > BUSY_MS) pause = Math.min(took, LONGEST_GATHER_MS);
    } catch (error) {
      this.#log(
        `${batch.size} statuses are reported again: ${error instanceof Error ? error.message : error}`,
      );
      for (const [taskId, waiting] of batch) {
        if (!this.#waiting.has(taskId)) this.#waiting.set(taskId, waiting);
      }
      pause = RETRY_MS;
    }
    // A later session has begun its own round.
    if (this.#session !== session) return;
    this.#sending = false;
    this.#notBefore = this.#clock.now() + pause;
    this.#schedule();
  }
}

interface Waiting {
  status: TaskStatus;
  /** A step on the way: the next one is as good. */
  passing: boolean;
  /** When (ms since the epoch) it is to be sent at the latest. */
  due: number;
}
