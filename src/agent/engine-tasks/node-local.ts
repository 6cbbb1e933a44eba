/**
 * Networks of the cluster that each node has for itself (drivers bridge, macvlan …), on this host's engine: made for the
 * first container that is to be on one, removed after the last.
 */
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import { isPredefined } from '../../model/node-local.ts';
import type { NetworkAttachment } from '../../model/objects.ts';
import type { NetworkSpec } from '../../model/spec.ts';
import { DRIVER, NETWORK_OPTION } from '../../network/plugin/engine-networks.ts';

type LocalNetwork = NetworkAttachment['Network'];

interface EngineNetwork {
  Id: string;
  Name: string;
  Driver: string;
  Labels: Record<string, string> | null;
  ConfigOnly?: boolean;
  EnableIPv6?: boolean;
  IPAM?: NetworkSpec['IPAM'];
  Options?: Record<string, string> | null;
}

export class NodeLocalNetworks {
  readonly #engine: EngineClient;
  /** By id in the cluster: how many containers are just being made on it. */
  readonly #held = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();
  /** The engine may have one; before the first look that is not known. */
  #any = true;

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  /**
   * The engine's name or id of the network, which is made where it is not there. It stays until `release`, and then for
   * as long as a container is on it. Rejects with the engine's error.
   */
  ensure(network: LocalNetwork): Promise<string> {
    if (isPredefined(network.Spec)) return Promise.resolve(network.Spec.Name);
    this.#hold(network.ID, 1);
    return this.#inTurn(async () => {
      this.#any = true;
      const known = (await this.#list()).find(({ Labels }) => Labels?.[NETWORK_OPTION] === network.ID);
      return known?.Id ?? (await this.#make(network));
    }).catch((error: unknown) => {
      this.#hold(network.ID, -1);
      throw error;
    });
  }

  /** Its container has been made, or will not be. To be called once for each `ensure` that has succeeded. */
  release({ ID, Spec }: LocalNetwork): void {
    if (!isPredefined(Spec)) this.#hold(ID, -1);
  }

  /** Removes those without a container that runs or is about to. */
  prune(): Promise<void> {
    if (!this.#any) return Promise.resolve();
    return this.#inTurn(async () => {
      let left = 0;
      for (const network of await this.#list()) {
        const isHeld = this.#held.has(network.Labels?.[NETWORK_OPTION] ?? '');
        if (isHeld || !(await this.#removed(network))) left++;
      }
      this.#any = left > 0 || this.#held.size > 0;
    });
  }

  async #make({ ID, Spec }: LocalNetwork): Promise<string> {
    const body = requestFor(ID, Spec, await this.#configuration(Spec));
    const create = async (Name: string): Promise<string> =>
      (await this.#engine.json<{ Id: string }>('POST', '/networks/create', { body: { ...body, Name } })).Id;
    try {
      return await create(Spec.Name);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // This host has a network of that name for itself.
      return create(`${Spec.Name}.${ID.slice(0, 12)}`);
    }
  }

  /** What this host's configuration network says, which the network is to be made from. */
  async #configuration({ ConfigFrom }: NetworkSpec): Promise<EngineNetwork | undefined> {
    if (!ConfigFrom?.Network) return undefined;
    const path = `/networks/${encodeURIComponent(ConfigFrom.Network)}`;
    const found = await this.#engine.json<EngineNetwork>('GET', path).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    });
    if (found?.ConfigOnly) return found;
    throw new Error(
      `configuration network ${JSON.stringify(ConfigFrom.Network)} does not exist on this node`,
    );
  }

  /** Gone, by us or by somebody else. */
  async #removed({ Id: id, Name }: EngineNetwork): Promise<boolean> {
    // Of a container that never ran the engine knows what the network was called when it was made.
    const network = [id, Name];
    const query = {
      all: 1,
      filters: { network, status: ['created', 'running', 'paused', 'restarting'] },
    };
    const containers = await this.#engine.json<unknown[]>('GET', '/containers/json', { query });
    if (containers.length > 0) return false;
    try {
      await this.#engine.json('DELETE', `/networks/${id}`);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return error.status === 404;
    }
  }

  async #list(): Promise<EngineNetwork[]> {
    const query = { filters: { label: [NETWORK_OPTION] } };
    const all = await this.#engine.json<EngineNetwork[]>('GET', '/networks', { query });
    return all.filter(({ Driver }) => Driver !== DRIVER);
  }

  #hold(id: string, by: 1 | -1): void {
    const count = (this.#held.get(id) ?? 0) + by;
    if (count > 0) this.#held.set(id, count);
    else this.#held.delete(id);
  }

  /** One is not removed while another is looked for. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** The engine takes no settings beside a configuration network, not even labels: what that says is said here instead. */
function requestFor(id: string, spec: NetworkSpec, from: EngineNetwork | undefined): Record<string, unknown> {
  const settings = from ?? spec;
  return {
    CheckDuplicate: true,
    Driver: spec.Driver,
    Internal: spec.Internal ?? false,
    Attachable: spec.Attachable ?? false,
    EnableIPv6: settings.EnableIPv6 ?? false,
    ...(settings.IPAM ? { IPAM: settings.IPAM } : {}),
    ...(settings.Options ? { Options: settings.Options } : {}),
    Labels: { ...from?.Labels, ...spec.Labels, [NETWORK_OPTION]: id },
  };
}
