/**
 * The server on the cluster port: HTTP/2 with mutual TLS, see model/protocol.ts. Connections without a certificate get
 * as far as asking for one; everything else takes the certificate of a node that is in the store at that moment.
 */
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { KEEP_ALIVE } from '../agent/tunnel.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError, noLeader } from '../model/errors.ts';
import type { NodeDescription } from '../model/objects.ts';
import type { LeaderAnswer, ManagerAddress, NotLeading } from '../model/protocol.ts';
import { OTHER_VERSION, PROTOCOL_HEADER, parseSpoken, versionProblem } from '../model/protocol-version.ts';
import type { Commit, Store } from '../store/contract.ts';
import { theCluster, trustedRoots } from './ca/cluster.ts';
import type { ClusterServer, Duties, Office } from './contract.ts';
import { managersOf } from './managers.ts';
import { WireSession } from './server/agent-session.ts';
import { answer, readJson } from './server/body.ts';
import { limitLifetime } from './server/lifetime.ts';
import { authorize, type Peer, peerOf } from './server/peer.ts';
import { type Call, LARGE, NODES, routesOf } from './server/routes.ts';
import { sessionRequest } from './server/schemas.ts';
import { Strangers } from './server/strangers.ts';
import { tlsOptions } from './server/tls.ts';
import type { Tunnels } from './tunnels.ts';

export interface ClusterServerOptions {
  identity: NodeIdentity;
  store: Store;
  /** Undefined while this manager does not lead. */
  duties(): Duties | undefined;
  office: Office;
  /** Those that nodes open to this manager. */
  tunnels: Pick<Tunnels, 'joined' | 'lost'>;
  /** Serves the API of this manager on a connection from another one. */
  serveApi(connection: Duplex): void;
  host: string;
  /** 0: any free one. */
  port: number;
  newId(): string;
  /** Told of errors that are nobody's answer. */
  onError(error: unknown): void;
  /** How long (ms) a handshake and a request's body may take; a connection that carries nothing lasts three times that. */
  timeout?: number;
}

/** Another manager is to be asked, or nobody can be just now. Nothing was done. */
class NotLeadingHere extends ApiError {
  readonly instead: Omit<NotLeading, 'message'>;
  constructor(leader: string | undefined, managers: ManagerAddress[]) {
    if (leader) super(421, `this manager does not lead the swarm; ask ${leader}`);
    else super(503, noLeader().message);
    this.instead = { ...(leader && { leader }), managers };
  }
}

const MAX_STREAMS = 1000;
const WINDOW = 1024 * 1024;

export async function createClusterServer(options: ClusterServerOptions): Promise<ClusterServer> {
  const { identity, store, office, onError, timeout = 10_000 } = options;
  const peers = new WeakMap<ServerHttp2Session, Peer>();
  const connections = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const byNode = new Map<string, WireSession>();
  const strangers = new Strangers();
  /** Nodes of other versions, which were told of. */
  const refused = new Set<string>();
  const own = identity.certificate.nodeId;
  const rootsNow = (): string => trustedRoots(theCluster(store.view));
  let roots = rootsNow();
  let signedBy = theCluster(store.view).internal.caCert;

  const server = createSecureServer({
    ...tlsOptions(identity, roots),
    handshakeTimeout: timeout,
    settings: { maxConcurrentStreams: MAX_STREAMS, initialWindowSize: WINDOW },
    maxSessionMemory: 64,
  });

  server.on('session', (connection) => {
    const peer = peerOf(connection);
    peers.set(connection, peer);
    connections.add(connection);
    connection.setLocalWindowSize(16 * WINDOW);
    connection.on('error', () => connection.destroy());
    connection.on('close', () => connections.delete(connection));
    limitLifetime(connection, peer.node === undefined, 3 * timeout);
    if (peer.node === undefined) strangers.admit(connection);
  });

  function hasSession(peer: Peer, connection: ServerHttp2Session): boolean {
    return byNode.get(peer.node?.nodeId ?? '')?.isOn(connection) === true;
  }

  server.on('connection', (socket: Socket) => {
    socket.setKeepAlive(true, KEEP_ALIVE);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  // Who cannot speak TLS or HTTP/2 is not worth a word.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('unknownProtocol', (socket) => socket.destroy());
  server.on('sessionError', (_error, connection) => connection.destroy());

  server.on('stream', (stream, headers) => {
    stream.on('error', () => stream.destroy());
    handle(stream, headers).catch((error: unknown) => {
      if (!(error instanceof ApiError)) onError(error);
      const status = error instanceof ApiError ? error.status : 500;
      const message = error instanceof Error ? error.message : String(error);
      answer(stream, status, { message, ...(error instanceof NotLeadingHere && error.instead) });
    });
  });

  async function handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const connection = stream.session as ServerHttp2Session | undefined;
    const peer = connection && peers.get(connection);
    if (connection === undefined || peer === undefined) {
      stream.destroy();
      return;
    }
    if (peer.node === undefined) strangers.take(connection, stream);
    refuseOtherVersions(peer, headers);
    for (const { method, path, roles, handle } of routes) {
      const match = path.exec(headers[':path'] ?? '');
      if (match === null || headers[':method'] !== method) continue;
      const nodeId = roles === undefined ? '' : authorize(peer, roles, store.view);
      return handle({ stream, peer, nodeId, params: match.groups ?? {} });
    }
    // Who is not known is not told what there is.
    authorize(peer, NODES, store.view);
    throw new ApiError(404, 'page not found');
  }

  function refuseOtherVersions({ node }: Peer, headers: IncomingHttpHeaders): void {
    const problem = versionProblem(parseSpoken(headers[PROTOCOL_HEADER]));
    if (problem === undefined) return;
    if (node && !refused.has(node.nodeId)) {
      refused.add(node.nodeId);
      onError(new Error(`node ${node.nodeId} is refused: ${problem}`));
    }
    throw new ApiError(OTHER_VERSION, problem);
  }

  const routes = routesOf({
    ...{ duties, leader, timeout, disconnect, askToRenew, openSession, sessionOf },
    roots: rootsNow,
    serveApi: options.serveApi,
    dial(nodeId, request, by) {
      const manager = managersOf(store.view).find(({ NodeID }) => NodeID === by)?.Addr;
      if (manager === undefined) throw new ApiError(403, `node ${by} is not among the managers`);
      sessionWith(nodeId).dial({ ...request, manager });
    },
    tunnel: (nodeId, key, stream) => options.tunnels.joined(nodeId, key, stream),
  });

  function duties(): Duties {
    const present = options.duties();
    if (present) return present;
    const { leader: other, managers } = leader();
    throw new NotLeadingHere(other?.Addr, managers);
  }

  function leader(): LeaderAnswer {
    const managers = managersOf(store.view);
    const found = managers.find(({ NodeID }) => NodeID === office.leader());
    // Who has stood still for a while may be put off already, and has to look first.
    const isSure = found?.NodeID !== own || office.isCurrent();
    return { ...(found && isSure && { leader: found }), managers };
  }

  async function openSession({ stream, peer, nodeId }: Call): Promise<void> {
    const connection = stream.session as ServerHttp2Session;
    const { sessions } = duties();
    if (!office.isCurrent()) throw new NotLeadingHere(undefined, managersOf(store.view));
    const request = await readJson(stream, sessionRequest, { limit: LARGE, timeout });
    if (hasSession(peer, connection)) throw new ApiError(400, 'this connection carries a session already');
    byNode.get(nodeId)?.close('the node has opened a new session');
    const session = new WireSession(
      { id: options.newId(), nodeId, remoteAddr: peer.remoteAddr },
      stream,
      connection,
      (reason) => {
        if (byNode.get(nodeId) === session) byNode.delete(nodeId);
        sessions.closed(session, reason);
      },
    );
    byNode.set(nodeId, session);
    try {
      await sessions.opened(session, request);
    } catch (error) {
      if (session.refuse(`refused: ${(error as Error).message}`)) throw error;
      if (!(error instanceof ApiError)) onError(error);
      return;
    }
    askToRenew(session, request.description);
  }

  function sessionWith(nodeId: string): WireSession {
    const session = byNode.get(nodeId);
    if (session === undefined) throw new ApiError(503, `node ${nodeId} has no session with this manager`);
    return session;
  }

  function sessionOf({ nodeId, params }: Call): WireSession {
    const session = byNode.get(nodeId);
    if (session === undefined || session.id !== params.id)
      throw new ApiError(404, `session ${params.id} of node ${nodeId} is over`);
    return session;
  }

  /** A rotation waits for every node's certificate: who comes with an old one is told, however it came to miss it. */
  function askToRenew(session: WireSession, { TLSInfo }: NodeDescription): void {
    const wanted = theCluster(store.view).TLSInfo;
    const same =
      TLSInfo.CertIssuerPublicKey === wanted.CertIssuerPublicKey &&
      TLSInfo.CertIssuerSubject === wanted.CertIssuerSubject;
    if (!same) session.send({ type: 'trust', roots, renew: true });
  }

  function disconnect(nodeId: string): void {
    options.tunnels.lost(nodeId);
    byNode.get(nodeId)?.close('the node is not part of the cluster any more');
    for (const connection of connectionsOf(nodeId)) connection.destroy();
  }

  function connectionsOf(nodeId: string): ServerHttp2Session[] {
    return [...connections].filter((connection) => peers.get(connection)?.node?.nodeId === nodeId);
  }

  function endSessions(reason: string): void {
    for (const session of [...byNode.values()]) session.close(reason);
  }

  function onCommit({ events }: Commit): void {
    for (const { kind, id, after } of events) {
      if (kind === 'node' && after === undefined) disconnect(id);
      if (kind === 'node' && after?.Status.State === 'down') tunnelsEnd(id);
      if (kind === 'cluster' && after !== undefined) trustAnew();
    }
  }

  /** Nothing comes from a host that is down: who waits for it is to know. */
  function tunnelsEnd(nodeId: string): void {
    options.tunnels.lost(nodeId);
    for (const connection of connectionsOf(nodeId))
      if (!byNode.get(nodeId)?.isOn(connection)) connection.destroy();
  }

  function trustAnew(): void {
    const { caCert } = theCluster(store.view).internal;
    const next = rootsNow();
    if (next === roots && caCert === signedBy) return;
    const renew = caCert !== signedBy;
    roots = next;
    signedBy = caCert;
    server.setSecureContext(tlsOptions(identity, roots));
    for (const session of byNode.values()) session.send({ type: 'trust', roots, renew });
  }

  const unwatch = store.watch(store.view.revision, onCommit);
  const forget = identity.onChange(() => server.setSecureContext(tlsOptions(identity, roots)));

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      server.on('error', onError);
      resolve();
    });
  });
  const { address, port } = server.address() as AddressInfo;

  return {
    address,
    port,
    dial(nodeId, request) {
      const session = sessionWith(nodeId);
      session.dial(request);
      return session.signal;
    },
    check: async (nodeId, patience) => sessionWith(nodeId).check(patience),
    disconnect,
    endSessions,
    async close() {
      unwatch();
      forget();
      endSessions('the manager is stopping');
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
