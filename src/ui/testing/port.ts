/** For tests: the port of the web interface on a cluster in memory, with accounts of every role. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { addUser, newToken, signIn } from '../../access/accounts.ts';
import { accessRoutes } from '../../access/routes.ts';
import { wallRoutes } from '../../access/walls.ts';
import { backupRoutes } from '../../api/backup.ts';
import { mergedRoutes } from '../../api/merged/routes.ts';
import { networkCheckRoutes } from '../../api/networks-check.ts';
import { ApiServer } from '../../api/server.ts';
import { swarmRoutes } from '../../api/swarm/routes.ts';
import { TestCluster } from '../../api/swarm/testing/cluster.ts';
import { type EngineClient, unixEngine } from '../../engine/client.ts';
import { NodesFleet } from '../../fleet/nodes.ts';
import { createRoot, issueServerCertificate } from '../../identity/authority.ts';
import type { AccountRole } from '../../model/accounts.ts';
import { systemClock } from '../../model/clock.ts';
import { Assets } from '../assets.ts';
import { COOKIE } from '../gateway/identify.ts';
import { hereRoutes } from '../hosts/here/routes.ts';
import { statsHereRoutes } from '../hosts/here/stats.ts';
import { registriesRoutes } from '../hosts/registries.ts';
import { hostRoutes } from '../hosts/routes.ts';
import { statsRoutes } from '../hosts/stats.ts';
import { lookRoutes, uiRoutes } from '../routes.ts';
import { UiServer } from '../server.ts';
import { stackRoutes } from '../stacks/routes.ts';

export const PASSWORD = 'a swarm of many bees';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Request {
  /** Whose token; of several with all rights of the account. */
  as?: string;
  /** Whose cookie. */
  session?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

export class TestPort implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly api: ApiServer;
  readonly server: UiServer;
  readonly tokens: Readonly<Record<string, string>>;
  readonly #fleet: NodesFleet;
  readonly #folder: string;

  private constructor(
    cluster: TestCluster,
    api: ApiServer,
    server: UiServer,
    tokens: Record<string, string>,
    fleet: NodesFleet,
    folder: string,
  ) {
    this.cluster = cluster;
    this.api = api;
    this.server = server;
    this.tokens = tokens;
    this.#fleet = fleet;
    this.#folder = folder;
  }

  /** With the accounts `administrator`, `operator`, `deployer` (of the stack shop) and `viewer`. `engine`: a socket. `engines`: those of nodes, by id. */
  static async start(
    engine = '/nonexistent/docker.sock',
    engines: Readonly<Record<string, EngineClient>> = {},
  ): Promise<TestPort> {
    const folder = await mkdtemp(join(tmpdir(), 'essaim-ui-'));
    const cluster = await new TestCluster().found();
    const { membership } = cluster;
    membership.manager()!.apiOf = (id) => engines[id] ?? unixEngine(engine);
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const routes = [
      ...mergedRoutes('test'),
      swarmRoutes,
      networkCheckRoutes,
      backupRoutes,
      accessRoutes,
      wallRoutes,
      lookRoutes,
    ];
    const socket = join(folder, 'docker.sock');
    const fleet = new NodesFleet({
      nodes: () => [...cluster.store.view.all('node')].filter(({ ID }) => engines[ID]),
      watch: (listener) => cluster.store.watch(cluster.store.view.revision, listener),
      apiOf: (id) => engines[id]!,
      log,
    });
    const nodes = async (): Promise<NodesFleet> => fleet;
    const own = uiRoutes(() => undefined);
    const api = new ApiServer({
      engine: unixEngine(engine),
      membership,
      log,
      routes: [
        ...routes,
        stackRoutes(socket),
        own,
        hereRoutes,
        statsHereRoutes(() => undefined),
        statsRoutes,
        hostRoutes(nodes),
        registriesRoutes(nodes),
      ],
    });
    await api.listenUnix(socket);
    const root = await createRoot(Date.now());
    const names = { commonName: 'test', names: ['localhost'], addresses: ['127.0.0.1'] };
    const until = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
    const { key, certificate } = await issueServerCertificate(root, { ...names, ...until });
    const manager = membership.manager()!;
    const server = await UiServer.start({
      ...{ manager, nodes, socket, host: '127.0.0.1', port: 0, names: [], log },
      certificate: { key, cert: certificate },
      assets: await Assets.load(),
      clock: systemClock,
    });
    const tokens: Record<string, string> = {};
    for (const name of ['administrator', 'operator', 'deployer', 'viewer']) {
      const stacks = name === 'deployer' ? ['shop'] : undefined;
      await addUser(manager, { name, password: PASSWORD, role: name as AccountRole, stacks });
      tokens[name] = (await newToken(manager, { user: name, name: 'test', scope: 'all' })).secret;
      tokens[`${name}, reading`] = (
        await newToken(manager, { user: name, name: 'read', scope: 'read' })
      ).secret;
    }
    return new TestPort(cluster, api, server, tokens, fleet, folder);
  }

  get host(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  /** The secret of a new session. */
  async signedIn(name: string): Promise<string> {
    const from = { address: '127.0.0.1', agent: 'test' };
    const { secret } = await signIn(this.cluster.membership.manager()!, {
      name,
      password: PASSWORD,
      ...from,
    });
    return secret;
  }

  ask(method: string, path: string, { as, session, headers = {}, body }: Request = {}): Promise<Answer> {
    const bytes =
      body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          ...{
            host: '127.0.0.1',
            port: this.server.port,
            method,
            path,
            rejectUnauthorized: false,
            agent: false,
          },
          headers: {
            ...(as !== undefined && { authorization: `Bearer ${this.tokens[as] ?? as}` }),
            ...(session !== undefined && { cookie: `${COOKIE}=${session}` }),
            ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode!, headers: response.headers, text });
          });
        },
      );
      request.once('error', reject);
      request.end(bytes);
    });
  }

  /** Opens the live socket, or another one; resolves to it, or to the status with which that is refused. */
  live(headers: Record<string, string>, path = '/essaim/live'): Promise<WebSocket | number> {
    const socket = new WebSocket(`wss://${this.host}${path}`, { headers, rejectUnauthorized: false });
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        resolve(response.statusCode!);
      });
      socket.on('error', reject);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    await this.#fleet.close();
    this.api.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
