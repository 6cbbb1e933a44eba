/** The names of one network: what its containers may ask, and what the answers are. Pure; built when first asked. */
import { BlockList } from 'node:net';
import type { OverlayState } from '../../model/network-state.ts';
import { canonical, isV6 } from '../address.ts';

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
  const addresses = new Map<string, readonly string[]>();
  const pointers = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { id, addresses: own, names } of endpoints) {
    const known = own.map(canonical);
    addresses.set(id, known);
    for (const address of known) {
      owners.set(address, id);
      if (names[0] !== undefined) pointers.set(address, names[0]);
    }
  }
  const names = new Map<string, Named>();
  const ready = new Set<string>();
  const ofServices = new Collected();
  for (const service of services) {
    const reached = service.ready.flatMap((id) => addresses.get(id) ?? []);
    const vips = service.vips.map(canonical);
    for (const id of service.ready) ready.add(id);
    for (const vip of vips) pointers.set(vip, service.name);
    for (const name of [service.name, ...service.aliases]) {
      ofServices.add(name, vips.length > 0 ? vips : reached);
      ofServices.add(`tasks.${name}`, reached);
    }
  }
  const ofContainers = new Collected();
  const ofSlots = new Collected();
  const ofReadySlots = new Collected();
  for (const { id, names: own } of endpoints) {
    const known = addresses.get(id)!;
    for (const name of own) {
      ofContainers.add(name, known);
      // `web.1` of `web.1.<task id>`: who takes part; of a slot without one, who is there.
      if (!name.endsWith(`.${id}`)) continue;
      const slot = name.slice(0, -id.length - 1);
      ofSlots.add(slot, known);
      if (ready.has(id)) ofReadySlots.add(slot, known);
    }
  }
  // The strongest last: a service's name never leads past its virtual address.
  for (const collected of [ofSlots, ofReadySlots, ofContainers, ofServices]) collected.into(names);
  const independent = new Set(endpoints.filter((one) => one.ownNameServers).map(({ id }) => id));
  return { names, pointers, owners, endpointIds: new Set(addresses.keys()), independent };
}

/** Addresses by name, each once; what has the same name is found together. */
class Collected {
  readonly #byName = new Map<string, Set<string>>();

  add(name: string, addresses: readonly string[]): void {
    const key = fold(name);
    const known = this.#byName.get(key);
    if (!known) this.#byName.set(key, new Set(addresses));
    else for (const address of addresses) known.add(address);
  }

  into(names: Map<string, Named>): void {
    for (const [name, addresses] of this.#byName) {
      const v4: string[] = [];
      const v6: string[] = [];
      for (const address of addresses) (isV6(address) ? v6 : v4).push(address);
      names.set(name, { v4, v6 });
    }
  }
}

function subnetList({ subnets }: OverlayState): BlockList {
  const list = new BlockList();
  for (const { subnet } of subnets) {
    const [address, length] = subnet.split('/') as [string, string];
    list.addSubnet(address, Number(length), isV6(subnet) ? 'ipv6' : 'ipv4');
  }
  return list;
}
