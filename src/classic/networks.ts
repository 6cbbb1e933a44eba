/** Networks of hosts by what people call them. */
import type { Host } from '../fleet/contract.ts';
import type { NetworkRecord } from '../fleet/records.ts';
import { byName, hostName, isCalled } from './names.ts';

export interface FoundNetwork {
  network: NetworkRecord;
  /** Those that have it; one, if it is local. */
  hosts: Host[];
}

/**
 * Each network once, by its id, hosts in the order of their names.
 * @param home the host that knows which networks of all hosts there are, if there is one: others may be late
 */
export function allNetworks(hosts: readonly Host[], home?: Host): FoundNetwork[] {
  const found = new Map<string, FoundNetwork>();
  const shared = home && new Set(home.networks.map(({ Id }) => Id));
  for (const host of byName(hosts)) {
    for (const network of host.networks) {
      if (network.Scope !== 'local' && shared?.has(network.Id) === false) continue;
      const known = found.get(network.Id);
      if (known) known.hosts.push(host);
      else found.set(network.Id, { network, hosts: [host] });
    }
  }
  return [...found.values()];
}

export const isLocal = ({ network }: FoundNetwork): boolean => network.Scope === 'local';

/** As lists show it: a local one with its host. */
export function shownName(found: FoundNetwork): string {
  return isLocal(found) ? `${hostName(found.hosts[0]!)}/${found.network.Name}` : found.network.Name;
}

/** By id, `node/name`, a name that one network has, the beginning of an id. Undefined if that is none or several. */
export function findNetwork(
  hosts: readonly Host[],
  reference: string,
  home?: Host,
): FoundNetwork | undefined {
  const all = allNetworks(hosts, home);
  const byId = all.find(({ network }) => network.Id === reference);
  if (byId) return byId;
  const named = all.filter(
    ({ network, hosts: having }) =>
      network.Name === reference ||
      having.some((host) => {
        const slash = reference.indexOf('/');
        return (
          slash > 0 &&
          isCalled(host, reference.slice(0, slash)) &&
          network.Name === reference.slice(slash + 1)
        );
      }),
  );
  if (named.length > 0) return named.length === 1 ? named[0] : undefined;
  const begun = reference === '' ? [] : all.filter(({ network }) => network.Id.startsWith(reference));
  return begun.length === 1 ? begun[0] : undefined;
}
