/**
 * Brings statuses to the manager: the latest one of each task, many at a time, one batch after the other so that they
 * arrive in order, again and again until accepted.
 */
import type { Clock } from '../model/clock.ts';
import type { TaskStatus } from '../model/objects.ts';
import type { ManagerSession } from './contract.ts';

/** Statuses that come within this time travel together. */
const GATHER_MS = 5;
const RETRY_MS = 500;
/** A manager that takes longer (ms) for an answer has much to do: it gets fewer, larger reports. */
const BUSY_MS = 100;
const LONGEST_GATHER_MS = 500;

export class Reporter {
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #waiting = new Map<string, TaskStatus>();
  #session: ManagerSession | undefined;
  #cancelTimer: (() => void) | undefined;
  #sending = false;

  constructor(clock: Clock, log: (message: string) => void) {
    this.#clock = clock;
    this.#log = log;
  }

  report(taskId: string, status: TaskStatus): void {
    this.#waiting.set(taskId, status);
    this.#schedule(GATHER_MS);
  }

  /** The task is no more; nobody wants to hear of it. */
  forget(taskId: string): void {
    this.#waiting.delete(taskId);
  }

  /** From now on reports go to this session; undefined: they wait for the next one. */
  use(session: ManagerSession | undefined): void {
    this.#session = session;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sending = false;
    this.#schedule(GATHER_MS);
  }

  #schedule(ms: number): void {
    if (!this.#session || this.#sending || this.#cancelTimer || this.#waiting.size === 0) return;
    this.#cancelTimer = this.#clock.timer(ms, () => {
      this.#cancelTimer = undefined;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    const session = this.#session!;
    const batch = new Map(this.#waiting);
    this.#waiting.clear();
    if (batch.size === 0) return;
    this.#sending = true;
    let next = GATHER_MS;
    const begin = this.#clock.now();
    try {
      await session.report({ statuses: [...batch].map(([taskId, status]) => ({ taskId, status })) });
      const took = this.#clock.now() - begin;
      if (took > BUSY_MS) next = Math.min(took, LONGEST_GATHER_MS);
    } catch (error) {
      this.#log(
        `${batch.size} statuses are reported again: ${error instanceof Error ? error.message : error}`,
      );
      for (const [taskId, status] of batch) {
        if (!this.#waiting.has(taskId)) this.#waiting.set(taskId, status);
      }
      next = RETRY_MS;
    }
    // A later session has begun its own round.
    if (this.#session !== session) return;
    this.#sending = false;
    this.#schedule(next);
  }
}
