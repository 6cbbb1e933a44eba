/** When the manager's own work leaves the process to others: to agents that report, and to clients that ask. */
import { performance } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';

/** However long a piece of work seems to have taken: other processes may have had the processor meanwhile. */
const LONGEST = 20;
/** Nobody needs the process that has waited for input so long (ms) in one turn. */
const IDLE = 0.5;
/** Turns of waiting for input after which a client is taken for one that does not read, or that waits for others. */
const STALLED = 5;
/** The longest (ms) that work waits for clients at a time, and how much of the time it may do so in the long run. */
const PATIENCE = 300;
const SHARE = 0.5;

/**
 * Waits until work may go on that has just kept the process for `ms`: until others have had it for as long, or nobody
 * needs it. A long answer to a client takes many short turns of the event loop, as a socket takes about 200 KB per turn:
 * one turn between two pieces of work is not enough. Those who rest at once go on one after the other.
 */
export type Rest = (ms: number) => Promise<void>;

export interface Rests {
  /** Of those who tell agents and write down what they report. */
  rest: Rest;
  /**
   * Of planning: one turn, or as many as clients need for their answers. Agents' reports do not hold it up: what is planned
   * before a host is told of anything goes to it in one message, and comes back in fewer reports.
   */
  restOfPlanning(): Promise<void>;
}

/** @param clientsWait whether an answer is being sent: work waits for its end, too, within limits */
export function restBeside(clientsWait: () => boolean): Rests {
  const patience = new Patience(clientsWait);
  let turn: Promise<unknown> = Promise.resolve();
  /** Until then (of `performance.now`) at least, unless nobody needs the process. */
  const restUntil = async (end: number): Promise<void> => {
    await setImmediate();
    let idleTurns = 0;
    for (;;) {
      const now = performance.now();
      const waits = patience.holds(now);
      if (now >= end && !waits) break;
      const { idle } = performance.eventLoopUtilization();
      await setTimeout(1);
      idleTurns = performance.eventLoopUtilization().idle - idle > IDLE ? idleTurns + 1 : 0;
      if (idleTurns >= (waits ? STALLED : 1)) break;
    }
  };
  return {
    async rest(ms) {
      await restUntil(performance.now() + Math.min(ms, LONGEST));
      const before = turn;
      turn = before.then(() => setImmediate());
      await before;
    },
    restOfPlanning: () => restUntil(performance.now()),
  };
}

/** How long work can still be made to wait for clients: it grows with time, up to PATIENCE. */
class Patience {
  readonly #clientsWait: () => boolean;
  #left = PATIENCE;
  #at = performance.now();
  #holding = false;

  constructor(clientsWait: () => boolean) {
    this.#clientsWait = clientsWait;
  }

  holds(now: number): boolean {
    const passed = now - this.#at;
    this.#left = Math.min(PATIENCE, this.#left + passed * (this.#holding ? SHARE - 1 : SHARE));
    this.#at = now;
    this.#holding = this.#left > 0 && this.#clientsWait();
    return this.#holding;
  }
}
