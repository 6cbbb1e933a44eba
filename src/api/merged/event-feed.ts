/** The cluster's events while this host is a manager: the last ones remembered, new ones told to who listens. */
import type { Store } from '../../store/contract.ts';
import type { ManagerFace, Membership } from '../contract.ts';
import { type ClusterEvent, clusterChange } from './cluster-events.ts';
import { MILLISECOND } from './event-times.ts';

/** As many as dockerd remembers, and for as long: until the daemon ends. */
const REMEMBERED = 256;

export class EventFeed {
  readonly #membership: Membership;
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  #past: ClusterEvent[] = [];
  #last = 0n;
  #store: Store | undefined;
  #unwatch: (() => void) | undefined;

  constructor(membership: Membership) {
    this.#membership = membership;
    membership.watch(() => this.#follow());
    this.#follow();
  }

  /** What is remembered of a stretch of time, both ends included, oldest first. */
  between(since: bigint, until: bigint): ClusterEvent[] {
    return this.#past.filter(({ timeNano }) => timeNano >= since && timeNano <= until);
  }

  listen(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Watches the store of the manager that is on this host now, if there is one. */
  #follow(): void {
    const manager = this.#membership.manager();
    if (manager?.store === this.#store) return;
    this.#unwatch?.();
    this.#store = manager?.store;
    this.#unwatch = manager && this.#watch(manager);
  }

  #watch(manager: ManagerFace): () => void {
    return manager.store.watch(manager.store.view.revision, ({ events }) => {
      for (const event of events) {
        const change = clusterChange(event);
        if (change) this.#tell({ ...change, timeNano: this.#time(manager.now()) });
      }
    });
  }

  /** When it happens, and after all that has been told: who goes on from an event's time gets what came after it. */
  #time(now: number): bigint {
    const time = BigInt(Math.floor(now)) * MILLISECOND;
    this.#last = time > this.#last ? time : this.#last + 1n;
    return this.#last;
  }

  #tell(event: ClusterEvent): void {
    this.#past.push(event);
    if (this.#past.length > 2 * REMEMBERED) this.#past = this.#past.slice(-REMEMBERED);
    for (const listener of this.#listeners) listener(event);
  }
}
