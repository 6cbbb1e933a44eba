/** The tables of nftables within an overlay's namespace: the balancer of its services, and what may pass. */
import { hostOf } from '../../model/cidr.ts';
import { macOf, type OverlayState } from '../../model/network-state.ts';
import { isV4, isV6, toHex, toNumber, unique } from '../address.ts';
import { balancerParts } from '../kernel/balancer.ts';
import { type NftChain, type NftSet, type NftTable, nftMap, nftSet } from '../kernel/nft.ts';
import { BRIDGE, type Link, TABLE, TUNNEL, UPLINK } from '../names.ts';

/** The protocols that a virtual address passes on; the host answers pings of it. */
const BALANCED = 'meta l4proto { tcp, udp, sctp }';

/**
 * The namespace's main table.
 * @param before the table as it is now, so that the change is small
 * @param gone addresses of containers that were on this host, and who answers for them; for those with nobody but
 *   themselves, who still calls them is refused at once
 */
export function overlayTable(
  overlay: OverlayState,
  link: Link,
  before?: NftTable,
  gone: ReadonlyArray<readonly [string, string]> = [],
): NftTable {
  const sets = new Map<string, NftSet>();
  const chains = new Map<string, NftChain>();
  const vips: Array<[string, string]> = [];
  const addresses = new Map(overlay.endpoints.map((endpoint) => [endpoint.id, endpoint.addresses]));
  for (const service of overlay.services) {
    if (service.vips.length === 0) continue;
    const name = `service_${service.id.replaceAll(/\W/g, '_')}`;
    const targets = unique(service.ready.flatMap((id) => addresses.get(id) ?? []));
    const parts = balancerParts({ name, match: BALANCED, targets }, before);
    for (const [setName, set] of parts.sets) sets.set(setName, set);
    chains.set(name, parts.chain);
    for (const vip of service.vips) vips.push([vip, `goto ${name}`]);
  }
  const own = overlay.addresses.map(hostOf);
  // Not of what is plugged in: a container's coming alone changes no rules.
  const elsewhere = new Set(overlay.peers.map((peer) => peer.nodeId));
  const pairs = overlay.endpoints
    .filter(({ nodeId }) => !elsewhere.has(nodeId))
    .flatMap((endpoint) => endpoint.addresses.map((address) => `${address} . ${address}`));
  for (const [suffix, type, is] of [
    ['4', 'ipv4_addr', isV4],
    ['6', 'ipv6_addr', isV6],
  ] as const) {
    sets.set(
      `vips${suffix}`,
      nftMap(
        `type ${type} : verdict;`,
        vips.filter(([vip]) => is(vip)),
      ),
    );
    const instead = gone.filter(([address, other]) => is(address) && other !== address);
    sets.set(`instead${suffix}`, nftMap(`type ${type} : ${type};`, instead));
    // An answer of the kernel's own would not find its way back through the host that took the connection.
    const alone = overlay.ingress ? [] : gone.filter(([address, other]) => is(address) && other === address);
    sets.set(
      `gone${suffix}`,
      nftSet(
        `type ${type};`,
        alone.map(([address]) => address),
      ),
    );
    sets.set(`self${suffix}`, nftSet(`type ${type} . ${type};`, pairs.filter(is)));
  }
  chains.set('prerouting', {
    hook: 'type nat hook prerouting priority dstnat; policy accept;',
    rules: [
      ...gatewaysOf(overlay)
        .filter(isV4)
        .map(
          // Questions of names go to the server in the host's namespace, from the address of who asks.
          (address) =>
            `iifname "${BRIDGE}" ip daddr ${address} meta l4proto { tcp, udp } th dport 53 dnat ip to ${link.hostAddress}`,
        ),
      `${BALANCED} dnat ip to ip daddr map @instead4`,
      `${BALANCED} dnat ip6 to ip6 daddr map @instead6`,
      // Nobody listens here: the kernel says so.
      `${BALANCED} ip daddr @gone4 redirect`,
      `${BALANCED} ip6 daddr @gone6 redirect`,
      `${BALANCED} ip daddr vmap @vips4`,
      `${BALANCED} ip6 daddr vmap @vips6`,
    ],
  });
  chains.set('postrouting', {
    hook: 'type nat hook postrouting priority srcnat; policy accept;',
    // A container that was given itself would not answer to its own address.
    rules: own.map((address) => {
      const [ip, self] = isV6(address) ? ['ip6', '@self6'] : ['ip', '@self4'];
      return `ct status dnat ${ip} saddr . ${ip} daddr ${self} snat ${ip} to ${address}`;
    }),
  });
  chains.set('forward', forward(overlay));
  if (overlay.ingress) {
    sets.set(
      'hosts',
      nftMap(
        'type ether_addr : mark;',
        peerMarks(overlay).map(({ mac, mark }) => [mac, String(mark)]),
      ),
    );
    sets.set(
      'zones',
      nftMap(
        'typeof ether saddr : ct zone;',
        peerMarks(overlay).map(({ mac, mark }) => [mac, String(zoneOf(mark))]),
      ),
    );
    chains.set('apart', {
      hook: 'type filter hook prerouting priority raw; policy accept;',
      // A client may call two hosts from one port. Both connections may lead to the same container, which could not tell
      // them apart: in a zone of its own the second one is seen to be another, and is given another port.
      rules: [`iifname "${BRIDGE}" ct original zone set ether saddr map @zones`],
    });
    chains.set('origin', {
      hook: 'type filter hook prerouting priority mangle; policy accept;',
      rules: [
        // Remembered: which host took the connection. The answers take the way back through it: see the bridge's table.
        'ct direction reply meta mark set ct mark accept',
        `ct state new iifname "${BRIDGE}" ct mark set ether saddr map @hosts`,
      ],
    });
  }
  return { family: 'inet', name: TABLE, sets, chains };
}

function forward(overlay: OverlayState): NftChain {
  const within = `iifname "${BRIDGE}" oifname "${BRIDGE}" accept`;
  const out = overlay.ingress
    ? [
        'ct state established accept',
        `iifname "${BRIDGE}" oifname "${UPLINK}" accept`,
        `iifname "${UPLINK}" oifname "${BRIDGE}" accept`,
      ]
    : [
        // Only what was translated: questions to the name server.
        `iifname "${BRIDGE}" oifname "${UPLINK}" ct status dnat accept`,
        `iifname "${UPLINK}" oifname "${BRIDGE}" ct state established,related accept`,
      ];
  return {
    hook: 'type filter hook forward priority filter; policy drop;',
    rules: overlay.ingress ? [...out, within] : [within, ...out],
  };
}

/**
 * The addresses of the network's gateways, the same on every host and for as long as there is the network: what a
 * container is told at its start, its name server, stays right whatever becomes of the host's own address.
 */
export function gatewaysOf(overlay: OverlayState): string[] {
  return overlay.subnets.map(({ gateway }) => hostOf(gateway));
}

/** Of the 16 bits that there are; 0 is the zone of everything else. */
function zoneOf(mark: number): number {
  return (mark % 0xffff) + 1;
}

/** Which mark stands for which other host: its IPv4 address in the network, as a number. */
function peerMarks(overlay: OverlayState): Array<{ mac: string; mark: number }> {
  return overlay.peers.flatMap(({ addresses }) => {
    const v4 = addresses.map(hostOf).find(isV4);
    return v4 ? [{ mac: macOf(v4), mark: toNumber(v4) }] : [];
  });
}

/**
 * Every host has the virtual addresses and the gateways': a question for one that comes from another host must not be
 * answered here. (The bridge itself keeps those of this host's containers from leaving, as it suppresses what it can
 * answer.)
 *
 * On the ingress network an answer that is meant for the gateway goes to the host that took the connection instead: as a
 * frame, with nothing looked up for it in routing tables, however many hosts there are.
 */
export function bridgeTable(overlay: OverlayState): NftTable {
  const ways = peerMarks(overlay).map(({ mac, mark }) => [String(mark), mac] as const);
  const back: NftChain = {
    // Behind the IP hooks, where the mark is set.
    hook: 'type filter hook prerouting priority 100; policy accept;',
    rules: ['meta mark != 0 ether daddr set meta mark map @ways'],
  };
  const vips = unique([...gatewaysOf(overlay), ...overlay.services.flatMap((service) => service.vips)]);
  return {
    family: 'bridge',
    name: TABLE,
    sets: new Map([
      ['vips4', nftSet('type ipv4_addr;', vips.filter(isV4))],
      ['vips6', nftSet('typeof @th,64,128;', vips.filter(isV6).map(toHex))],
      ...(overlay.ingress ? [['ways', nftMap('type mark : ether_addr;', ways)] as const] : []),
    ]),
    chains: new Map([
      [
        'prerouting',
        {
          hook: 'type filter hook prerouting priority -300; policy accept;',
          rules: [
            `iifname "${TUNNEL}" arp operation request arp daddr ip @vips4 drop`,
            `iifname "${TUNNEL}" icmpv6 type nd-neighbor-solicit @th,64,128 @vips6 drop`,
          ],
        },
      ],
      ...(overlay.ingress ? [['back', back] as const] : []),
    ]),
  };
}
