/** All names that containers of this host may ask, by who asks: only those within networks that the asker shares. */
import { isIPv6 } from 'node:net';
import type { NetworkState } from '../../model/network-state.ts';
import { canonical } from '../address.ts';
import { type Named, Zone } from './zone.ts';

export type Family = 'v4' | 'v6';

/**
 * Of a name that is none of the networks': `nowhere`: nobody is to be asked; `elsewhere`: the host's name servers know;
 * `others`: the container has name servers of its own, which its engine asks when this one does not know.
 */
export type Unknown = 'nowhere' | 'elsewhere' | 'others';
export type Found = Named | Unknown;

/** Askers can invent addresses; the views of so many are kept. */
const MAX_VIEWS = 10_000;

/** What one container sees. */
export interface View {
  /** With names; the network that is asked through first, as it is the container's own first choice. */
  readonly zones: readonly Zone[];
  /** These and the network of the routing mesh, where containers do not know each other. */
  readonly networks: readonly Zone[];
  /** Who knows the names of the world for it. */
  readonly world: Unknown;
}

export class Names {
  #zones = new Map<string, Zone>();
  readonly #views = new Map<string, View>();

  /** What holds from now on. Costs nothing for networks that are the same objects as before. */
  update(state: NetworkState): void {
    const known = this.#zones;
    this.#zones = new Map(
      state.networks.map((overlay) => {
        const zone = known.get(overlay.id);
        return [overlay.id, zone?.overlay === overlay ? zone : new Zone(overlay)];
      }),
    );
    this.#views.clear();
  }

  /**
   * Undefined for a network that it has not heard of.
   * @param address that the question through this network comes from, as the kernel writes it
   */
  viewOf(networkId: string, address: string): View | undefined {
    const key = `${networkId} ${address}`;
    const known = this.#views.get(key);
    if (known) return known;
    if (this.#views.size >= MAX_VIEWS) this.#views.clear();
    const view = this.#look(networkId, canonical(address));
    if (!view) return undefined;
    this.#views.set(key, view);
    return view;
  }

  #look(networkId: string, address: string): View | undefined {
    const asked = this.#zones.get(networkId);
    if (!asked) return undefined;
    const endpointId = asked.ownerOf(address);
    const others = [...this.#zones.values()].filter(
      (zone) => zone !== asked && endpointId !== undefined && zone.has(endpointId),
    );
    const networks = [asked, ...others];
    const independent = endpointId !== undefined && asked.isIndependent(endpointId);
    const outward = networks.some(({ overlay }) => !overlay.internal);
    return {
      networks,
      zones: networks.filter(({ overlay }) => !overlay.ingress),
      world: independent ? 'others' : outward ? 'elsewhere' : 'nowhere',
    };
  }
}

/** What a container sees that has these views: all networks, each once. Who knows the names of the world is the first's to say. */
export function together(views: readonly View[]): View {
  return {
    zones: [...new Set(views.flatMap(({ zones }) => zones))],
    networks: [...new Set(views.flatMap(({ networks }) => networks))],
    world: views[0]?.world ?? 'elsewhere',
  };
}

/** @param name in lower case, without a dot at its end; also with a network's name behind it */
export function findName({ zones, world }: View, name: string, family: Family): Found {
  let exists: Named | undefined;
  const found = (named: Named | undefined): boolean => {
    exists ??= named;
    if (!named || named[family].length === 0) return false;
    exists = named;
    return true;
  };
  if (zones.some((zone) => found(zone.find(name)))) return exists!;
  const inNetwork = (zone: Zone): boolean =>
    name.endsWith(zone.suffix) && found(zone.find(name.slice(0, -zone.suffix.length)));
  if (zones.some(inNetwork)) return exists!;
  return exists ?? world;
}

/** The name of whoever has that address, if it is one within the view's networks. */
export function findPointer({ zones, networks, world }: View, address: string): { name: string } | Unknown {
  for (const zone of zones) {
    const name = zone.nameOf(address);
    if (name !== undefined) return { name };
  }
  return networks.some((zone) => zone.contains(address)) ? 'nowhere' : world;
}

/** The address that a reverse look-up is about, canonical; undefined for any other name. */
export function addressOfPointer(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const parts = name.slice(0, -13).split('.');
    const isByte = (part: string): boolean => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256;
    return parts.length === 4 && parts.every(isByte) ? parts.reverse().join('.') : undefined;
  }
  if (!name.endsWith('.ip6.arpa')) return undefined;
  const digits = name.slice(0, -9);
  if (!/^([0-9a-f]\.){31}[0-9a-f]$/.test(digits)) return undefined;
  const address = digits
    .split('.')
    .reverse()
    .join('')
    .replace(/(.{4})(?=.)/g, '$1:');
  return isIPv6(address) ? canonical(address) : undefined;
}
