/**
 * The swarm as one engine: a socket beside the daemon's own that is always there, and TCP with mutual TLS where asked for.
 * What answers is loaded with the first client of a manager.
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
import { ApiError } from '../model/errors.ts';
import type { Log } from './log.ts';
import type { NodesOfManager } from './nodes.ts';

const NO_MANAGER =
  'This node is not a swarm manager. The cluster is served as one engine by its managers: connect to one of them.';

export class ClusterEndpoint {
  readonly #membership: Membership;
  readonly #nodes: NodesOfManager;
  readonly #strategy: string;
  readonly #log: Log;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
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
    membership.watch(() => {
      if (this.#current && this.#current.face !== membership.manager()) void this.#leave();
    });
  }

  listenUnix(path: string): Promise<void> {
    return listenUnix(this.#add(createServer({ allowHalfOpen: true }), 'connection'), path);
  }

  async listenTls(host: string, port: number, tls: ServerTls): Promise<void> {
    const verify = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' as const };
    const server = createTlsServer({ ...tls, ...verify, allowHalfOpen: true });
    await listen(this.#add(server, 'secureConnection'), { host, port });
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
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#leave();
  }

  #add(server: Server, event: 'connection' | 'secureConnection'): Server {
    const accept = (socket: Socket): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      void this.#serve(socket);
    };
    server.on(event, accept);
    this.#servers.push(server);
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
      this.#current = { face, endpoint: this.#open(face) };
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

/** The same request for another path. */
function at(path: string, request: ApiRequest): ApiRequest {
  const { method, params, query, headers, signal } = request;
  return {
    ...{ method, path, params, query, headers, signal },
    apiVersion: API_VERSION,
    json: (schema, type) => request.json(schema, type),
    bytes: (most) => request.bytes(most),
  };
}
/** As old as any that a manager's API is asked in. */
const API_VERSION = '1.41';
