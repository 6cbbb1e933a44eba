/** Overlays as the engine of this host knows them: a local network each, of our driver. */
import type { OverlayState } from '../model/network-state.ts';
import { isV6 } from './address.ts';
import type { EngineNetwork, NetworkEngine } from './contract.ts';

export const DRIVER = 'essaim';
/** Driver option and label with the overlay's id. */
export const NETWORK_OPTION = 'essaim.network';

/** What the engine tells of one. */
export interface ListedNetwork {
  Id: string;
  Name: string;
  Labels: Record<string, string> | null;
}

/** Those that the engine has. */
export function listEngineNetworks(engine: NetworkEngine): Promise<ListedNetwork[]> {
  return engine.json('GET', '/networks', { query: { filters: { label: [NETWORK_OPTION] } } });
}

/** What the engine is asked to create. */
export function engineNetworkRequest(overlay: OverlayState, name: string): Record<string, unknown> {
  return {
    Name: name,
    Driver: DRIVER,
    Internal: overlay.internal,
    EnableIPv6: overlay.subnets.some(({ subnet }) => isV6(subnet)),
    IPAM: {
      Driver: 'default',
      Config: overlay.subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
    },
    Options: { [NETWORK_OPTION]: overlay.id },
    Labels: { [NETWORK_OPTION]: overlay.id },
  };
}

export class EngineNetworks {
  readonly #engine: NetworkEngine;
  readonly #creating = new Map<string, Promise<EngineNetwork>>();

  constructor(engine: NetworkEngine) {
    this.#engine = engine;
  }

  /**
   * The engine's network for that overlay, made where there is none.
   * @param wanted ids of the overlays that are to be there: others make room
   * @throws the engine's error
   */
  ensure(overlay: OverlayState, wanted: ReadonlySet<string>): Promise<EngineNetwork> {
    const creating =
      this.#creating.get(overlay.id) ??
      this.#ensure(overlay, wanted).finally(() => this.#creating.delete(overlay.id));
    this.#creating.set(overlay.id, creating);
    return creating;
  }

  /** Removes the networks of overlays that are not wanted. False if a container is still on one of them: ask again. */
  async prune(wanted: ReadonlySet<string>): Promise<boolean> {
    let done = true;
    for (const { Id, Labels } of await listEngineNetworks(this.#engine)) {
      const networkId = Labels?.[NETWORK_OPTION];
      if (networkId === undefined || wanted.has(networkId) || this.#creating.has(networkId)) continue;
      try {
        await this.#engine.json('DELETE', `/networks/${Id}`);
      } catch (error) {
        // It has containers still (403), or somebody was faster (404).
        const { status } = error as { status?: number };
        if (status !== 403 && status !== 404) throw error;
        if (status === 403) done = false;
      }
    }
    return done;
  }

  async #ensure(overlay: OverlayState, wanted: ReadonlySet<string>): Promise<EngineNetwork> {
    const known = (await listEngineNetworks(this.#engine)).find(
      ({ Labels }) => Labels?.[NETWORK_OPTION] === overlay.id,
    );
    if (known) return { engineNetworkId: known.Id, name: known.Name };
    try {
      return await this.#create(overlay, overlay.name);
    } catch (error) {
      // A network of that name (409) or with that subnet (403) is there. It may be one that the cluster has no more.
      const { status } = error as { status?: number };
      if (status !== 409 && status !== 403) throw error;
      await this.prune(wanted);
      return this.#create(
        overlay,
        status === 409 ? `${overlay.name}.${overlay.id.slice(0, 12)}` : overlay.name,
      );
    }
  }

  async #create(overlay: OverlayState, name: string): Promise<EngineNetwork> {
    const body = engineNetworkRequest(overlay, name);
    const { Id } = await this.#engine.json<{ Id: string }>('POST', '/networks/create', { body });
    return { engineNetworkId: Id, name };
  }
}
