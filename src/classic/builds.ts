/** Which host builds: the one that a build's wishes choose; what belongs to a build goes there too. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '../fleet/contract.ts';
import type { Cluster } from './cluster.ts';
import { type Ask, emptyAsk } from './rules/container-config.ts';

/** How long (ms) a session waits for the build that it belongs to. */
const PATIENCE = 5_000;

export class Builds {
  readonly #cluster: Cluster;
  readonly #hosts = new Map<string, PromiseWithResolvers<Host>>();
  #last: Host | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Chooses the host of a build. @throws ApiError */
  begin(session: string | null, ask: Ask): Host {
    const host = this.#cluster.best(ask);
    this.#last = host;
    if (session) this.#of(session).resolve(host);
    return host;
  }

  /** The host of the build with that session; without one to come, that of the last build. @throws ApiError */
  async of(session: string, signal: AbortSignal): Promise<Host> {
    const early = delay(PATIENCE, undefined, { signal, ref: false }).catch(() => undefined);
    const found = await Promise.race([this.#of(session).promise, early]);
    return found ?? this.any();
  }

  end(session: string): void {
    this.#hosts.delete(session);
  }

  /** Always the same one, as long as it answers: what one build leaves behind is of use to the next. @throws ApiError */
  any(): Host {
    if (this.#last?.status !== 'Healthy') this.#last = this.#cluster.best(emptyAsk());
    return this.#last;
  }

  #of(session: string): PromiseWithResolvers<Host> {
    const known = this.#hosts.get(session) ?? Promise.withResolvers<Host>();
    this.#hosts.set(session, known);
    return known;
  }
}
