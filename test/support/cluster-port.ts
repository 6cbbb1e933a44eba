/** A manager's cluster port with real sockets and certificates, and nodes that talk to it; the dispatcher is the test's. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JoinOptions, joinCluster } from '../../src/agent/join.ts';
import { createRequest } from '../../src/identity/authority.ts';
import { createIdentity, type NodeIdentity } from '../../src/identity/node-identity.ts';
import { Attachments } from '../../src/manager/attachments.ts';
import { createAuthority } from '../../src/manager/ca/authority.ts';
import { newCluster, theCluster, trustedRoots } from '../../src/manager/ca/cluster.ts';
import { externalAuthorities } from '../../src/manager/ca/external.ts';
import { certify, newNode } from '../../src/manager/ca/issue.ts';
import type { AgentSession, Authority, ClusterServer, Sessions } from '../../src/manager/contract.ts';
import { soleOffice } from '../../src/manager/office.ts';
import { createClusterServer } from '../../src/manager/server.ts';
import { Tunnels } from '../../src/manager/tunnels.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { newId } from '../../src/model/id.ts';
import type { NodeDescription } from '../../src/model/objects.ts';
import type { NetworksApplied, SessionRequest, StatusRequest } from '../../src/model/protocol.ts';
import type { Change, Store } from '../../src/store/contract.ts';
import { openMemoryStore } from '../../src/store/memory.ts';

export const NO_TLS = { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' };

export function describeHost(name: string): NodeDescription {
  return {
    Hostname: name,
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 4e9 },
    Engine: { EngineVersion: '20.10.24', Labels: {}, Plugins: [] },
    TLSInfo: NO_TLS,
  };
}

/** Keeps the node's description in the store, as the dispatcher does, and remembers what it was told. */
export class RecordingSessions implements Sessions {
  readonly open = new Map<string, AgentSession>();
  readonly closedFor: Array<[string, string]> = [];
  readonly statuses: StatusRequest[] = [];
  readonly networksApplied: Array<[string, number]> = [];
  readonly left: string[] = [];
  readonly gone: string[] = [];
  readonly #store: Store;
  heartbeatPeriod = 5e9;
  refusal: Error | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async opened(session: AgentSession, request: SessionRequest): Promise<void> {
    if (this.refusal) throw this.refusal;
    const cluster = theCluster(this.#store.view);
    this.open.set(session.nodeId, session);
    session.send({
      type: 'session',
      sessionId: session.id,
      nodeId: session.nodeId,
      clusterId: cluster.ID,
      revision: this.#store.view.revision,
      managers: [],
      roots: trustedRoots(cluster),
      heartbeatPeriod: this.heartbeatPeriod,
    });
    await this.describe(session, request.description);
  }

  async status(_session: AgentSession, request: StatusRequest): Promise<void> {
    this.statuses.push(request);
  }

  async describe(session: AgentSession, description: NodeDescription): Promise<void> {
    const node = this.#store.view.get('node', session.nodeId);
    if (!node) return;
    const object = { ...node, Description: description };
    await this.#store.commit({ changes: [{ op: 'put', kind: 'node', object }] });
  }

  async networks(session: AgentSession, { revision }: NetworksApplied): Promise<void> {
    this.networksApplied.push([session.nodeId, revision]);
  }

  async away({ nodeId }: AgentSession): Promise<void> {
    this.gone.push(nodeId);
  }

  closed(session: AgentSession, reason: string): void {
    if (this.open.get(session.nodeId) === session) this.open.delete(session.nodeId);
    this.closedFor.push([session.nodeId, reason]);
  }

  async leave(nodeId: string): Promise<void> {
    this.left.push(nodeId);
  }
}

export interface ClusterPort {
  store: Store;
  authority: Authority;
  sessions: RecordingSessions;
  server: ClusterServer;
  tunnels: Tunnels;
  identity: NodeIdentity;
  address: string;
  errors: unknown[];
  /** Whether the manager knows that it still leads. */
  isCurrent: boolean;
  token(): string;
  /** Another node's identity, joined over the wire. */
  join(options?: Partial<JoinOptions>): Promise<NodeIdentity>;
  folder(): Promise<string>;
  close(): Promise<void>;
}

export async function startClusterPort(
  options: { timeout?: number; clock?: Clock } = {},
): Promise<ClusterPort> {
  const clock = options.clock ?? systemClock;
  const base = await mkdtemp(join(tmpdir(), 'essaim-wire-'));
  const folder = () => mkdtemp(join(base, 'node-'));
  const store = openMemoryStore();
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const cluster = await newCluster({
    id: newId(),
    spec: { Name: 'default' },
    DefaultAddrPool: ['10.0.0.0/8'],
    SubnetSize: 24,
    DataPathPort: 4789,
    now: clock.now(),
  });
  const node = newNode({ id: newId(), role: 'manager', addr: '127.0.0.1', now: clock.now() });
  const { csr, key } = await createRequest();
  const { certificate, roots } = await certify(cluster, node, csr, clock.now());
  const identity = await createIdentity(await folder(), { key, certificate, roots });
  const first: Change[] = [
    { op: 'put', kind: 'cluster', object: cluster },
    { op: 'put', kind: 'node', object: node },
  ];
  await store.commit({ changes: first });
  const authority = createAuthority({
    ...{ store, clock, newId, onError },
    external: externalAuthorities(() => identity.credentials),
    rest: async () => {},
  });
  const sessions = new RecordingSessions(store);
  const tunnels = new Tunnels({
    order: async (id, dial) => server.dial(id, dial),
    isDown: (id) => store.view.get('node', id)?.Status.State === 'down',
  });
  const server: ClusterServer = await createClusterServer({
    identity,
    tunnels,
    store,
    office: { ...soleOffice(node.ID), isCurrent: () => port.isCurrent },
    duties: () => ({
      authority,
      sessions,
      attachments: new Attachments({ store, clock, newId }),
      addressesOf: () => [],
    }),
    serveApi: (connection) => connection.destroy(),
    host: '127.0.0.1',
    port: 0,
    newId,
    onError,
    ...(options.timeout !== undefined && { timeout: options.timeout }),
  });
  const address = `127.0.0.1:${server.port}`;
  const token = () => theCluster(store.view).internal.joinTokens.Worker;
  const port: ClusterPort = {
    store,
    authority,
    sessions,
    server,
    tunnels,
    identity,
    address,
    errors,
    isCurrent: true,
    token,
    folder,
    async join(join = {}) {
      const signal = AbortSignal.timeout(10_000);
      const joined = await joinCluster({ remote: address, token: token(), signal, ...join });
      return createIdentity(await folder(), joined.credentials);
    },
    async close() {
      tunnels.close();
      await server.close();
      await authority.close();
      await store.close();
      await rm(base, { recursive: true });
    },
  };
  return port;
}
