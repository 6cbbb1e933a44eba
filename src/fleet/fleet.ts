/** All hosts, each followed for itself; what happens on any of them is told to who listens. */
import type { Clock } from '../model/clock.ts';
import type { FleetEvent, FleetTiming, Host, Logger, Member } from './contract.ts';
import { FollowedHost } from './host.ts';

export interface FleetOptions {
  timing: FleetTiming;
  clock: Clock;
  random: () => number;
  log: Logger;
  /** Whether all that inspecting says is kept of a container with these labels: its host may be gone when it is needed. */
  keeps?: (labels: Readonly<Record<string, string>>) => boolean;
  /** How the variables begin that are kept of each container's environment; none if not given. */
  variables?: string;
  /** Nothing else than containers is looked at. */
  containersAlone?: boolean;
  /** Called when containers of a host have been looked at again: what is known of them may be otherwise. */
  changed?: (key: string) => void;
}

interface Entry {
  host: FollowedHost;
  over: AbortController;
  done: Promise<void>;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(event: FleetEvent) => void>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** All hosts, those that were never reached as well, in the order in which they came. */
  hosts(): Host[] {
    return [...this.#entries.values()].map(({ host }) => host);
  }

  host(key: string): Host | undefined {
    return this.#entries.get(key)?.host;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  add(member: Member): void {
    if (this.#entries.has(member.key)) return;
    const over = new AbortController();
    const tell = (event: FleetEvent): void => {
      for (const listener of this.#listeners) listener(event);
    };
    const host = new FollowedHost({ keeps: () => false, ...this.#options, member, tell });
    this.#entries.set(member.key, { host, over, done: host.run(over.signal) });
  }

  /** Takes a host out. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    const { host, over } = entry;
    const known = host.status !== 'Pending';
    over.abort(new Error('it is no member any more'));
    host.status = 'Disconnected';
    host.close();
    this.#options.log.info({}, `Removed Engine ${host.facts?.name ?? host.address}`);
    if (known) for (const listener of this.#listeners) listener({ type: 'disconnect', host });
  }

  /** A request to the host has failed: it is looked at at once, not only when its turn comes. */
  doubt(key: string): void {
    this.#entries.get(key)?.host.doubt();
  }

  /** Others have found the host gone: it is lost, unless it answers at once. */
  lose(key: string): void {
    this.#entries.get(key)?.host.lose();
  }

  listen(listener: (event: FleetEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { over, host } of entries) {
      over.abort(new Error('the fleet is closed'));
      host.close();
    }
    await Promise.all(entries.map(({ done }) => done));
  }
}
