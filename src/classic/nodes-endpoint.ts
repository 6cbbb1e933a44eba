/** A swarm's nodes served as one engine: followed from the first client on. */
import type { Duplex } from 'node:stream';
import type { EngineClient } from '../engine/client.ts';
import type { Host, Logger } from '../fleet/contract.ts';
import { Fleet } from '../fleet/fleet.ts';
import { systemClock } from '../model/clock.ts';
import type { Node } from '../model/objects.ts';
import { clusterContext, clusterRoutes } from './context.ts';
import { Rescheduler } from './rescheduler.ts';
import { isRescheduled } from './rules/container-config.ts';
import { filtersNamed } from './rules/schedule.ts';
import { ClusterServer } from './server.ts';

/** As classic Swarm's defaults, but that a lost node is noticed within 5 s: its manager hears of it before. */
const TIMING = { refreshMin: 30_000, refreshMax: 60_000, failureRetry: 3 };
/** How long (ms) the first client waits until the nodes are known. */
const PATIENCE = 5_000;

export interface NodesEndpointOptions {
  /** The nodes as they are now. */
  nodes(): Node[];
  /** Calls the listener whenever there may be others; until the returned function is called. */
  watch(listener: () => void): () => void;
  /** A client of the API of that node; it belongs to whom it is asked of. */
  apiOf(nodeId: string): EngineClient;
  /** The manager that this is. */
  nodeId: string;
  /** Whether this manager leads. */
  leads(): boolean;
  log: Logger;
}

export class NodesEndpoint {
  readonly #fleet: Fleet;
  readonly #server: ClusterServer;
  readonly #options: NodesEndpointOptions;
  readonly #over = new AbortController();
  readonly #unwatch: () => void;
  readonly #running: Promise<void>;
  readonly #known: Promise<void>;

  constructor(options: NodesEndpointOptions) {
    const { log, nodeId, leads, watch } = options;
    this.#options = options;
    const random = Math.random;
    this.#fleet = new Fleet({ timing: TIMING, clock: systemClock, random, log, keeps: isRescheduled });
    const context = clusterContext({
      fleet: this.#fleet,
      scheduling: { strategy: 'spread', filters: filtersNamed([]) },
      overcommit: 0,
      failureRetry: TIMING.failureRetry,
      ...{ random, log, role: () => 'primary' as const },
      swarm: {
        accepts: ({ key }) => this.#node(key)?.Spec.Availability === 'active',
        home: () => healthy(this.#fleet.host(nodeId)),
      },
    });
    this.#server = new ClusterServer({
      ...context,
      cors: false,
      routes: clusterRoutes({ createRetries: 0 }),
    });
    const rescheduler = new Rescheduler({ cluster: context.cluster, log, isPrimary: leads });
    this.#running = rescheduler.run(this.#over.signal);
    this.#follow();
    this.#unwatch = watch(() => this.#follow());
    this.#known = this.#met();
  }

  /** Answers a client on a connection that was accepted elsewhere. */
  async serve(connection: Duplex): Promise<void> {
    await this.#known;
    this.#server.serve(connection);
  }

  async close(): Promise<void> {
    this.#unwatch();
    this.#over.abort(new Error('the endpoint is closed'));
    this.#server.close();
    await this.#fleet.close();
    await this.#running;
  }

  #node(id: string): Node | undefined {
    return this.#options.nodes().find(({ ID }) => ID === id);
  }

  #follow(): void {
    const nodes = this.#options.nodes();
    for (const { key } of this.#fleet.hosts())
      if (!nodes.some(({ ID }) => ID === key)) this.#fleet.remove(key);
    for (const { ID, Status } of nodes) {
      // That its manager has lost a node is no news to be waited for.
      if (this.#fleet.has(ID)) {
        if (Status.State === 'down') this.#fleet.doubt(ID);
        continue;
      }
      this.#fleet.add({
        key: ID,
        address: Status.Addr,
        host: Status.Addr,
        engine: this.#options.apiOf(ID),
        close: () => undefined,
        labels: () => this.#node(ID)?.Spec.Labels ?? {},
      });
    }
  }

  /** Resolves when all nodes that are there were met, or did not let themselves be met in time. */
  #met(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE);
    const look = (): void => {
      const ready = this.#options.nodes().filter(({ Status }) => Status.State === 'ready');
      if (ready.every(({ ID }) => this.#fleet.host(ID)?.status === 'Healthy')) resolve();
    };
    const stop = this.#fleet.listen((event) => {
      if (event.type !== 'engine') look();
    });
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }
}

function healthy(host: Host | undefined): Host | undefined {
  return host?.status === 'Healthy' ? host : undefined;
}
