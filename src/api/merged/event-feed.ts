/** The cluster's events while this host is a manager: the last ones remembered, new ones told to who listens. */
import type { Store } from '../../store/contract.ts';
import type { ManagerFace, Membership } from '../contract.ts';
import { type ClusterEvent, clusterEvent } from './cluster-events.ts';

/** As many as dockerd remembers. */
const REMEMBERED = 256;

export class EventFeed {
  readonly #membership: Membership;
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  #past: ClusterEvent[] = [];
  #store: Store | undefined;
  #unwatch: (() => void) | undefined;

  constructor(membership: Membership) {
    this.#membership = membership;
  }

  /** Watches the store of the manager that is on this host now, if there is one. */
  follow(): void {
    const manager = this.#membership.manager();
    if (manager?.store === this.#store) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#store = manager?.store;
    this.#past = [];
    if (manager) this.#unwatch = this.#watch(manager);
  }

  /** What is remembered of a stretch of time (ms since the epoch), oldest first. */
  between(since: number, until: number): ClusterEvent[] {
    return this.#past.filter(({ at }) => at >= since && at <= until);
  }

  listen(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #watch(manager: ManagerFace): () => void {
    return manager.store.watch(manager.store.view.revision, ({ events }) => {
      for (const change of events) {
        const event = clusterEvent(change, manager.now());
        if (event) this.#tell(event);
      }
    });
  }

  #tell(event: ClusterEvent): void {
    this.#past.push(event);
    if (this.#past.length > 2 * REMEMBERED) this.#past = this.#past.slice(-REMEMBERED);
    for (const listener of this.#listeners) listener(event);
  }
}
