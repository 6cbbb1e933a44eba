/** The registry of a host: its port answers as long as the daemon runs, out of what this host knows while it is a manager. */
import type { ManagerFace, Membership } from '../api/contract.ts';
import { Router } from '../api/router.ts';
import type { EngineClient } from '../engine/client.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import { RegistryDns } from './dns.ts';
import { Follower, type Logger } from './follower.ts';
import { catalogRoutes } from './http/catalog-routes.ts';
import type { Route } from './http/contract.ts';
import { kvError, kvRoutes } from './http/kv-routes.ts';
import { RegistryServer, type Served } from './http/server.ts';
import type { Command, Result } from './kv/command.ts';
import { KeyWatch } from './kv/subject.ts';

const NO_MANAGER =
  'No cluster leader: this node is not a swarm manager. The registry is served by managers: ask one of them, or make this node one.';

export interface RegistryHostOptions {
  /** Of the daemon's own API, which knows the leader. */
  api: EngineClient;
  membership: Membership;
  addresses: ReadonlyArray<{ host: string; port: number }>;
  /** Where names are answered, at the same addresses; 0: nowhere. */
  dnsPort: number;
  version: string;
  clock: Clock;
  log: Logger;
}

interface Serving {
  face: ManagerFace;
  follower: Follower;
  watch: KeyWatch;
  over: AbortController;
  /** What is known of the hosts counts. */
  isKnown: boolean;
  router: Router<Route>;
}

export class RegistryHost {
  readonly #options: RegistryHostOptions;
  readonly #servers: RegistryServer[] = [];
  readonly #names: RegistryDns[] = [];
  #serving: Serving | undefined;

  private constructor(options: RegistryHostOptions) {
    this.#options = options;
    options.membership.watch(() => this.#follow());
    this.#follow();
  }

  /** @throws what the system says if it cannot listen at one of the addresses */
  static async start(options: RegistryHostOptions): Promise<RegistryHost> {
    const host = new RegistryHost(options);
    try {
      for (const where of options.addresses) {
        const server = await RegistryServer.start(where, {
          serving: () => host.#served(),
          isStale: () => host.#isStale(),
          log: options.log,
        });
        host.#servers.push(server);
      }
      // Several ports may be at one address.
      for (const address of new Set(options.addresses.map((where) => where.host)))
        if (options.dnsPort > 0) await host.#answerNames(address);
    } catch (error) {
      await host.close();
      throw error;
    }
    return host;
  }

  /** What is registered, and how many wait; undefined on a host that is no manager. */
  get figures(): { services: number; instances: number; waiting: number } | undefined {
    const catalog = this.#serving?.follower.catalog;
    return catalog && { ...catalog.counts, waiting: catalog.topics.waiting };
  }

  async #answerNames(address: string): Promise<void> {
    const { log, dnsPort: port } = this.#options;
    const catalog = () => (this.#serving?.isKnown ? this.#serving.follower.catalog : undefined);
    const broken = (err: Error) => log.error({ err }, `the registry answers no more names at ${address}`);
    this.#names.push(await RegistryDns.start({ host: address, port }, catalog, broken));
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    await Promise.all(this.#names.map((names) => names.close()));
    const left = this.#serving;
    this.#serving = undefined;
    await end(left);
  }

  #follow(): void {
    const face = this.#options.membership.manager();
    if (face === this.#serving?.face) return;
    void end(this.#serving);
    this.#serving = face && this.#serve(face);
  }

  #serve(face: ManagerFace): Serving {
    const { clock, log, version } = this.#options;
    const { store, nodeId } = face;
    const follower = new Follower({ store, engineOf: (id) => face.engineOf(id), clock, log });
    const router = new Router<Route>();
    const leaderAddress = (): string | undefined =>
      [...store.view.managers()].find(({ ManagerStatus }) => ManagerStatus?.Leader)?.ManagerStatus?.Addr;
    catalogRoutes(router, { catalog: follower.catalog, nodeId, leaderAddress, version });
    const watch = new KeyWatch(store);
    kvRoutes(router, {
      ...{ view: store.view, watch },
      hostName: () => follower.catalog.host(nodeId)?.name ?? nodeId,
      command: (command, signal) => this.#command(command, signal),
    });
    const serving: Serving = { face, follower, watch, router, isKnown: false, over: new AbortController() };
    void follower.known.then(() => {
      serving.isKnown = true;
    });
    return serving;
  }

  async #command(command: Command, signal: AbortSignal): Promise<Result> {
    try {
      return await this.#options.api.json<Result>('POST', '/essaim/registry', { body: command, signal });
    } catch (error) {
      throw kvError(error);
    }
  }

  /** Not before it is known what there is: an empty answer would have clients forget everything. */
  async #served(): Promise<Served> {
    const serving = this.#serving;
    if (!serving) throw new ApiError(500, NO_MANAGER);
    await serving.follower.known;
    return { router: serving.router, over: serving.over.signal };
  }

  #isStale(): boolean {
    try {
      this.#serving?.face.leader.requireCurrent();
      return this.#serving === undefined;
    } catch {
      return true;
    }
  }
}

async function end(serving: Serving | undefined): Promise<void> {
  serving?.over.abort();
  serving?.watch.close();
  await serving?.follower.close();
}
