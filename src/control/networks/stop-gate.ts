/**
 * An endpoint that is to stop first leaves balancers and names on every host that knows it; only then its own host is
 * told to stop the container. Each stop waits for the hosts concerned to say that they have gone that far, but not for
 * long. Nothing here is needed after a restart: who is to stop is in the store.
 */

/** How long (ms) a stop waits for hosts that do not answer. */
export const STOP_BOUND = 2_000;

interface Held {
  /** The revision from which on the endpoint takes no part. */
  revision: number;
  /** Hosts that have not said yet that they have gone so far. */
  waitingFor: Set<string>;
  until: number;
}

export class StopGate {
  readonly #held = new Map<string, Held>();

  /** Holds the stop of a task back; false: nobody has to be waited for. `now`: milliseconds. */
  hold(taskId: string, revision: number, hosts: Iterable<string>, now: number): boolean {
    const waitingFor = new Set(hosts);
    if (waitingFor.size === 0) return false;
    this.#held.set(taskId, { revision, waitingFor, until: now + STOP_BOUND });
    return true;
  }

  holds(taskId: string): boolean {
    return this.#held.has(taskId);
  }

  /** The task's stop is not to be held back any more. True if it was. */
  drop(taskId: string): boolean {
    return this.#held.delete(taskId);
  }

  /** A host has applied that revision. Returns the tasks that may stop now. */
  applied(nodeId: string, revision: number): string[] {
    return this.#release((held) => {
      if (held.revision <= revision) held.waitingFor.delete(nodeId);
    });
  }

  /** A host is out of reach: it is not waited for. Returns the tasks that may stop now. */
  gone(nodeId: string): string[] {
    return this.#release((held) => held.waitingFor.delete(nodeId));
  }

  /** Returns the tasks that have waited long enough. */
  due(now: number): string[] {
    return this.#release((held) => {
      if (held.until <= now) held.waitingFor.clear();
    });
  }

  /** When `due` is to be called next, milliseconds; undefined: nothing waits. */
  get next(): number | undefined {
    let next: number | undefined;
    for (const { until } of this.#held.values()) if (next === undefined || until < next) next = until;
    return next;
  }

  #release(look: (held: Held) => void): string[] {
    const released: string[] = [];
    for (const [taskId, held] of this.#held) {
      look(held);
      if (held.waitingFor.size > 0) continue;
      this.#held.delete(taskId);
      released.push(taskId);
    }
    return released;
  }
}
