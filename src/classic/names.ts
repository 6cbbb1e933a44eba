/** Hosts as they are called and told apart. */
import type { Host } from '../fleet/contract.ts';

/** A host that was never reached has no name yet. */
export const hostName = ({ facts }: Host): string => facts?.name ?? '(unknown)';

/** Engines may share an id: the address belongs to it. Empty until it was reached. */
export const hostId = ({ facts, address }: Host): string => (facts ? `${facts.engineId}|${address}` : '');

/** `a2` before `a10`. */
export function naturally(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : a > b ? 1 : 0);
}

export function byName(hosts: readonly Host[]): Host[] {
  return hosts.toSorted((a, b) => naturally(hostName(a), hostName(b)) || naturally(a.address, b.address));
}

/** Whether the text names the host: by name, engine's id, id. */
export function isCalled(host: Host, text: string): boolean {
  return (
    host.facts !== undefined &&
    (host.facts.name === text || host.facts.engineId === text || hostId(host) === text)
  );
}
