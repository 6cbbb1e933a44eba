/** Keeps this host's networks as the manager wants them, and tells it how far they are. */
import { messageOf } from '../model/errors.ts';
import { type NetworkState, type NetworkUpdate, updatedState } from '../model/network-state.ts';
import type { NetworksApplied } from '../model/protocol.ts';
import type { HostNetworks, ManagerSession } from './contract.ts';

export class NetworkFollower {
  readonly #networks: HostNetworks;
  readonly #log: (message: string) => void;
  #state: NetworkState | undefined;
  #session: ManagerSession | undefined;

  constructor(networks: HostNetworks, log: (message: string) => void) {
    this.#networks = networks;
    this.#log = log;
  }

  /** Updates of one session follow each other; the first one of each is all there is. */
  follow(update: NetworkUpdate, session: ManagerSession): void {
    const state = updatedState(this.#session === session ? this.#state : undefined, update);
    if (!state) return;
    this.#state = state;
    this.#session = session;
    this.#networks.apply(state).then(
      () => this.#tell({ revision: state.revision }, session),
      (error: unknown) => {
        this.#log(`the networks of this host are not all right yet: ${messageOf(error)}`);
        this.#tell({ revision: state.revision, failed: true }, session);
      },
    );
  }

  /** Whether clients are led to tasks of that service at its published ports, as far as is known here. */
  isCalled(serviceId: string): boolean {
    const ports = this.#state?.published ?? [];
    return ports.some((port) => port.serviceId === serviceId && port.targets.length > 0);
  }

  /** Nobody has to wait for this host: what is not told is told with the next update. */
  #tell(applied: NetworksApplied, session: ManagerSession): void {
    session.networksApplied(applied).catch((error: unknown) => {
      if (this.#session === session) this.#log(`the manager was not told of networks: ${messageOf(error)}`);
    });
  }
}
