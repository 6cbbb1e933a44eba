/** The names of one network: what its containers may ask, and what the answers are. Pure; built when first asked. */
import { BlockList } from 'node:net';
import type { OverlayState } from '../../model/network-state.ts';
import type { Offer } from '../../model/registration.ts';
import { canonical, isV4, isV6 } from '../address.ts';
import type { Place } from './registered.ts';

/** Where a name leads to; both empty for one that exists and has nobody behind it at present. */
export interface Named {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

interface Index {
  /** By name in lower case, without the network's. */
  names: Map<string, Named>;
  /** Names by address, canonical. */
  pointers: Map<string, string>;
  /** Ids of endpoints by address, canonical. */
  owners: Map<string, string>;
  endpointIds: Set<string>;
  /** Ids of those that have name servers of their own. */
  independent: Set<string>;
  /** Instances of the registry's services that can serve, by name in lower case. */
  registered: Map<string, Place[]>;
}

/** For comparing without case, as DNS does: ASCII only. */
export const fold = (name: string): string => name.toLowerCase();

export class Zone {
  readonly overlay: OverlayState;
  /** What may be put behind each name: `.mynet`. */
  readonly suffix: string;
  #index: Index | undefined;
  #subnets: BlockList | undefined;

  constructor(overlay: OverlayState) {
    this.overlay = overlay;
    this.suffix = fold(`.${overlay.name}`);
  }

  /** @param name in lower case, without the network's name */
  find(name: string): Named | undefined {
    return this.#built.names.get(name);
  }

  /** The name of whoever has that address (canonical), with the network's name: `web.1.<task id>.mynet`. */
  nameOf(address: string): string | undefined {
    const name = this.#built.pointers.get(address);
    return name === undefined ? undefined : `${name}.${this.overlay.name}`;
  }

  /** The id of the container with that address (canonical). */
  ownerOf(address: string): string | undefined {
    return this.#built.owners.get(address);
  }

  has(endpointId: string): boolean {
    return this.#built.endpointIds.has(endpointId);
  }

  /** The instances of that service of the registry here, name in lower case; undefined if there is none of that name. */
  service(name: string): readonly Place[] | undefined {
    return this.#built.registered.get(name);
  }

  /** Whether that container was given name servers of its own. */
  isIndependent(endpointId: string): boolean {
    return this.#built.independent.has(endpointId);
  }

  /** Whether the address is one of this network's. */
  contains(address: string): boolean {
    this.#subnets ??= subnetList(this.overlay);
    return this.#subnets.check(address, isV6(address) ? 'ipv6' : 'ipv4');
  }

  get #built(): Index {
    this.#index ??= buildIndex(this.overlay);
    return this.#index;
  }
}

function buildIndex({ endpoints, services }: OverlayState): Index {
  const known = new Map<string, Named>();
  const pointers = new Map<string, string>();
  const owners = new Map<string, string>();
  const independent = new Set<string>();
  for (const { id, addresses, names, ownNameServers } of endpoints) {
    const own = addresses.map(canonical);
    known.set(id, named(own));
    for (const address of own) {
      owners.set(address, id);
      if (names[0] !== undefined) pointers.set(address, names[0]);
    }
    if (ownNameServers) independent.add(id);
  }
  const ready = new Set<string>();
  const ofServices = new Map<string, Named>();
  for (const service of services) {
    const reached = together(service.ready.flatMap((id) => known.get(id) ?? []));
    const vips = service.vips.map(canonical);
    for (const id of service.ready) ready.add(id);
    for (const vip of vips) pointers.set(vip, service.name);
    const called = vips.length > 0 ? named(vips) : reached;
    for (const name of [service.name, ...service.aliases]) {
      collect(ofServices, name, called);
      collect(ofServices, `tasks.${name}`, reached);
    }
  }
  const ofContainers = new Map<string, Named>();
  const ofSlots = new Map<string, Named>();
  const ofReadySlots = new Map<string, Named>();
  for (const { id, names } of endpoints) {
    const own = known.get(id)!;
    for (const name of names) {
      collect(ofContainers, name, own);
      // `web.1` of `web.1.<task id>`: who takes part; of a slot without one, who is there.
      if (name.endsWith(`.${id}`))
        collect(ready.has(id) ? ofReadySlots : ofSlots, name.slice(0, -id.length - 1), own);
    }
  }
  // The strongest last: a service's name never leads past its virtual address.
  const names = ofSlots;
  for (const stronger of [ofReadySlots, ofContainers, ofServices])
    for (const [name, leads] of stronger) names.set(name, leads);
  const registered = new Map<string, Place[]>();
  const register = (offers: readonly Offer[], ids: readonly string[]): void => {
    for (const { service, port, protocol, tags } of offers) {
      const places = registered.get(fold(service)) ?? [];
      for (const id of ids) {
        const own = known.get(id);
        if (own) places.push({ addresses: [...own.v4, ...own.v6], port, protocol, tags });
      }
      registered.set(fold(service), places);
    }
  };
  for (const { offers = [], ready } of services) register(offers, ready);
  for (const { offers = [], id } of endpoints) register(offers, [id]);
  return { names, pointers, owners, endpointIds: new Set(known.keys()), independent, registered };
}

const named = (addresses: readonly string[]): Named => ({
  v4: addresses.filter(isV4),
  v6: addresses.filter(isV6),
});

const together = (all: readonly Named[]): Named => ({
  v4: [...new Set(all.flatMap(({ v4 }) => v4))],
  v6: [...new Set(all.flatMap(({ v6 }) => v6))],
});

/** What has the same name is found together. */
function collect(names: Map<string, Named>, name: string, leads: Named): void {
  const key = fold(name);
  const before = names.get(key);
  names.set(key, before && before !== leads ? together([before, leads]) : leads);
}

function subnetList({ subnets }: OverlayState): BlockList {
  const list = new BlockList();
  for (const { subnet } of subnets) {
    const [address, length] = subnet.split('/') as [string, string];
    list.addSubnet(address, Number(length), isV6(subnet) ? 'ipv6' : 'ipv4');
  }
  return list;
}
