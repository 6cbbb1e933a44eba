import { EngineClient } from '../../engine/client.ts';
import type { Manager } from '../../manager/manager.ts';

/** Clients of the engines of a manager's nodes, one each, kept because they pool their connections. */
export class EnginesOfNodes {
  readonly #connect: Manager['connectEngine'];
  readonly #clients = new Map<string, EngineClient>();

  constructor(connect: Manager['connectEngine']) {
    this.#connect = connect;
  }

  of(nodeId: string): EngineClient {
    const known = this.#clients.get(nodeId);
    if (known) return known;
    const client = new EngineClient({
      connect: () => this.#connect(nodeId),
      name: `the engine of node ${nodeId}`,
    });
    this.#clients.set(nodeId, client);
    return client;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }
}
