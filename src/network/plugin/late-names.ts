/**
 * A container that comes onto a network after it was made goes on asking the name servers that it was made with, by way of
 * its engine, which knows the names of this host. What the engine passes on to those servers is led to the host's name
 * server of the network instead, which knows the cluster's names and asks those servers for all others.
 */
import { readFile } from 'node:fs/promises';
import { isV4 } from '../address.ts';
import { nameServers } from '../dns/host-resolvers.ts';
import { runInSandbox } from '../kernel/sandbox.ts';
import { feed, runScript } from '../kernel/shell.ts';

/** The engine takes the second one where the first names nothing but systemd's resolver. */
const HOST_FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** Name servers that an engine on this host asks from within containers that were given none. */
export async function hostNameServers(): Promise<string[]> {
  const texts = await Promise.all(HOST_FILES.map((path) => readFile(path, 'utf8').catch(() => '')));
  return nameServers(texts.join('\n'));
}

/** Those that are asked from within a container: an engine asks the host's own address for itself. */
export function askedFromWithin(servers: readonly string[]): string[] {
  return servers.filter((server) => isV4(server) && !server.startsWith('127.'));
}

export interface LateNames {
  /** The container's namespace, as the engine names it: a path. */
  sandbox: string;
  /** Of the container on this network. */
  endpointId: string;
  /** Whom the engine asks from within the container; some. */
  servers: readonly string[];
  /** Who answers instead: the network's gateway. */
  gateway: string;
}

/** @throws CommandError */
export async function leadNames({ sandbox, endpointId, servers, gateway }: LateNames): Promise<void> {
  const table = tableOf(endpointId);
  const asked = `ip daddr { ${servers.join(', ')} }`;
  const rules = `table ip ${table} {
  chain out {
    type nat hook output priority -101
    ${asked} udp dport 53 dnat to ${gateway}
    ${asked} tcp dport 53 dnat to ${gateway}
  }
  chain source {
    type nat hook postrouting priority 99
    ct status dnat ip daddr ${gateway} masquerade
  }
}
`;
  await runInSandbox(sandbox, feed('nft -f -', rules));
}

/** Its engine asks its servers again. Nothing where the container is gone. */
export async function leaveNames({
  sandbox,
  endpointId,
}: Pick<LateNames, 'sandbox' | 'endpointId'>): Promise<void> {
  const remove = `nft delete table ip ${tableOf(endpointId)}`;
  await runScript(`nsenter --net=${sandbox} ${remove} 2>/dev/null || true\n`);
}

function tableOf(endpointId: string): string {
  return `essaim_${endpointId.slice(0, 12)}`;
}
