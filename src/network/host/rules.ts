/** The table of nftables in the host's own namespace: the routing mesh, and what may pass to and from the overlays. */
import type { NetworkState, PublishedPort } from '../../model/network-state.ts';
import { isV4, isV6, unique } from '../address.ts';
import { balancerParts } from '../kernel/balancer.ts';
import { ATTEMPT_S } from '../kernel/flows.ts';
import { type NftChain, type NftSet, type NftTable, nftMap, nftSet } from '../kernel/nft.ts';
import { INGRESS_MARK, LINK_PREFIX, type Link, TABLE } from '../names.ts';

const ANY_LINK = `"${LINK_PREFIX}*"`;
/** Bridges of the engine: what leaves them has no address that means anything elsewhere. */
const ENGINE_BRIDGES = ['"docker*"', '"br-*"'];
/** How long the attempt to connect lasts, as nftables names it. */
const ATTEMPTS = 'attempts';
/** What a kernel must know for that: some are built without it. */
export const ATTEMPTS_DECLARATION = `protocol tcp; policy = { syn_sent : ${ATTEMPT_S} };`;
const MARK = `meta mark set meta mark or ${INGRESS_MARK}`;

export interface HostRulesInput {
  state: NetworkState;
  links: ReadonlyMap<string, Link>;
  /** The host's address on the underlay: who asks from the host itself or from its containers. */
  underlayAddress: string;
  /** Whether the kernel knows time-outs for single connections. */
  timeouts: boolean;
}

/** @param before the table as it is now, so that the change is small */
export function hostTable(input: HostRulesInput, before?: NftTable): NftTable {
  const { state, links, underlayAddress, timeouts } = input;
  const sets = new Map<string, NftSet>();
  const chains = new Map<string, NftChain>();
  const dns = [...links.values()].map((link) => link.hostAddress);
  sets.set('dns', nftSet('type ipv4_addr;', dns));
  chains.set('input', {
    hook: 'type filter hook input priority filter; policy accept;',
    rules: [`iifname ${ANY_LINK} jump from_overlay`],
  });
  const ingress = state.networks.find((network) => network.ingress);
  const link = ingress && links.get(ingress.id);
  if (ingress && link) {
    addMesh(sets, chains, { published: state.published, ingress, link, underlayAddress, timeouts, before });
  }
  chains.set('from_overlay', {
    hook: '',
    rules: [
      'ct state established,related accept',
      'ip daddr @dns meta l4proto { tcp, udp } th dport 53 accept',
      ...(link
        ? [
            `iifname "${link.name}" ip saddr @ingress4 ip daddr != 127.0.0.0/8 accept`,
            `iifname "${link.name}" ip6 saddr @ingress6 accept`,
            `iifname "${link.name}" meta l4proto ipv6-icmp accept`,
          ]
        : []),
      'drop',
    ],
  });
  chains.set('forward', {
    hook: 'type filter hook forward priority filter; policy accept;',
    rules: [
      // Of other networks nothing that is passed on gets that far.
      'ct state established,related accept',
      ...(link ? meshForward(link.name) : []),
      `oifname ${ANY_LINK} drop`,
      `iifname ${ANY_LINK} drop`,
    ],
  });
  return { family: 'inet', name: TABLE, sets, chains };
}

function meshForward(link: string): string[] {
  return [
    `oifname "${link}" ct status dnat accept`,
    // As between the engine's own bridges: no way but through published ports.
    ...ENGINE_BRIDGES.map((bridge) => `iifname "${link}" oifname ${bridge} ct status ! dnat drop`),
    `iifname "${link}" oifname != ${ANY_LINK} accept`,
  ];
}

interface Mesh {
  published: readonly PublishedPort[];
  ingress: { subnets: ReadonlyArray<{ subnet: string }> };
  link: Link;
  underlayAddress: string;
  timeouts: boolean;
  before: NftTable | undefined;
}

function addMesh(sets: Map<string, NftSet>, chains: Map<string, NftChain>, mesh: Mesh): void {
  const { published, ingress, link, underlayAddress, timeouts, before } = mesh;
  if (timeouts)
    sets.set(ATTEMPTS, { kind: 'ct timeout', declaration: ATTEMPTS_DECLARATION, elements: new Map() });
  const subnets = unique(ingress.subnets.map(({ subnet }) => subnet));
  sets.set('ingress4', nftSet('type ipv4_addr; flags interval;', subnets.filter(isV4)));
  sets.set('ingress6', nftSet('type ipv6_addr; flags interval;', subnets.filter(isV6)));
  const families = [
    ['ip', '@ingress4'] as const,
    ...(subnets.some(isV6) ? [['ip6', '@ingress6'] as const] : []),
  ];
  const verdicts: Array<[string, string]> = [];
  for (const { protocol, port, targetPort, targets } of published) {
    const name = `port_${protocol}_${port}`;
    const match = `meta l4proto ${protocol}`;
    const action = timeouts && protocol === 'tcp' ? `ct timeout set "${ATTEMPTS}" ${MARK}` : MARK;
    const balancer = { name, match, targets: unique(targets), targetPort, action };
    const parts = balancerParts(balancer, before);
    for (const [setName, set] of parts.sets) sets.set(setName, set);
    chains.set(name, parts.chain);
    verdicts.push([`${protocol} . ${port}`, `goto ${name}`]);
  }
  sets.set('published', nftMap('type inet_proto . inet_service : verdict;', verdicts));
  // Ahead of the engine's own translations, which know nothing of these ports.
  const publish = 'fib daddr type local meta l4proto . th dport vmap @published';
  chains.set('prerouting', {
    hook: 'type nat hook prerouting priority -110; policy accept;',
    rules: [publish],
  });
  chains.set('output', { hook: 'type nat hook output priority -110; policy accept;', rules: [publish] });
  // Each packet of the host comes by here: most are not translated and leave with the first rule.
  const belongs = [
    'ct status & (snat | dnat) == 0 accept',
    ...families.map(
      ([ip, set]) => `ct direction original ct status dnat ct reply ${ip} saddr ${set} ${MARK} accept`,
    ),
    ...families.map(([ip, set]) => `ct direction reply ct original ${ip} saddr ${set} ${MARK} accept`),
  ];
  chains.set('mark_forwarded', {
    hook: 'type filter hook prerouting priority mangle; policy accept;',
    rules: [`iifname "${link.name}" ${MARK} accept`, ...belongs],
  });
  chains.set('mark_own', {
    hook: 'type route hook output priority mangle; policy accept;',
    rules: belongs,
  });
  const into = `oifname "${link.name}"`;
  const source = isV4(underlayAddress)
    ? { ip: underlayAddress, ip6: link.hostAddress6 }
    : { ip: link.hostAddress, ip6: underlayAddress };
  const asHost = (['ip', 'ip6'] as const).flatMap((ip) => [
    ...[...ENGINE_BRIDGES, `"${link.name}"`].map(
      (bridge) => `${into} iifname ${bridge} snat ${ip} to ${source[ip]}`,
    ),
    `${into} ${ip} saddr ${ip === 'ip' ? '127.0.0.0/8' : '::1'} snat ${ip} to ${source[ip]}`,
  ]);
  chains.set('postrouting', {
    // Ahead of the engine's: it would choose an address of its own.
    hook: 'type nat hook postrouting priority 90; policy accept;',
    rules: [
      ...asHost,
      `iifname "${link.name}" oifname != "${link.name}" ip saddr @ingress4 masquerade`,
      `iifname "${link.name}" oifname != "${link.name}" ip6 saddr @ingress6 masquerade`,
    ],
  });
}
