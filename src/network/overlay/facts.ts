/** What has to be in an overlay's namespace on a host, and which of the things there are the data plane's own. */
import { hostOf } from '../../model/cidr.ts';
import { macOf, type OverlayState } from '../../model/network-state.ts';
import { canonical, isV4, single } from '../address.ts';
import { type Facts, fact } from '../kernel/facts.ts';
import { BRIDGE, type Link, TUNNEL, UPLINK } from '../names.ts';
import { gatewaysOf } from './rules.ts';

/** The port of a container on this host. */
export interface LocalPort {
  endpointId: string;
  mac: string;
  /** Without prefix length. */
  addresses: string[];
}

/** What is written on a port, so that the next process knows whose it is. */
export function aliasOf({ endpointId, mac, addresses }: LocalPort): string {
  return [endpointId, mac, ...addresses].join(' ');
}

/** @returns undefined if that is not written on a port of ours */
export function portOfAlias(alias: string): LocalPort | undefined {
  const [endpointId = '', mac, ...addresses] = alias.split(' ');
  return mac === undefined ? undefined : { endpointId, mac, addresses };
}

export interface OverlayPlace {
  overlay: OverlayState;
  link: Link;
  /** By the name of the port in the namespace. */
  ports: ReadonlyMap<string, LocalPort>;
  underlayAddress: string;
  dataPathPort: number;
}

/** The bridge's MAC address: other hosts reckon with it. */
export function bridgeMac(overlay: OverlayState): string {
  const v4 = overlay.addresses.map(hostOf).find(isV4);
  if (v4 === undefined) throw new Error(`network ${overlay.name} has no IPv4 address for this host`);
  return macOf(v4);
}

export function overlayFacts(place: OverlayPlace): Facts {
  const { overlay, link, ports, underlayAddress, dataPathPort } = place;
  const mtu = `mtu ${overlay.mtu}`;
  const facts = new Map<string, string>([
    fact('link', BRIDGE, 'bridge'),
    fact('up', BRIDGE, `${mtu} address ${bridgeMac(overlay)}`),
    fact('link', TUNNEL, `vxlan ${overlay.vni} ${dataPathPort} ${underlayAddress}`),
    fact('up', TUNNEL, mtu),
    fact('port', TUNNEL, `${BRIDGE} learning off neigh_suppress on`),
    fact('link', UPLINK, 'veth'),
    fact('up', UPLINK, mtu),
    fact('address', `${UPLINK} ${link.innerAddress}/31`),
    ...overlay.addresses.map((cidr) => fact('address', `${BRIDGE} ${canonical(cidr)}`)),
    ...[...gatewaysOf(overlay), ...overlay.services.flatMap((service) => service.vips)].map((address) =>
      fact('address', `${BRIDGE} ${single(canonical(address))}`),
    ),
  ]);
  const put = (...args: Parameters<typeof fact>): unknown => facts.set(...fact(...args));
  for (const peer of overlay.peers) {
    put('flood', peer.underlay);
    const v4 = peer.addresses.map(hostOf).find(isV4);
    if (v4 === undefined) continue;
    put('tunnel', macOf(v4), peer.underlay);
    put('fdb', macOf(v4), TUNNEL);
    for (const cidr of peer.addresses) put('neighbour', `${BRIDGE} ${canonical(hostOf(cidr))}`, macOf(v4));
  }
  const underlays = new Map(overlay.peers.map((peer) => [peer.nodeId, peer.underlay]));
  for (const { nodeId, mac, addresses } of overlay.endpoints) {
    for (const address of addresses) put('neighbour', `${BRIDGE} ${canonical(address)}`, mac);
    const underlay = underlays.get(nodeId);
    if (underlay === undefined) continue;
    put('tunnel', mac, underlay);
    put('fdb', mac, TUNNEL);
  }
  // Last: whose port is here is here, whatever the state says of an earlier owner of the address.
  for (const [port, local] of ports) {
    const { mac, addresses } = local;
    put('alias', port, aliasOf(local));
    put('up', port, mtu);
    put('link', port, 'veth');
    put('port', port, `${BRIDGE} hairpin on`);
    put('fdb', mac, port);
    facts.delete(`tunnel ${mac}`);
    for (const address of addresses) put('neighbour', `${BRIDGE} ${canonical(address)}`, mac);
  }
  if (overlay.ingress) {
    put('address', `${UPLINK} ${link.innerAddress6}/64`);
    put('route', 'main 0.0.0.0/0', `via ${link.hostAddress} dev ${UPLINK}`);
    put('route', 'main ::/0', `via ${link.hostAddress6} dev ${UPLINK}`);
  }
  return facts;
}

/** Leaves out of what is in the namespace what the kernel or a container's engine has put there by itself. */
export function ownOverlayFacts(facts: Facts, ports: ReadonlyMap<string, LocalPort>): Facts {
  const devices = new Set([BRIDGE, TUNNEL, UPLINK, ...ports.keys()]);
  const own = ([text]: [string, string]): boolean => {
    const [kind, key] = text.split(' ') as [string, string];
    if (kind === 'link' || kind === 'up' || kind === 'port' || kind === 'alias') return devices.has(key);
    if (kind === 'address') return key === BRIDGE || key === UPLINK;
    if (kind === 'neighbour') return key === BRIDGE;
    if (kind === 'rule') return text.includes(' priority 100 ');
    return true;
  };
  return new Map([...facts].filter(own));
}
