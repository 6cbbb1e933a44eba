/** What the things that Essaim makes in the kernel are called: its own are found again by these names. */

/** A network namespace of its own for each overlay on the host. */
export const NAMESPACE_PREFIX = 'esn-';
/** The host's ends of the links to those namespaces. */
export const LINK_PREFIX = 'esm-';
/** Within the namespace. */
export const BRIDGE = 'br0';
export const TUNNEL = 'vx0';
/** The namespace's end of the link to the host. */
export const UPLINK = 'h0';
/** Our table, in each family and namespace that has one. */
export const TABLE = 'essaim';

/** Marks packets of the host that belong into the ingress network; only that bit is touched. */
export const INGRESS_MARK = 0x200000;
export const INGRESS_TABLE = 0xe54fffff;
const FIRST_LINK_TABLE = 0xe5500000;
/** Before the main table (32766), behind what VPN programs put in front of everything (5,000 and so on). */
export const RULE_PRIORITY = 13_000;
/** Of the rule for what is marked: each packet of a published port passes it, the others have one a network. */
export const MARK_PRIORITY = RULE_PRIORITY - 1;

export function namespaceOf(networkId: string): string {
  return `${NAMESPACE_PREFIX}${networkId.slice(0, 12)}`;
}

/** The port of the bridge that leads to a container; names of links have at most 15 characters. */
export function portOf(endpointId: string): string {
  return `v${endpointId.slice(0, 12)}`;
}

/** The container's end as long as the engine has not taken it in. */
export function containerEndOf(endpointId: string): string {
  return `e${endpointId.slice(0, 12)}`;
}

/** The link between host and an overlay's namespace: each has a number on the host while it is there. */
export interface Link {
  name: string;
  hostAddress: string;
  innerAddress: string;
  hostAddress6: string;
  innerAddress6: string;
  /** Routing table for what the host sends from `hostAddress`. */
  table: number;
}

/** Addresses are link-local ones (IPv4) and of a unique local network of ours (IPv6). 0 <= slot < 8192. */
export function linkOf(slot: number): Link {
  const v4 = (offset: number): string => {
    const low = 64 * 256 + 2 * slot + offset;
    return `169.254.${low >> 8}.${low & 255}`;
  };
  const v6 = (host: number): string =>
    slot === 0 ? `fd65:7373:6169::${host}` : `fd65:7373:6169:${slot.toString(16)}::${host}`;
  return {
    name: `${LINK_PREFIX}${slot}`,
    hostAddress: v4(0),
    innerAddress: v4(1),
    hostAddress6: v6(1),
    innerAddress6: v6(2),
    table: FIRST_LINK_TABLE + slot,
  };
}

/** Whether a routing table is one of ours. */
export function isOurTable(table: number): boolean {
  return table >= INGRESS_TABLE && table < FIRST_LINK_TABLE + 8192;
}

/** Numbers for the networks' links: kept where there is one, else the lowest that is free. */
export function assignSlots(
  networkIds: Iterable<string>,
  known: ReadonlyMap<string, number>,
): Map<string, number> {
  const ids = [...networkIds];
  const slots = new Map(ids.filter((id) => known.has(id)).map((id) => [id, known.get(id)!]));
  const taken = new Set(known.values());
  let next = 0;
  for (const id of ids) {
    if (slots.has(id)) continue;
    while (taken.has(next)) next++;
    taken.add(next);
    slots.set(id, next);
  }
  return slots;
}
