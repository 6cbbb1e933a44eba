/** Addresses as text, as the kernel's tools print them. */
import { isIPv6 } from 'node:net';

export const isV6 = (address: string): boolean => address.includes(':');
export const isV4 = (address: string): boolean => !isV6(address);

/** The one address as a network of its own: `10.0.1.5/32`, `fd00::5/128`. */
export function single(address: string): string {
  return `${address}/${isV6(address) ? 128 : 32}`;
}

/** An IPv6 address or network in the one form that the kernel prints; IPv4 as it is. */
export function canonical(text: string): string {
  if (isV4(text)) return text;
  const [address, length] = text.split('/');
  if (!isIPv6(address!)) throw new Error(`${text} is not an IP address`);
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  return length === undefined ? short : `${short}/${length}`;
}

/** The 32 bits of an IPv4 address. */
export function toNumber(ipv4: string): number {
  return ipv4.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The 128 bits of an IPv6 address as a hexadecimal number. */
export function toHex(ipv6: string): string {
  const [head = '', tail] = canonical(ipv6).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return `0x${[...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('')}`;
}

/** Sorted, each once. */
export function unique(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}
