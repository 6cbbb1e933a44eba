/** The nodes of a swarm as a fleet: those that are members now, reached through their agents. */
import type { EngineClient } from '../engine/client.ts';
import { systemClock } from '../model/clock.ts';
import type { Node } from '../model/objects.ts';
import type { Logger } from './contract.ts';
import { Fleet } from './fleet.ts';

/** As classic Swarm's defaults, but that a lost node is noticed within 5 s: its manager hears of it before. */
const TIMING = { refreshMin: 30_000, refreshMax: 60_000, failureRetry: 3 };
/** How long (ms) the first who asks waits until the nodes are known. */
const PATIENCE = 5_000;

export interface NodesFleetOptions {
  /** The nodes as they are now. */
  nodes(): Node[];
  /** Calls the listener whenever there may be others; until the returned function is called. */
  watch(listener: () => void): () => void;
  /** A client of the API of that node; it belongs to whom it is asked of. */
  apiOf(nodeId: string): EngineClient;
  /** As FleetOptions.keeps. */
  keeps?: (labels: Readonly<Record<string, string>>) => boolean;
  log: Logger;
}

export class NodesFleet {
  readonly fleet: Fleet;
  /** Resolves when all nodes that are there were met, or did not let themselves be met in time. */
  readonly known: Promise<void>;
  readonly #options: NodesFleetOptions;
  readonly #unwatch: () => void;
  /** Ids of those that were ready when they were last looked at. */
  readonly #ready = new Set<string>();

  constructor(options: NodesFleetOptions) {
    this.#options = options;
    const { keeps, log, watch } = options;
    this.fleet = new Fleet({
      timing: TIMING,
      clock: systemClock,
      random: Math.random,
      log,
      ...(keeps && { keeps }),
    });
    this.#follow();
    this.#unwatch = watch(() => this.#follow());
    this.known = this.#met();
  }

  node(id: string): Node | undefined {
    return this.#options.nodes().find(({ ID }) => ID === id);
  }

  async close(): Promise<void> {
    this.#unwatch();
    await this.fleet.close();
  }

  #follow(): void {
    const nodes = this.#options.nodes();
    for (const { key } of this.fleet.hosts()) {
      if (nodes.some(({ ID }) => ID === key)) continue;
      this.fleet.remove(key);
      this.#ready.delete(key);
    }
    for (const { ID, Status } of nodes) {
      // That its manager has lost a node is no news to be waited for.
      const known = this.fleet.host(ID);
      const isReady = Status.State === 'ready';
      // It may have been asked before its agent was there, and would be asked again only after a while.
      if (known && isReady && !this.#ready.has(ID)) this.fleet.doubt(ID);
      if (isReady) this.#ready.add(ID);
      else this.#ready.delete(ID);
      if (known) {
        if (Status.State === 'down' && known.status === 'Healthy') this.fleet.lose(ID);
        continue;
      }
      this.fleet.add({
        key: ID,
        address: Status.Addr,
        host: Status.Addr,
        engine: this.#options.apiOf(ID),
        close: () => undefined,
        labels: () => this.node(ID)?.Spec.Labels ?? {},
      });
    }
  }

  #met(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE);
    const look = (): void => {
      const ready = this.#options.nodes().filter(({ Status }) => Status.State === 'ready');
      if (ready.every(({ ID }) => this.fleet.host(ID)?.status === 'Healthy')) resolve();
    };
    const stop = this.fleet.listen((event) => {
      if (event.type === 'connect' || event.type === 'reconnect') look();
    });
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }
}
