/** What is seen and made in the namespace of a container that came onto a network late. */
import { feed } from '../kernel/shell.ts';

export const TABLE = 'essaim_names';
/** Where each container finds its engine's resolver. */
export const ENGINE_RESOLVER = '127.0.0.11';
/** The same as the kernel writes it. */
const IN_KERNEL = '0B00007F';
const NOBODY = '00000000:0000';

/** Ahead of the engine's own rules, which lead the same questions to its resolver's port. */
export function leadRules({
  address,
  ports,
}: {
  address: string;
  ports: { udp: number; tcp: number };
}): string {
  const rules = `table ip ${TABLE}
delete table ip ${TABLE}
table ip ${TABLE} {
  chain out {
    type nat hook output priority -101
    ip daddr ${ENGINE_RESOLVER} udp dport 53 dnat to ${address}:${ports.udp}
    ip daddr ${ENGINE_RESOLVER} tcp dport 53 dnat to ${address}:${ports.tcp}
  }
}
`;
  return feed('nft -f -', rules);
}

/**
 * Where the engine's resolver listens: a port that it is given when it starts.
 * @param text of /proc/net/udp
 */
export function enginePort(text: string): number | undefined {
  for (const line of text.split('\n')) {
    const [, local = '', remote] = line.trim().split(/\s+/);
    const [address, port] = local.split(':');
    if (address === IN_KERNEL && remote === NOBODY) return Number.parseInt(port!, 16);
  }
  return undefined;
}
