/** Lists of addresses as people write them. */
import { DiscoveryError } from './contract.ts';

/**
 * `10.0.0.[11:13]:2375` as the addresses that it stands for: one range, ends included. Anything else, and a range that
 * is none, stands for itself.
 */
export function expandRange(text: string): string[] {
  const found = /^([^[\]]*)\[(\d+):(\d+)\]([^[\]]*)$/.exec(text);
  if (!found) return [text];
  const [, before, from, to, after] = found as unknown as [string, string, string, string, string];
  // A range of IPv6 addresses is none: [::1]:2375 is an address.
  const [first, last] = [Number(from), Number(to)];
  if (first > last || last - first > 65_535) return [text];
  return Array.from({ length: last - first + 1 }, (_, i) => `${before}${first + i}${after}`);
}

/** @throws DiscoveryError, with Go's words, for an address without a port */
export function checkAddress(address: string): string {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  if (colon < 0 || (address.startsWith('[') && address.endsWith(']'))) {
    throw new DiscoveryError(`address ${address}: missing port in address`);
  }
  if (host.includes(':') && !/^\[.*\]$/.test(host)) {
    throw new DiscoveryError(`address ${address}: too many colons in address`);
  }
  return address;
}

/** The addresses of a list of entries, none twice. @throws DiscoveryError */
export function addresses(entries: readonly string[]): string[] {
  return [...new Set(entries.filter(Boolean).flatMap(expandRange).map(checkAddress))];
}

/** The entries of a file: one a line, `#` begins a comment. */
export function entriesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter(Boolean);
}

export function sameEntries(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && [...a].sort().join() === [...b].sort().join();
}
