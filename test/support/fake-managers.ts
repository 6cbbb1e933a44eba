/**
 * Several managers of one cluster on real sockets with real certificates, as agents see them: which of them leads, and
 * whether it can be reached, is the test's to say. They serve what an agent asks before it has a session, and sessions
 * that say nothing but what the test sends.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequest } from '../../src/identity/authority.ts';
import { createIdentity, type NodeIdentity } from '../../src/identity/node-identity.ts';
import { newCluster } from '../../src/manager/ca/cluster.ts';
import { certify, newNode } from '../../src/manager/ca/issue.ts';
import { tlsOptions } from '../../src/manager/server/tls.ts';
import { newId } from '../../src/model/id.ts';
import type { Cluster } from '../../src/model/objects.ts';
import type { IssueRequest, ManagerAddress } from '../../src/model/protocol.ts';

export interface Answer {
  status: number;
  body: object;
}

export class FakeManagers {
  /** Absent: there is none just now. */
  leader: FakeManager | undefined;
  readonly all: FakeManager[] = [];
  /** The nodes that have got a certificate since the beginning. */
  readonly issued: string[] = [];
  heartbeatPeriod = 5e9;
  readonly #cluster: Cluster;
  readonly #folder: string;

  private constructor(cluster: Cluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  /** None of them leads. */
  static async start(count: number): Promise<FakeManagers> {
    const cluster = await newCluster({
      id: newId(),
      spec: { Name: 'default' },
      DefaultAddrPool: ['10.0.0.0/8'],
      SubnetSize: 24,
      DataPathPort: 4789,
      now: Date.now(),
    });
    const managers = new FakeManagers(cluster, await mkdtemp(join(tmpdir(), 'essaim-managers-')));
    for (let i = 0; i < count; i++) managers.all.push(await FakeManager.start(managers));
    return managers;
  }

  get token(): string {
    return this.#cluster.internal.joinTokens.Worker;
  }

  get list(): ManagerAddress[] {
    return this.all.map(({ id, address }) => ({ NodeID: id, Addr: address }));
  }

  get clusterId(): string {
    return this.#cluster.ID;
  }

  async node(role: 'worker' | 'manager'): Promise<NodeIdentity> {
    const { csr, key } = await createRequest();
    const { certificate, roots } = await this.issue(csr, role);
    return createIdentity(await mkdtemp(join(this.#folder, 'node-')), { key, certificate, roots });
  }

  async issue(csr: string, role: 'worker' | 'manager') {
    const node = newNode({ id: newId(), role, addr: '127.0.0.1', now: Date.now() });
    this.issued.push(node.ID);
    return certify(this.#cluster, node, csr, Date.now());
  }

  get roots(): string {
    return this.#cluster.internal.caCert;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((manager) => manager.close()));
    await rm(this.#folder, { recursive: true });
  }
}

export class FakeManager {
  readonly id: string;
  /** What it was asked, in order. */
  readonly calls: string[] = [];
  /** Instead of what a manager would say. */
  answer: ((path: string) => Answer | undefined) | undefined;
  readonly sessions: ServerHttp2Stream[] = [];
  /** Milliseconds until it answers. */
  delay = 0;
  readonly #managers: FakeManagers;
  readonly #server: ReturnType<typeof createSecureServer>;
  readonly #front = net.createServer();
  readonly #sockets = new Set<net.Socket>();
  #cut = false;

  static async start(managers: FakeManagers): Promise<FakeManager> {
    const manager = new FakeManager(managers, await managers.node('manager'));
    manager.#server.listen(0, '127.0.0.1');
    manager.#front.listen(0, '127.0.0.1');
    await Promise.all([once(manager.#server, 'listening'), once(manager.#front, 'listening')]);
    return manager;
  }

  private constructor(managers: FakeManagers, identity: NodeIdentity) {
    this.#managers = managers;
    this.id = identity.certificate.nodeId;
    this.#server = createSecureServer(tlsOptions(identity, managers.roots));
    this.#server.on('session', (connection: ServerHttp2Session) => connection.on('error', () => {}));
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      // Who asks may have gone before it has said all.
      this.#handle(stream, headers[':path'] ?? '').catch(() => stream.destroy());
    });
    this.#front.on('connection', (outer) => {
      const inner = net.connect((this.#server.address() as net.AddressInfo).port, '127.0.0.1');
      for (const socket of [outer, inner]) {
        this.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      }
      outer.on('close', () => inner.destroy());
      inner.on('close', () => outer.destroy());
      if (!this.#cut) outer.pipe(inner).pipe(outer);
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#front.address() as net.AddressInfo).port}`;
  }

  /** Nothing gets to it and from it any more, and nobody is told. */
  cutOff(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  ping(): void {
    for (const { session } of this.sessions) if (session && !session.destroyed) session.ping(() => {});
  }

  /** Ends all sessions, as a manager that has lost the leadership. */
  endSessions(): void {
    for (const stream of this.sessions.splice(0)) stream.session?.destroy();
  }

  async close(): Promise<void> {
    this.endSessions();
    for (const socket of this.#sockets) socket.destroy();
    this.#front.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(stream: ServerHttp2Stream, path: string): Promise<void> {
    this.calls.push(path);
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
    const given = this.answer?.(path);
    if (given) return answer(stream, given);
    const { leader, list, roots } = this.#managers;
    const named = leader && { NodeID: leader.id, Addr: leader.address };
    if (path === '/ca') return answer(stream, { status: 200, body: { roots } });
    if (path === '/leader')
      return answer(stream, { status: 200, body: { ...(named && { leader: named }), managers: list } });
    if (leader !== this) {
      const body = { message: 'not the leader', ...(leader && { leader: leader.address }), managers: list };
      return answer(stream, { status: leader ? 421 : 503, body });
    }
    if (path === '/session') return this.#begin(stream);
    if (path === '/leave') return answer(stream, { status: 200, body: {} });
    const { csr } = JSON.parse(Buffer.concat(chunks).toString()) as IssueRequest;
    answer(stream, { status: 200, body: { ...(await this.#managers.issue(csr, 'worker')), managers: list } });
  }

  #begin(stream: ServerHttp2Stream): void {
    this.sessions.push(stream);
    const { clusterId, list: managers, roots, heartbeatPeriod } = this.#managers;
    const hello = { sessionId: 's', nodeId: 'n', clusterId, revision: 1, managers, roots, heartbeatPeriod };
    stream.respond({ ':status': 200 });
    stream.write(`${JSON.stringify({ type: 'session', ...hello })}\n`);
  }
}

function answer(stream: ServerHttp2Stream, { status, body }: Answer): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status });
  stream.end(JSON.stringify(body));
}
