/** The registry of a host: its port answers as long as the daemon runs, out of what this host knows while it is a manager. */
import type { ManagerFace, Membership } from '../api/contract.ts';
import { Router } from '../api/router.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import { Follower, type Logger } from './follower.ts';
import { catalogRoutes } from './http/catalog-routes.ts';
import type { Route } from './http/contract.ts';
import { RegistryServer } from './http/server.ts';

const NO_MANAGER =
  'No cluster leader: this node is not a swarm manager. The registry is served by managers: ask one of them, or make this node one.';

export interface RegistryHostOptions {
  membership: Membership;
  addresses: ReadonlyArray<{ host: string; port: number }>;
  version: string;
  clock: Clock;
  log: Logger;
}

interface Serving {
  face: ManagerFace;
  follower: Follower;
  router: Router<Route>;
}

export class RegistryHost {
  readonly #options: RegistryHostOptions;
  readonly #servers: RegistryServer[] = [];
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
          router: () => host.#router(),
          isStale: () => host.#isStale(),
          log: options.log,
        });
        host.#servers.push(server);
      }
    } catch (error) {
      await host.close();
      throw error;
    }
    return host;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    const left = this.#serving;
    this.#serving = undefined;
    await left?.follower.close();
  }

  #follow(): void {
    const face = this.#options.membership.manager();
    if (face === this.#serving?.face) return;
    void this.#serving?.follower.close();
    this.#serving = face && this.#serve(face);
  }

  #serve(face: ManagerFace): Serving {
    const { clock, log, version } = this.#options;
    const { store, nodeId } = face;
    const follower = new Follower({ store, engineOf: (id) => face.engineOf(id), clock, log });
    const router = new Router<Route>();
    const leaderAddress = (): string | undefined =>
      [...store.view.all('node')].find(({ ManagerStatus }) => ManagerStatus?.Leader)?.ManagerStatus?.Addr;
    catalogRoutes(router, { catalog: follower.catalog, nodeId, leaderAddress, version });
    return { face, follower, router };
  }

  /** Not before it is known what there is: an empty answer would have clients forget everything. */
  async #router(): Promise<Router<Route>> {
    const serving = this.#serving;
    if (!serving) throw new ApiError(500, NO_MANAGER);
    await serving.follower.known;
    return serving.router;
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
