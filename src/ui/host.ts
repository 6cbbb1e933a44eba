/** The web interface of a host: there for as long as the host is a manager. */
import type { ManagerFace, Membership } from '../api/contract.ts';
import type { Logger } from '../api/router.ts';
import type { NodesFleet } from '../fleet/nodes.ts';
import type { Clock } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { UiState } from './routes.ts';
import type { UiServer } from './server.ts';

/** After how long it is tried again to listen at a port that somebody has, ms. */
const AGAIN = 5_000;

export interface UiHostOptions {
  membership: Membership;
  /** What is on a manager's nodes. */
  nodes(manager: ManagerFace): Promise<NodesFleet | undefined>;
  /** Of the daemon's own API. */
  socket: string;
  host: string;
  port: number;
  names: readonly string[];
  certificate?: { cert: string; key: string };
  clock: Clock;
  log: Logger;
}

export class UiHost {
  readonly #options: UiHostOptions;
  #for: ManagerFace | undefined;
  #server: UiServer | undefined;
  #error = '';
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: UiHostOptions) {
    this.#options = options;
    options.membership.watch(() => this.#follow());
    this.#follow();
  }

  /** Where it is served, or why it is not. */
  get state(): UiState {
    const { port } = this.#options;
    return { port: this.#server?.port ?? port, serving: this.#server !== undefined, error: this.#error };
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  #follow(): void {
    const manager = this.#isClosed ? undefined : this.#options.membership.manager();
    if (manager === this.#for) return;
    this.#end();
    this.#for = manager;
    if (manager) void this.#start(manager);
  }

  async #start(manager: ManagerFace): Promise<void> {
    const { log, clock } = this.#options;
    try {
      // What only a manager needs costs a worker no memory.
      const [{ Assets }, { UiServer }] = await Promise.all([import('./assets.ts'), import('./server.ts')]);
      const assets = await Assets.load();
      const server = await UiServer.start({ ...this.#options, manager, assets });
      if (this.#for !== manager) {
        server.close();
        return;
      }
      this.#server = server;
      this.#error = '';
      log.info({ port: server.port }, 'serving the web interface');
    } catch (error) {
      if (this.#for !== manager) return;
      this.#error = messageOf(error);
      log.error({ err: error }, 'cannot serve the web interface, and will try again');
      this.#cancel = clock.timer(AGAIN, () => void this.#start(manager));
    }
  }

  #end(): void {
    this.#cancel?.();
    this.#server?.close();
    this.#server = undefined;
    this.#for = undefined;
  }
}
