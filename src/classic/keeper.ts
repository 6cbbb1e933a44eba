/**
 * Remembers what is to outlive its host, and finds what is lost. What hosts that answer have is what counts; of the others,
 * what was last seen there, by this manager or, where there is a store, by one before it.
 */
import type { Host, Logger } from '../fleet/contract.ts';
import type { ContainerRecord, InspectedContainer } from '../fleet/records.ts';
import { messageOf } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Keepsake, type KeepsakeStore, keepsakeOf } from './keepsakes.ts';
import { isRescheduled, SWARM_ID } from './rules/container-config.ts';

export interface KeeperOptions {
  cluster: Cluster;
  log: Logger;
  /** None: what is known ends with this manager. */
  store: KeepsakeStore | undefined;
  /** Whether nobody is at that host, which is no member, or one that was never reached. It may take its time. */
  isGone(key: string): Promise<boolean>;
  /** Whether a container that does not run has ended with its host, for all that is known yet. */
  endedWithHost(host: Host, record: ContainerRecord): boolean;
}

interface Known {
  keepsake: Keepsake;
  /** What it was made of; absent if another manager has made it. */
  source?: InspectedContainer;
  /** Whether the store has it like that. */
  written: boolean;
}

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #known = new Map<string, Known>();
  /** In the store, and not to be there any more. */
  readonly #obsolete = new Set<string>();
  readonly #gone = new Set<string>();
  #loaded = false;
  #complaint = '';

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Another manager looks after them from now on. */
  reset(): void {
    this.#known.clear();
    this.#obsolete.clear();
    this.#gone.clear();
    this.#loaded = false;
  }

  /** Whether anything of that host is to outlive it. */
  concerns(host: Host): boolean {
    return (
      [...host.containers.values()].some(isMeant) ||
      [...this.#known.values()].some(({ keepsake }) => keepsake.host.key === host.key)
    );
  }

  /** Takes note of what hosts have. @param isMoving it is being made anew */
  async look(isMoving: (id: string) => boolean): Promise<void> {
    const { cluster } = this.#options;
    await this.#load();
    const seen = new Set<string>();
    const meant = (host: Host): Array<[string, ContainerRecord]> =>
      [...host.containers.values()].flatMap((record) => {
        const id = record.labels[SWARM_ID];
        return id !== undefined && isMeant(record) && !isMoving(id) && !seen.has(id) ? [[id, record]] : [];
      });
    for (const host of cluster.healthy()) {
      this.#gone.delete(host.key);
      for (const [id, record] of meant(host)) {
        seen.add(id);
        this.#note(id, host, record);
      }
    }
    for (const [id, { keepsake }] of this.#known) {
      const isThere = cluster.fleet.host(keepsake.host.key)?.status === 'Healthy';
      if (!seen.has(id) && isThere && !isMoving(id)) this.#forget(id);
    }
    // What was lost before this manager came to look after it.
    for (const host of cluster.hosts()) {
      if (host.status === 'Unhealthy')
        for (const [id, record] of meant(host)) if (!this.#known.has(id)) this.#note(id, host, record);
    }
    await this.#write();
  }

  #note(id: string, host: Host, record: ContainerRecord): void {
    const before = this.#known.get(id);
    const { Running, Status } = record.state;
    const wasRunning = before?.keepsake.running ?? host.status !== 'Healthy';
    // One that was made anew has yet to be started.
    const isNew = before !== undefined && Status === 'created';
    const running = Running || (wasRunning && (isNew || this.#options.endedWithHost(host, record)));
    const same = before?.source === record.inspected && before?.keepsake.host.key === host.key;
    if (same && before.keepsake.running === running) return;
    const keepsake = keepsakeOf(host, record, running);
    if (keepsake && record.inspected)
      this.#known.set(id, { keepsake, source: record.inspected, written: false });
  }

  /** What no host has that answers, and whose own host is lost. */
  async lost(): Promise<Keepsake[]> {
    const { cluster } = this.#options;
    // Whoever is being met for the first time may have what another manager has remembered.
    const meeting = cluster.hosts().some(({ status, failures }) => status === 'Pending' && failures === 0);
    const away = [...this.#known.values()]
      .filter(({ source }) => source !== undefined || !meeting)
      .map(({ keepsake }) => keepsake)
      .filter(({ host }) => cluster.fleet.host(host.key)?.status !== 'Healthy');
    const keys = new Set(away.map(({ host }) => host.key));
    const lost = await Promise.all([...keys].map(async (key) => ((await this.#isLost(key)) ? [key] : [])));
    return away.filter(({ host }) => lost.flat().includes(host.key));
  }

  /** What was made anew, ran before, and was not started yet. */
  unstarted(): Array<{ host: Host; record: ContainerRecord }> {
    return [...this.#known.values()].flatMap(({ keepsake }) => {
      const host = this.#options.cluster.fleet.host(keepsake.host.key);
      const record = host?.containers.get(keepsake.container.Id);
      return keepsake.running && host?.status === 'Healthy' && record?.state.Status === 'created'
        ? [{ host, record }]
        : [];
    });
  }

  async #isLost(key: string): Promise<boolean> {
    if (this.#options.cluster.fleet.host(key)?.status === 'Unhealthy' || this.#gone.has(key)) return true;
    const isGone = await this.#options.isGone(key);
    if (isGone) this.#gone.add(key);
    return isGone;
  }

  #forget(id: string): void {
    this.#known.delete(id);
    this.#obsolete.add(id);
  }

  async #load(): Promise<void> {
    if (this.#loaded) return;
    await this.#ask(async (store) => {
      for (const keepsake of await store.all())
        if (!this.#known.has(keepsake.id)) this.#known.set(keepsake.id, { keepsake, written: true });
      this.#loaded = true;
    });
  }

  async #write(): Promise<void> {
    if (!this.#loaded) return;
    await this.#ask(async (store) => {
      for (const known of this.#known.values()) {
        if (known.written) continue;
        await store.put(known.keepsake);
        known.written = true;
        this.#obsolete.delete(known.keepsake.id);
      }
      for (const id of this.#obsolete) {
        await store.remove(id);
        this.#obsolete.delete(id);
      }
    });
  }

  /** Goes on without the store if need be: it is asked again next time. */
  async #ask(what: (store: KeepsakeStore) => Promise<void>): Promise<void> {
    const { store, log } = this.#options;
    if (!store) return;
    try {
      await what(store);
      this.#complaint = '';
    } catch (error) {
      const complaint = messageOf(error);
      if (complaint !== this.#complaint)
        log.error({}, `cannot keep what is to outlive its host in the store: ${complaint}`);
      this.#complaint = complaint;
    }
  }
}

export const isMeant = ({ labels }: ContainerRecord): boolean => isRescheduled(labels);
