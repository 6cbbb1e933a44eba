/**
 * What is still free, and taking it: numbers that somebody asked for, and the next ones otherwise. What was taken in a
 * round counts at once, and is the cluster's only when the round is committed.
 */
import {
  type Address,
  contains,
  formatAddress,
  formatSubnet,
  lastOf,
  parseAddress,
  parseSubnet,
  type Subnet,
  sizeOf,
  withPrefix,
} from '../../model/cidr.ts';
import { isIngressPort } from '../../model/endpoint.ts';
import type { Network } from '../../model/objects.ts';
import type { PortConfig } from '../../model/spec.ts';
import type { View } from '../../store/contract.ts';
import { addressClaim, type Claim, portClaim, vniClaim } from './claims.ts';
import { type AllocatorIndex, ownerKey } from './index.ts';
import type { AllocatedSubnet } from './subnets.ts';

const INGRESS_VNI = 4096;
const FIRST_VNI = 4097;
const LAST_VNI = 2 ** 24 - 1;
const FIRST_PORT = 30000;
const LAST_PORT = 32767;
const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';

/** Something cannot be given now; the message is for `docker service ps`. */
export class Lack extends Error {}

/** Claims that are added to a list `given` can be released together. Whatever is not free is a {@link Lack}. */
export class Free {
  readonly #view: View;
  readonly #index: AllocatorIndex;
  readonly #isNew: (networkId: string) => boolean;
  readonly #taken = new Map<Claim, string>();

  /** `isNew`: whether a network gets its subnets in this very round, so that the index does not know them. */
  constructor(view: View, index: AllocatorIndex, isNew: (networkId: string) => boolean) {
    this.#view = view;
    this.#index = index;
    this.#isNew = isNew;
  }

  release(given: readonly Claim[]): void {
    for (const claim of given) this.#taken.delete(claim);
  }

  /** The port with the number that it is published at. */
  port(port: PortConfig, owner: string, given: Claim[]): PortConfig {
    if (!isIngressPort(port)) return port;
    if (port.PublishedPort) {
      const other = this.#ownerOf(portClaim(port));
      if (other !== undefined && other !== owner) {
        const id = other.split(' ')[1]!;
        const name = this.#view.get('service', id)?.Spec.Name ?? '';
        throw new Lack(
          `port '${port.PublishedPort}' is already in use by service '${name}' (${id}) as an ingress port`,
        );
      }
      this.#take(portClaim(port), owner, given);
      return port;
    }
    const { cursors } = this.#index;
    const key = `port ${port.Protocol || 'tcp'}`;
    const count = LAST_PORT - FIRST_PORT + 1;
    const from = Number(cursors.get(key) ?? BigInt(FIRST_PORT - 1)) + 1 - FIRST_PORT;
    // In the order in which Docker shows them.
    const { PublishMode, ...others } = port;
    for (let i = 0; i < count; i++) {
      const PublishedPort = FIRST_PORT + ((from + i) % count);
      const candidate = { ...others, PublishedPort, ...(PublishMode && { PublishMode }) };
      if (this.#ownerOf(portClaim(candidate)) !== undefined) continue;
      this.#take(portClaim(candidate), owner, given);
      cursors.set(key, BigInt(PublishedPort));
      return candidate;
    }
    throw new Lack(`no free port is left between ${FIRST_PORT} and ${LAST_PORT}`);
  }

  /** The next free address of the subnet, CIDR. */
  address(network: Network, given: AllocatedSubnet, owner: string, claims: Claim[]): string {
    const subnet = parseSubnet(given.subnet)!;
    const { first, last } = rangeOf(subnet, parseSubnet(given.range ?? ''));
    const key = `address ${network.ID} ${subnet.version}`;
    const cursor = this.#index.cursors.get(key);
    const count = last - first + 1n;
    const from = cursor === undefined || cursor < first || cursor >= last ? 0n : cursor + 1n - first;
    for (let i = 0n; i < count; i++) {
      const value = first + ((from + i) % count);
      const address = formatAddress({ version: subnet.version, value });
      const claim = addressClaim(network.ID, address);
      if (this.#ownerOf(claim) !== undefined || this.#isReserved(network, address)) continue;
      this.#take(claim, owner, claims);
      this.#index.cursors.set(key, value);
      return withPrefix({ version: subnet.version, value }, subnet.prefix);
    }
    throw new Lack(`no address is left in network ${network.Spec.Name} (${formatSubnet(subnet)})`);
  }

  /** The very address that was asked for. */
  wanted(network: Network, text: string, owner: string, given: Claim[]): Address {
    const { Spec, internal } = network;
    const address = parseAddress(text);
    const subnet = internal
      .allocated!.subnets.map((each) => parseSubnet(each.subnet)!)
      .find((each) => address && contains(each, address));
    if (!address || !subnet)
      throw new Lack(
        `invalid address ${text}: it does not belong to any of the subnets of network ${Spec.Name}`,
      );
    const claim = addressClaim(network.ID, formatAddress(address));
    const { first, last } = rangeOf(subnet, undefined);
    const isHosts = address.value >= first && address.value <= last;
    if (!isHosts || this.#ownerOf(claim) !== undefined || this.#isReserved(network, formatAddress(address)))
      throw new Lack(`Address already in use: ${text} in network ${Spec.Name}`);
    this.#take(claim, owner, given);
    return address;
  }

  /** Of a network that is allocated in this very round. */
  #isReserved(network: Network, address: string): boolean {
    if (!this.#isNew(network.ID)) return false;
    return network.internal.allocated!.subnets.some(({ gateway, reserved = [] }) =>
      [gateway, ...reserved].some((text) => formatAddress(parseAddress(text)!) === address),
    );
  }

  /** The identifier that the network asks for, or the next one. */
  vni(network: Network): number {
    const { ID, Spec } = network;
    const owner = ownerKey('network', ID);
    const asked = Number(Spec.Options?.[VNI_OPTION]?.split(',')[0] || Number.NaN);
    if (asked >= INGRESS_VNI && asked <= LAST_VNI) {
      if (this.#ownerOf(vniClaim(asked)) !== undefined) throw new Lack(`VXLAN id ${asked} is in use`);
      this.#take(vniClaim(asked), owner, []);
      return asked;
    }
    const free = (vni: number): boolean => this.#ownerOf(vniClaim(vni)) === undefined;
    const cursor = Number(this.#index.cursors.get('vni') ?? BigInt(FIRST_VNI - 1));
    let vni = Spec.Ingress && free(INGRESS_VNI) ? INGRESS_VNI : cursor + 1;
    while (!free(vni)) vni = vni >= LAST_VNI ? FIRST_VNI : vni + 1;
    if (vni !== INGRESS_VNI) this.#index.cursors.set('vni', BigInt(vni));
    this.#take(vniClaim(vni), owner, []);
    return vni;
  }

  #ownerOf(claim: Claim): string | undefined {
    return this.#taken.get(claim) ?? this.#index.ownerOf(claim);
  }

  #take(claim: Claim, owner: string, given: Claim[]): void {
    if (this.#index.ownerOf(claim) === owner) return;
    this.#taken.set(claim, owner);
    given.push(claim);
  }
}

/** Without the subnet's own address and, of IPv4, its broadcast address. */
function rangeOf(subnet: Subnet, range: Subnet | undefined): { first: bigint; last: bigint } {
  const whole = range ?? subnet;
  const first = whole.first === subnet.first ? whole.first + 1n : whole.first;
  const end = lastOf(whole);
  const last = subnet.version === 4 && end === lastOf(subnet) && sizeOf(subnet) > 2n ? end - 1n : end;
  return { first, last };
}
