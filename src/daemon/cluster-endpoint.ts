/**
 * The swarm as one engine: a socket beside the daemon's own that is always there, and TCP with mutual TLS where asked for.
 * What answers is loaded with the first client of a manager; or where there is something that is to outlive its node, by the
 * manager that leads.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { ManagerFace, Membership } from '../api/contract.ts';
import { listen, listenUnix } from '../api/listen.ts';
import { askLeader } from '../api/pass-on.ts';
import { refuseRaw } from '../api/refuse.ts';
import type { ApiRequest, RouteModule } from '../api/router.ts';
import type { ServerTls } from '../api/server.ts';
import { leaderOf } from '../api/swarm/access.ts';
import { DECIDED } from '../classic/decided.ts';
import type { NodesEndpoint } from '../classic/nodes-endpoint.ts';
import type { HostPort } from '../fleet/records.ts';
import { systemClock } from '../model/clock.ts';
import { isIngressPort } from '../model/endpoint.ts';
import { ApiError } from '../model/errors.ts';
import type { View } from '../store/contract.ts';
import { storedKeepsakes } from './manager/keepsakes.ts';
import type { NodesOfManager } from './manager/nodes.ts';
import type { Log } from './process/log.ts';

const NO_MANAGER =
  'This node is not a swarm manager. The cluster is served as one engine by its managers: connect to one of them.';

/** After how long it is tried again to listen at a port that somebody has (ms). */
const AGAIN = 5_000;

/** How often (ms) it is looked whether there is something that is to outlive its node. */
const LOOK_EVERY = 5_000;

/** Where it is to be served over TCP. */
interface Place {
  host: string;
  port: number;
  tls: ServerTls;
  /** While this host is a manager; it may not have its port yet. */
  server: Server | undefined;
  cancel: (() => void) | undefined;
}

export class ClusterEndpoint {
  readonly #membership: Membership;
  readonly #nodes: NodesOfManager;
  readonly #strategy: string;
  readonly #log: Log;
  readonly #servers = new Set<Server>();
  readonly #places: Place[] = [];
  readonly #sockets = new Set<Socket>();
  #closed = false;
  #cancelLook: () => void = () => undefined;
  #current: { face: ManagerFace; endpoint: Promise<NodesEndpoint> } | undefined;

  constructor({
    membership,
    nodes,
    strategy,
    log,
  }: { membership: Membership; nodes: NodesOfManager; strategy: string; log: Log }) {
    this.#membership = membership;
    this.#nodes = nodes;
    this.#strategy = strategy;
    this.#log = log;
    this.#look();
    membership.watch(() => {
      if (this.#current && this.#current.face !== membership.manager()) void this.#leave();
      this.#follow();
    });
  }

  listenUnix(path: string): Promise<void> {
    return listenUnix(this.#add(createServer({ allowHalfOpen: true }), 'connection'), path);
  }

  /** Listens there for as long as this host is a manager: on any other one the port is free for what runs there. */
  listenTls(host: string, port: number, tls: ServerTls): void {
    this.#places.push({ host, port, tls, server: undefined, cancel: undefined });
    this.#follow();
  }

  /** What other managers leave to the one that leads: names and places are given by it alone. */
  get routes(): RouteModule {
    return (router, { membership }) => {
      router.post(`${DECIDED}/containers/create`, async (request) =>
        (await this.#endpoint(leaderOf(membership))).create(request),
      );
      router.post(`${DECIDED}/containers/{id}/rename`, async (request) =>
        (await this.#endpoint(leaderOf(membership))).rename(request),
      );
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook();
    this.#follow();
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#leave();
  }

  #look(): void {
    if (this.#closed) return;
    this.#cancelLook = systemClock.timer(LOOK_EVERY, () => this.#look());
    const face = this.#membership.manager();
    if (!face || this.#current?.face === face || !face.leader.isHere()) return;
    if (face.store.view.count('keepsake') === 0) return;
    this.#endpoint(face).catch((error: unknown) =>
      this.#log.error({ err: error }, 'cannot look after containers that are to outlive their nodes'),
    );
  }

  #follow(): void {
    const manages = !this.#closed && this.#membership.manager() !== undefined;
    for (const place of this.#places) {
      if (manages && !place.server) void this.#listen(place);
      if (manages || !place.server) continue;
      place.cancel?.();
      this.#servers.delete(place.server);
      place.server.close();
      place.server = undefined;
    }
  }

  async #listen(place: Place): Promise<void> {
    const { host, port, tls } = place;
    const verify = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' as const };
    const server = createTlsServer({ ...tls, ...verify, allowHalfOpen: true });
    place.server = this.#add(server, 'secureConnection');
    try {
      await listen(server, { host, port });
    } catch (error) {
      if (place.server !== server) return;
      this.#log.error({ err: error, port }, 'cannot serve the swarm as one engine, and will try again');
      place.cancel = systemClock.timer(AGAIN, () => {
        this.#servers.delete(server);
        place.server = undefined;
        this.#follow();
      });
    }
  }

  #add(server: Server, event: 'connection' | 'secureConnection'): Server {
    const accept = (socket: Socket): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      void this.#serve(socket);
    };
    server.on(event, accept);
    this.#servers.add(server);
    return server;
  }

  async #serve(socket: Socket): Promise<void> {
    const face = this.#membership.manager();
    if (!face) {
      // What is asked is read first, or the client would not read the answer.
      socket.once('data', () =>
        refuseRaw(socket, 503, 'application/json', JSON.stringify({ message: NO_MANAGER })),
      );
      return;
    }
    try {
      const endpoint = await this.#endpoint(face);
      await endpoint.serve(socket);
    } catch (error) {
      this.#log.error({ err: error }, 'cannot serve the cluster as one engine');
      socket.destroy();
    }
  }

  #endpoint(face: ManagerFace): Promise<NodesEndpoint> {
    if (this.#current?.face !== face) {
      void this.#leave();
      const endpoint = this.#open(face);
      this.#current = { face, endpoint };
      // The next one who asks has it tried again.
      endpoint.catch(() => {
        if (this.#current?.endpoint === endpoint) this.#current = undefined;
      });
    }
    return this.#current!.endpoint;
  }

  async #open(face: ManagerFace): Promise<NodesEndpoint> {
    const { NodesEndpoint } = await import('../classic/nodes-endpoint.ts');
    const nodes = await this.#nodes.of(face);
    if (!nodes) throw new ApiError(503, NO_MANAGER);
    const { nodeId, leader } = face;
    const strategy = this.#strategy;
    return new NodesEndpoint({
      ...{ nodes, nodeId, leads: () => leader.isHere(), strategy, log: this.#log },
      keepsakes: storedKeepsakes(face),
      meshPorts: () => meshPorts(face.store.view),
      release: (containerId) => releaseAttachments(face, containerId),
      askLeader: (request, path) => askLeader(face, at(path, request)),
    });
  }

  async #leave(): Promise<void> {
    const left = this.#current;
    this.#current = undefined;
    const endpoint = await left?.endpoint.catch(() => undefined);
    await endpoint?.close();
  }
}

/** Ports at which every node answers for services. */
function meshPorts(view: View): HostPort[] {
  const published = [...view.all('service')].flatMap(({ Endpoint }) => Endpoint?.Ports ?? []);
  return published
    .filter(isIngressPort)
    .flatMap(({ PublishedPort: port }) => (port ? [{ ip: '', port }] : []));
}

async function releaseAttachments({ store }: ManagerFace, containerId: string): Promise<void> {
  await store.commit((view) => ({
    changes: [...view.all('attachment')]
      .filter(({ internal }) => internal.container?.id === containerId)
      .map(({ ID, Version }) => ({ op: 'delete', kind: 'attachment', id: ID, revision: Version.Index })),
  }));
}

/** The same request for another path. */
function at(path: string, request: ApiRequest): ApiRequest {
  const { method, params, query, headers, signal } = request;
  return {
    ...{ method, path, params, query, headers, signal },
    apiVersion: API_VERSION,
    json: (schema, type) => request.json(schema, type),
    bytes: (most) => request.bytes(most),
    body: () => request.body(),
  };
}
/** As old as any that a manager's API is asked in. */
const API_VERSION = '1.41';
