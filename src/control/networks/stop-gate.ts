/**
 * An endpoint that is to stop first leaves balancers and names on every host that knows it; only then its own host is
 * told to stop the container. Each stop waits for the hosts concerned to say that they have gone that far: for one that is
 * busy as long as that may take, for one in doubt not for long. Nothing here is needed after a restart: who is to stop is
 * in the store.
 */

/**
 * How long (ms) a stop waits at most. A host that has much to do may need seconds for a change of its networks, and would go
 * on leading clients to a container that is no more.
 */
export const STOP_BOUND = 30_000;
/** How long (ms) it waits for a host that is not likely to answer. */
export const DOUBT_BOUND = 2_000;

interface Held {
  /** The revision from which on the endpoint takes no part. */
  revision: number;
  /** Hosts that have not said yet that they have gone so far; until when (ms) each of them is waited for. */
  waitingFor: Map<string, number>;
  /** When (ms) nobody is waited for any more. */
  until: number;
}

export class StopGate {
  readonly #held = new Map<string, Held>();

  /** Holds the stop of a task back; false: nobody has to be waited for. `now` and `bound`: milliseconds. */
  hold(taskId: string, revision: number, hosts: Iterable<string>, now: number, bound = STOP_BOUND): boolean {
    const until = now + bound;
    const waitingFor = new Map([...hosts].map((nodeId) => [nodeId, until]));
    if (waitingFor.size === 0) return false;
    this.#held.set(taskId, { revision, waitingFor, until });
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

  /** Its agent is away, or its kernel has refused what it was to be: what waits for it does so only shortly from now on. */
  doubt(nodeId: string, now: number): void {
    const soon = now + DOUBT_BOUND;
    for (const { waitingFor } of this.#held.values()) {
      const until = waitingFor.get(nodeId);
      if (until !== undefined && until > soon) waitingFor.set(nodeId, soon);
    }
  }

  /** Its agent has come back: what still waits for it does so as if it had not been away. */
  trust(nodeId: string): void {
    for (const { waitingFor, until } of this.#held.values())
      if (waitingFor.has(nodeId)) waitingFor.set(nodeId, until);
  }

  /** A host is out of reach: it is not waited for. Returns the tasks that may stop now. */
  gone(nodeId: string): string[] {
    return this.#release((held) => held.waitingFor.delete(nodeId));
  }

  /** Returns the tasks that have waited long enough. */
  due(now: number): string[] {
    return this.#release(({ waitingFor }) => {
      for (const [nodeId, until] of waitingFor) if (until <= now) waitingFor.delete(nodeId);
    });
  }

  /** When `due` is to be called next, milliseconds; undefined: nothing waits. */
  get next(): number | undefined {
    let next: number | undefined;
    for (const { waitingFor } of this.#held.values())
      for (const until of waitingFor.values()) if (next === undefined || until < next) next = until;
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
