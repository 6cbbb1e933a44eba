/** What has to be in the host's own namespace, and which of the things there are the data plane's. */
import type { OverlayState } from '../../model/network-state.ts';
import { canonical } from '../address.ts';
import { type Facts, fact } from '../kernel/facts.ts';
import {
  INGRESS_MARK,
  INGRESS_TABLE,
  isOurTable,
  LINK_PREFIX,
  type Link,
  MARK_PRIORITY,
  RULE_PRIORITY,
} from '../names.ts';

/** The links are made with their networks: here they get their addresses and routes. */
export function hostFacts(networks: readonly OverlayState[], links: ReadonlyMap<string, Link>): Facts {
  const facts = new Map<string, string>();
  const put = (...args: Parameters<typeof fact>): unknown => facts.set(...fact(...args));
  for (const network of networks) {
    const link = links.get(network.id);
    if (!link) continue;
    put('link', link.name, 'veth');
    put('up', link.name, `mtu ${network.mtu}`);
    put('address', `${link.name} ${link.hostAddress}/31`);
    // What the name server answers goes back into the network that was asked from: its addresses mean nothing elsewhere.
    put('rule', `4 priority ${RULE_PRIORITY} from ${link.hostAddress}`, String(link.table));
    put('route', `${link.table} 0.0.0.0/0`, `via ${link.innerAddress} dev ${link.name}`);
    if (!network.ingress) continue;
    put('address', `${link.name} ${link.hostAddress6}/64`);
    // What comes back to the loopback address is taken for the host's own on this link too.
    put('route', 'local ::1', `local dev ${link.name}`);
    const mark = `0x${INGRESS_MARK.toString(16)}`;
    for (const family of [4, 6])
      put('rule', `${family} priority ${MARK_PRIORITY} fwmark ${mark}/${mark}`, String(INGRESS_TABLE));
    for (const { subnet } of network.subnets) {
      const via = subnet.includes(':') ? link.innerAddress6 : link.innerAddress;
      put('route', `${INGRESS_TABLE} ${canonical(subnet)}`, `via ${via} dev ${link.name}`);
    }
  }
  return facts;
}

/** Leaves out of what is on the host everything that is not the data plane's. */
export function ownHostFacts(facts: Facts): Facts {
  const own = ([text, value]: [string, string]): boolean => {
    const [kind, key] = text.split(' ') as [string, string];
    if (kind === 'rule') return isOurTable(Number(value));
    if (kind === 'route') return isOurTable(Number(key)) || value.includes(`dev ${LINK_PREFIX}`);
    return (kind === 'link' || kind === 'up' || kind === 'address') && key.startsWith(LINK_PREFIX);
  };
  return new Map([...facts].filter(own));
}
