/** A swarm's nodes served as one engine: followed from the first client on. */
import type { Duplex } from 'node:stream';
import type { ApiRequest, JsonReply } from '../api/router.ts';
import type { Host, Logger } from '../fleet/contract.ts';
import type { NodesFleet } from '../fleet/nodes.ts';
import type { SwarmSide } from './cluster.ts';
import { clusterContext, clusterRoutes } from './context.ts';
import type { ClusterContext } from './contract.ts';
import type { KeepsakeStore } from './keepsakes.ts';
import { Rescheduler } from './rescheduler.ts';
import { created, renamed } from './routes/create.ts';
import { filtersNamed } from './rules/schedule.ts';
import { ClusterServer } from './server.ts';

/** As classic Swarm's default. */
const FAILURE_RETRY = 3;
/** How long (ms) a node that the swarm has lost may take to answer after all. */
const LOOK_TIME = 2_000;

export interface NodesEndpointOptions {
  /** Whoever made it closes it. */
  nodes: NodesFleet;
  /** The manager that this is. */
  nodeId: string;
  /** Whether this manager leads. */
  leads(): boolean;
  /** Which of the nodes that can have a container gets it: spread, binpack or random. */
  strategy: string;
  /** Where what is to outlive its node is kept for the manager that leads next. */
  keepsakes: KeepsakeStore;
  /** See SwarmSide. */
  meshPorts: SwarmSide['meshPorts'];
  askLeader: SwarmSide['askLeader'];
  release: SwarmSide['release'];
  log: Logger;
}

export class NodesEndpoint {
  readonly #server: ClusterServer;
  readonly #context: ClusterContext;
  readonly #nodes: NodesFleet;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;

  constructor({ nodes, log, nodeId, leads, strategy, keepsakes, ...swarm }: NodesEndpointOptions) {
    this.#nodes = nodes;
    const { fleet } = nodes;
    const context = clusterContext({
      fleet,
      scheduling: { strategy, filters: filtersNamed([]) },
      overcommit: 0,
      failureRetry: FAILURE_RETRY,
      ...{ random: Math.random, log, role: () => 'primary' as const },
      swarm: {
        ...swarm,
        accepts: ({ key }) => nodes.node(key)?.Spec.Availability === 'active',
        home: () => healthy(fleet.host(nodeId)),
      },
    });
    this.#context = context;
    this.#server = new ClusterServer({
      ...context,
      cors: false,
      routes: clusterRoutes({ createRetries: 0 }),
    });
    const rescheduler = new Rescheduler({
      ...{ cluster: context.cluster, log, isPrimary: leads, store: keepsakes },
      isGone: (key) => isGone(nodes, key),
    });
    this.#running = rescheduler.run(this.#over.signal);
  }

  /** Answers a client on a connection that was accepted elsewhere. */
  async serve(connection: Duplex): Promise<void> {
    await this.#nodes.known;
    this.#server.serve(connection);
  }

  /** What another manager was asked for, and this one decides. */
  async create(request: ApiRequest): Promise<JsonReply> {
    await this.#nodes.known;
    return created(this.#context, request, 0);
  }

  async rename(request: ApiRequest): Promise<JsonReply> {
    await this.#nodes.known;
    return renamed(this.#context, request, request.params.id!);
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the endpoint is closed'));
    this.#server.close();
    await this.#running;
  }
}

/** Whether the swarm has lost that node, or has it no more, and it does not answer either. */
async function isGone(nodes: NodesFleet, key: string): Promise<boolean> {
  const node = nodes.node(key);
  if (node && node.Status.State !== 'down') return false;
  const host = nodes.fleet.host(key);
  if (!host) return true;
  return host.engine.ping(AbortSignal.timeout(LOOK_TIME)).then(
    () => false,
    () => true,
  );
}

function healthy(host: Host | undefined): Host | undefined {
  return host?.status === 'Healthy' ? host : undefined;
}
