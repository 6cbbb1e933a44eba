/** All overlays of this host: made as the state says, kept while containers are on them, removed after that. */
import { readdir } from 'node:fs/promises';
import type { NetworkState, OverlayState } from '../model/network-state.ts';
import type { Difference } from './contract.ts';
import { destroyNamespace, hasPorts, namespaceExists } from './kernel/namespace.ts';
import { assignSlots, type Link, linkOf, NAMESPACE_PREFIX, namespaceOf } from './names.ts';
import { Overlay } from './overlay/overlay.ts';
import type { Attempt } from './rounds/attempts.ts';
import { throughTunnels } from './wireguard/plan.ts';
import { CannotEncryptError, type Tunnels } from './wireguard/tunnels.ts';

export class Overlays {
  readonly #tunnels: Tunnels;
  #underlayAddress: string;
  readonly #overlays = new Map<string, Overlay>();
  /** Those that the pass under way removes. */
  readonly #leaving: Overlay[] = [];
  #slots = new Map<string, number>();
  /** Ids of those that the last state had, or containers were on. */
  #kept: ReadonlySet<string> = new Set();
  #cannotEncrypt: CannotEncryptError | undefined;

  constructor(tunnels: Tunnels, underlayAddress: string) {
    this.#tunnels = tunnels;
    this.#underlayAddress = underlayAddress;
  }

  /** What is made from now on is made for that address of the host. */
  moveTo(underlayAddress: string): void {
    this.#underlayAddress = underlayAddress;
    for (const overlay of this.#overlays.values()) overlay.moveTo(underlayAddress);
  }

  /** Why there are no encrypted networks on this host, though it is to have some. */
  get cannotEncrypt(): CannotEncryptError | undefined {
    return this.#cannotEncrypt;
  }

  get all(): Overlay[] {
    return [...this.#overlays.values()];
  }

  get(networkId: string): Overlay | undefined {
    return this.#overlays.get(networkId);
  }

  /** Those that have been told what to be. */
  get here(): Array<{ networkId: string; link: Link; state: OverlayState }> {
    return [...this.#overlays].flatMap(([networkId, { link, state }]) =>
      state ? [{ networkId, link, state }] : [],
    );
  }

  /** Ids of those that containers are on, or coming onto. */
  get inUse(): string[] {
    return [...this.#overlays].filter(([, overlay]) => overlay.inUse).map(([id]) => id);
  }

  /** Ids of containers of this host that take part, says the state, and are not there, by network; those that have some. */
  get gone(): Map<string, string[]> {
    const each = this.here.map(({ networkId }) => [networkId, this.#overlays.get(networkId)!.gone] as const);
    return new Map(each.filter(([, ids]) => ids.length > 0));
  }

  /** Overlays that are not wanted, and no container is on. */
  hasUnused(isWanted: (networkId: string) => boolean): boolean {
    return [...this.#overlays].some(([id, { inUse }]) => !isWanted(id) && !inUse);
  }

  /** @param slots the numbers of the links that an earlier process made, by network */
  adopt(slots: Map<string, number>): void {
    this.#slots = slots;
  }

  /** @param before what an earlier process has applied, if that is known */
  async apply(state: NetworkState, before: NetworkState | undefined, attempt: Attempt): Promise<void> {
    const ids = new Set([...state.networks.map(({ id }) => id), ...this.inUse]);
    this.#kept = ids;
    this.#slots = assignSlots(ids, this.#slots);
    for (const [id, overlay] of this.#overlays)
      if (!ids.has(id)) {
        // From here on no container comes onto it: it waits for another one, if a newer state has that network again.
        this.#overlays.delete(id);
        this.#leaving.push(overlay);
        overlay.close();
      }
    const { dataPathPort } = state;
    const apply = (network: OverlayState) => attempt(() => this.#apply(network, dataPathPort, before));
    const [plain, encrypted] = [false, true].map((which) =>
      state.networks.filter((network) => network.encrypted === which),
    ) as [OverlayState[], OverlayState[]];
    const tunnels = attempt(async () => {
      await this.#makeTunnels(encrypted, ids, dataPathPort);
      await Promise.all(encrypted.map(apply));
    });
    await Promise.all([tunnels, ...plain.map(apply)]);
  }

  /** Removes what the last state did not have and no container was on, also what an earlier process has left. */
  async removeOthers(attempt: Attempt): Promise<void> {
    for (const overlay of this.#leaving.splice(0)) await attempt(() => overlay.destroy());
    await attempt(() => removeStrays(this.#kept));
  }

  async check(mend: boolean, attempt: Attempt): Promise<Difference[]> {
    const found: Difference[] = [];
    const look = (overlay: Overlay) => attempt(async () => void found.push(...(await overlay.check(mend))));
    await Promise.all(this.all.map(look));
    return found;
  }

  async destroy(): Promise<void> {
    for (const overlay of this.#overlays.values()) await overlay.destroy();
    this.#overlays.clear();
    await removeStrays(new Set());
  }

  async #apply(network: OverlayState, dataPathPort: number, before?: NetworkState): Promise<void> {
    let overlay = this.#overlays.get(network.id);
    if (!overlay) {
      const link = linkOf(this.#slots.get(network.id)!);
      const underlay = network.encrypted ? this.#tunnels.underlay : { address: this.#underlayAddress };
      overlay = new Overlay({ networkId: network.id, link, underlay });
      this.#overlays.set(network.id, overlay);
    }
    const earlier = before?.networks.find(({ id }) => id === network.id);
    await overlay.apply(throughTunnels(network), dataPathPort, earlier);
  }

  /** Before the encrypted networks themselves: without tunnels they are not made at all. */
  async #makeTunnels(networks: OverlayState[], kept: ReadonlySet<string>, port: number): Promise<void> {
    this.#cannotEncrypt = undefined;
    try {
      await this.#tunnels.apply(networks, kept, port);
    } catch (error) {
      if (error instanceof CannotEncryptError) this.#cannotEncrypt = error;
      throw error;
    }
  }
}

/** Removes namespaces that an earlier process left, unless a container is still on them. */
async function removeStrays(ids: ReadonlySet<string>): Promise<void> {
  const known = new Set([...ids].map(namespaceOf));
  const names = await readdir('/run/netns').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names)
    if (name.startsWith(NAMESPACE_PREFIX) && !known.has(name) && (await namespaceExists(name))) {
      if (!(await hasPorts(name))) await destroyNamespace(name);
    }
}
