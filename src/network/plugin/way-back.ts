/**
 * A container of the ingress network that has the engine's own bridge too (it publishes ports of the host itself) would
 * answer everybody through that. What it sends from its ingress address has to go the way that the question came.
 */
import { isV6 } from '../address.ts';
import { runInSandbox, WAIT } from '../kernel/sandbox.ts';
import { feed, sysctls } from '../kernel/shell.ts';

/** Routing table and rules in the container's namespace. */
const TABLE = 100;

export interface WayBack {
  /** The container's namespace, as the engine names it: a path. */
  sandbox: string;
  /** Of the container in the ingress network. */
  addresses: readonly string[];
  /** The network's, one of each family at most. */
  gateways: readonly string[];
}

/** Rules and routes of a container, once it has its link. @throws CommandError if that does not come */
export async function layWayBack({ sandbox, addresses, gateways }: WayBack): Promise<void> {
  const lines = { v4: [] as string[], v6: [] as string[] };
  for (const address of addresses) {
    const via = gateways.find((gateway) => isV6(gateway) === isV6(address));
    if (via === undefined) continue;
    const [batch, everything] = isV6(address) ? [lines.v6, '::/0'] : [lines.v4, '0.0.0.0/0'];
    batch.push(`rule add from ${address} lookup ${TABLE}`);
    batch.push(`route replace ${everything} via ${via} dev $dev table ${TABLE}`);
  }
  const find = `ip -o address show up to ${addresses[0]} | sed 's/^[0-9]*: *\\([^ ]*\\) .*/\\1/'`;
  const inside = `tries=0
while dev=$(${find}); [ -z "$dev" ]; do ${WAIT}; done
${sysctls({ 'net/ipv4/conf/$dev/rp_filter': 2 })}`;
  const batches = [
    ['ip -batch -', lines.v4],
    ['ip -6 -batch -', lines.v6],
  ] as const;
  const commands = batches.map(([command, batch]) => feed(command, batch).replace("<<'END'", '<<END'));
  await runInSandbox(sandbox, `${inside}${commands.join('')}`);
}
