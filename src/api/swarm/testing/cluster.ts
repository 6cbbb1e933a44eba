/** For tests: a manager with a cluster in memory, and its routes called as functions. */

import { Readable } from 'node:stream';
import { unixEngine } from '../../../engine/client.ts';
import { ApiError } from '../../../model/errors.ts';
import { newId } from '../../../model/id.ts';
import type { Cluster, Node, Task } from '../../../model/objects.ts';
import type { Change } from '../../../store/contract.ts';
import { openMemoryStore } from '../../../store/memory.ts';
import type { ClusterUpdate, InitRequest, JoinRequest, ManagerFace, Membership } from '../../contract.ts';
import { decodeJson } from '../../decode.ts';
import { type ApiContext, type ApiRequest, type Reply, Router } from '../../router.ts';
import { swarmRoutes } from '../routes.ts';
import { SOLE_LEADER } from './leader.ts';

const AT = '2026-01-02T03:04:05.000Z';
const TLS = { TrustRoot: 'root', CertIssuerSubject: 'subject', CertIssuerPublicKey: 'key' };

export function meta(id = newId()) {
  return { ID: id, Version: { Index: 0 }, CreatedAt: AT, UpdatedAt: AT };
}

export function sampleNode(name: string, changes: Partial<Node> = {}): Node {
  return {
    ...meta(),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Description: {
      Hostname: name,
      Platform: { Architecture: 'x86_64', OS: 'linux' },
      Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
      Engine: { EngineVersion: '20.10', Labels: {}, Plugins: [] },
      TLSInfo: TLS,
    },
    Status: { State: 'ready', Addr: '10.0.0.1' },
    internal: {},
    ...changes,
  };
}

export function sampleTask(serviceId: string, changes: Partial<Task> = {}): Task {
  return {
    ...meta(),
    Labels: {},
    Spec: { ContainerSpec: { Image: 'busybox', Isolation: 'default' }, ForceUpdate: 0, Runtime: 'container' },
    ServiceID: serviceId,
    Status: { Timestamp: AT, State: 'new', Message: 'created', PortStatus: {} },
    DesiredState: 'running',
    internal: { specVersion: 0, service: { Name: 'web', Labels: {} } },
    ...changes,
  };
}

function sampleCluster(): Cluster {
  return {
    ...meta(),
    Spec: { Name: 'default', Labels: {}, CAConfig: { NodeCertExpiry: 7776e12, SigningCAKey: 'hidden' } },
    TLSInfo: TLS,
    RootRotationInProgress: false,
    DefaultAddrPool: [],
    SubnetSize: 24,
    DataPathPort: 4789,
    internal: {
      joinTokens: { Worker: 'SWMTKN-1-w', Manager: 'SWMTKN-1-m' },
      caCert: 'certificate',
      caKey: 'secret key',
      oldRoots: [],
      crossSigned: '',
    },
  };
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** The body as JSON, undefined if it is empty or none. */
  body: unknown;
}

export interface AskOptions {
  body?: unknown;
  headers?: Record<string, string>;
  apiVersion?: string;
  signal?: AbortSignal;
}

type Reach = 'manager' | 'worker' | 'inactive' | 'locked';

export class TestCluster {
  readonly store = openMemoryStore();
  readonly router = new Router();
  /** What was asked of the daemon. */
  readonly inits: InitRequest[] = [];
  readonly joins: JoinRequest[] = [];
  readonly leaves: boolean[] = [];
  readonly unlocks: string[] = [];
  unlockKey = '';
  readonly updates: ClusterUpdate[] = [];
  readonly disconnected: string[] = [];
  /** Engines by node. */
  readonly engines = new Map<string, ManagerFace['engineOf']>();
  reach: Reach = 'manager';
  now = Date.parse(AT);
  nodeId = '';
  readonly membership = this.#membership();

  constructor(engine = unixEngine('/nonexistent/docker.sock')) {
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const context: ApiContext = { engine, membership: this.membership, log };
    swarmRoutes(this.router, context);
  }

  /** A cluster with one node, its manager. */
  async found(): Promise<this> {
    const node = sampleNode('node1', {
      Spec: { Labels: {}, Role: 'manager', Availability: 'active' },
      ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: '10.0.0.1:2377' },
    });
    this.nodeId = node.ID;
    await this.put(
      { op: 'put', kind: 'cluster', object: sampleCluster() },
      { op: 'put', kind: 'node', object: node },
    );
    return this;
  }

  async put(...changes: Change[]): Promise<void> {
    await this.store.commit({ changes });
  }

  /** As over HTTP: errors become answers, streams are read to their end. */
  async ask(method: string, url: string, options: AskOptions = {}): Promise<Answer> {
    try {
      return await answerOf(await this.reply(method, url, options));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return answerOf({ status: error.status, body: { message: error.message } });
    }
  }

  async reply(method: string, url: string, options: AskOptions = {}): Promise<Reply> {
    const [path = '', search = ''] = url.split('?');
    const match = this.router.match(method, decodeURIComponent(path));
    if (!match) throw new ApiError(404, 'page not found');
    const request: ApiRequest = {
      method,
      path,
      params: match.params,
      query: new URLSearchParams(search),
      apiVersion: options.apiVersion ?? '1.51',
      headers: options.headers ?? {},
      signal: options.signal ?? new AbortController().signal,
      json: async (schema, type) => decodeJson(JSON.stringify(options.body), schema, type ?? 'body'),
      bytes: async () => Buffer.from(JSON.stringify(options.body)),
      body: () => Readable.from([JSON.stringify(options.body)]),
    };
    return match.handler(request);
  }

  #membership(): Membership {
    const face: ManagerFace = {
      store: this.store,
      leader: SOLE_LEADER,
      nodeId: '',
      cluster: () => [...this.store.view.all('cluster')][0]!,
      updateCluster: async (update) => {
        this.updates.push(update);
      },
      engineOf: (nodeId) => {
        const engine = this.engines.get(nodeId);
        if (!engine) throw new ApiError(503, `node ${nodeId} has no session`);
        return engine(nodeId);
      },
      unlockKey: async () => this.unlockKey,
      backup: async function* () {},
      checkNetworks: async () => ({ revision: 0, hosts: [] }),
      disconnect: (nodeId) => this.disconnected.push(nodeId),
      newId: () => newId(),
      now: () => this.now,
    };
    return {
      status: () => ({
        state: this.reach === 'inactive' || this.reach === 'locked' ? this.reach : 'active',
        nodeId: this.nodeId,
        nodeAddr: '10.0.0.1',
        error: '',
        managers: [],
      }),
      containers: () => undefined,
      watch: () => undefined,
      manager: () => (this.reach === 'manager' ? face : undefined),
      init: async (request) => {
        this.inits.push(request);
        return 'newnode';
      },
      join: async (request) => {
        this.joins.push(request);
      },
      leave: async (force) => {
        this.leaves.push(force);
      },
      unlock: async (key) => {
        this.unlocks.push(key);
      },
      restore: async () => '',
      follow: async () => {},
    };
  }
}

async function answerOf(reply: Reply): Promise<Answer> {
  if ('forward' in reply || 'pass' in reply) throw new Error('a route of the swarm has passed a request on');
  const { status, headers = {} } = reply;
  let text = '';
  if ('text' in reply) text = reply.text;
  else if ('stream' in reply)
    for await (const chunk of reply.stream) text += Buffer.from(chunk).toString('latin1');
  else if (reply.body !== undefined) text = JSON.stringify(reply.body);
  return { status, headers, text, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
