/** What one host has been told of its networks, and what it has to be told now. */
import type { NetworkUpdate } from '../../model/network-state.ts';
import type { NetworkTables } from './tables.ts';

export class ToldNetworks {
  readonly #tables: NetworkTables;
  readonly #nodeId: string;
  /** The revision at which each network that the host knows became what it was told. */
  readonly #told = new Map<string, number>();
  #publishedAt = -1;
  #listedAt = -1;

  constructor(tables: NetworkTables, nodeId: string) {
    this.#tables = tables;
    this.#nodeId = nodeId;
  }

  knows(networkId: string): boolean {
    return this.#told.has(networkId);
  }

  /** All there is. To be called first, once. */
  full(revision: number): NetworkUpdate {
    const update = this.#take(revision);
    return { ...update, full: true, published: this.#tables.publishedOn(this.#nodeId) };
  }

  /** What has changed; undefined: nothing. */
  changes(revision: number): NetworkUpdate | undefined {
    const update = this.#take(revision);
    const { networks, removedNetworks, published, listed } = update;
    return networks.length + removedNetworks.length > 0 || published || listed ? update : undefined;
  }

  #take(revision: number): NetworkUpdate {
    const tables = this.#tables;
    const nodeId = this.#nodeId;
    const now = new Set(tables.networksOf(nodeId));
    const removedNetworks = [...this.#told.keys()].filter((id) => !now.has(id));
    for (const id of removedNetworks) this.#told.delete(id);
    const changed = [...now].filter((id) => this.#told.get(id) !== tables.changedAt(id));
    for (const id of changed) this.#told.set(id, tables.changedAt(id));
    // Whether the host answers published ports depends on whether it has the network for that.
    const published = this.#publishedAt !== tables.publishedAt;
    this.#publishedAt = tables.publishedAt;
    const listed = this.#listedAt !== tables.listedAt;
    this.#listedAt = tables.listedAt;
    return {
      revision,
      full: false,
      dataPathPort: tables.dataPathPort,
      networks: changed.map((id) => tables.overlay(id, nodeId)),
      removedNetworks,
      ...(published ? { published: tables.publishedOn(nodeId) } : {}),
      ...(listed ? { listed: tables.listed } : {}),
    };
  }
}
