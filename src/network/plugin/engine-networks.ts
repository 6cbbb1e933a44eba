/** Overlays as the engine of this host knows them: a local network each, of our driver. */
import type { ListedOverlay } from '../../model/network-state.ts';
import { isV4, isV6 } from '../address.ts';
import type { EngineNetwork, NetworkEngine } from '../contract.ts';
import { kernelHasIPv6 } from '../kernel/ipv6.ts';

export const DRIVER = 'essaim';
/** Driver option and label with the overlay's id. */
export const NETWORK_OPTION = 'essaim.network';

/** What the engine tells of one. */
export interface ListedNetwork {
  Id: string;
  Name: string;
  Labels: Record<string, string> | null;
  EnableIPv6?: boolean;
}

/** Those that the engine has. */
export function listEngineNetworks(engine: NetworkEngine): Promise<ListedNetwork[]> {
  const filters = { label: [NETWORK_OPTION], driver: [DRIVER] };
  return engine.json('GET', '/networks', { query: { filters } });
}

/**
 * What the engine is asked to create. Of IPv6 on the ingress network it knows nothing: some start themselves anew three times
 * for each container to switch it on and off (`ingress-container.ts`).
 */
export function engineNetworkRequest(overlay: ListedOverlay, name: string): Record<string, unknown> {
  const subnets = overlay.subnets.filter(({ subnet }) => !overlay.ingress || isV4(subnet));
  return {
    Name: name,
    Driver: DRIVER,
    Internal: overlay.internal,
    EnableIPv6: subnets.some(({ subnet }) => isV6(subnet)),
    IPAM: {
      Driver: 'default',
      Config: subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
    },
    Options: { [NETWORK_OPTION]: overlay.id },
    Labels: { [NETWORK_OPTION]: overlay.id },
  };
}

export class EngineNetworks {
  readonly #engine: NetworkEngine;
  readonly #isWanted: (networkId: string) => boolean;
  readonly #creating = new Map<string, Promise<EngineNetwork>>();
  readonly #removing = new Map<string, Promise<boolean>>();

  /** @param isWanted whether that overlay is to be there: others make room */
  constructor(engine: NetworkEngine, isWanted: (networkId: string) => boolean) {
    this.#engine = engine;
    this.#isWanted = isWanted;
  }

  /**
   * The engine's network for that overlay, made where there is none. It stays for as long as the overlay is wanted.
   * @throws the engine's error
   */
  ensure(overlay: ListedOverlay): Promise<EngineNetwork> {
    const creating =
      this.#creating.get(overlay.id) ??
      this.#ensure(overlay).finally(() => this.#creating.delete(overlay.id));
    this.#creating.set(overlay.id, creating);
    return creating;
  }

  /** Removes the networks of overlays that are not wanted. False if a container is still on one of them: ask again. */
  async prune(): Promise<boolean> {
    let done = true;
    for (const { Id, Labels } of await listEngineNetworks(this.#engine)) {
      const networkId = Labels?.[NETWORK_OPTION];
      // Asked anew for each: it may have become wanted while the engine was at the one before.
      if (networkId === undefined || this.#isWanted(networkId) || this.#creating.has(networkId)) continue;
      const removing = this.#remove(Id).finally(() => this.#removing.delete(networkId));
      this.#removing.set(networkId, removing);
      if (!(await removing)) done = false;
    }
    return done;
  }

  /** False if a container is still on it. */
  async #remove(engineNetworkId: string): Promise<boolean> {
    try {
      await this.#engine.json('DELETE', `/networks/${engineNetworkId}`);
      return true;
    } catch (error) {
      // It has containers still (403), or somebody was faster (404).
      const { status } = error as { status?: number };
      if (status !== 403 && status !== 404) throw error;
      return status === 404;
    }
  }

  async #ensure(overlay: ListedOverlay): Promise<EngineNetwork> {
    // One that is being removed would still be listed. How that ends is told to who removes it.
    await this.#removing.get(overlay.id)?.catch(() => {});
    const known = (await listEngineNetworks(this.#engine)).find(
      ({ Labels }) => Labels?.[NETWORK_OPTION] === overlay.id,
    );
    if (known) return asKnown(overlay, known.Id, known.Name, known.EnableIPv6 === true);
    try {
      return await this.#create(overlay, overlay.name);
    } catch (error) {
      // A network of that name (409) or with that subnet (403) is there. It may be one that the cluster has no more.
      const { status } = error as { status?: number };
      if (status !== 409 && status !== 403) throw error;
      await this.prune();
      return this.#create(
        overlay,
        status === 409 ? `${overlay.name}.${overlay.id.slice(0, 12)}` : overlay.name,
      );
    }
  }

  async #create(overlay: ListedOverlay, name: string): Promise<EngineNetwork> {
    const body = engineNetworkRequest(overlay, name);
    const { Id } = await this.#engine.json<{ Id: string }>('POST', '/networks/create', { body });
    return asKnown(overlay, Id, name, body.EnableIPv6 === true);
  }
}

function asKnown(
  overlay: ListedOverlay,
  engineNetworkId: string,
  name: string,
  ipv6: boolean,
): EngineNetwork {
  const has = overlay.subnets.some(({ subnet }) => isV6(subnet));
  return { engineNetworkId, name, laysIPv6: has && !ipv6 && kernelHasIPv6() };
}
