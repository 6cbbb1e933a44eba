/** Which host has an exec: learned where one is made, asked of all hosts where that was not here. */

import type { Host } from '../fleet/contract.ts';
import { ApiError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';

/** Those that are remembered. */
const MOST = 10_000;

export class Execs {
  readonly #cluster: Cluster;
  readonly #hosts = new Map<string, string>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  learn(id: string, host: Host): void {
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size >= MOST && oldest !== undefined) this.#hosts.delete(oldest);
    this.#hosts.set(id, host.key);
  }

  /** @throws ApiError 404 */
  async find(id: string): Promise<Host> {
    const known = this.#cluster.fleet.host(this.#hosts.get(id) ?? '');
    if (known) return known;
    const asked = this.#cluster.healthy().map(async (host) => {
      await host.engine.json('GET', `/exec/${encodeURIComponent(id)}/json`);
      return host;
    });
    try {
      const host = await Promise.any(asked);
      this.learn(id, host);
      return host;
    } catch {
      throw new ApiError(404, `Exec ${id} not found`);
    }
  }
}
