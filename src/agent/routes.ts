/** Which subnets the host reaches by itself: its kernel's main routing tables. */
import { readFile } from 'node:fs/promises';
import { formatAddress, formatSubnet, subnetOf } from '../model/cidr.ts';

/** CIDR, sorted. The default routes, single addresses and what stands for the cluster's networks are left out. */
export async function hostRoutes(): Promise<string[]> {
  const [v4, v6] = await Promise.all(
    ['/proc/net/route', '/proc/net/ipv6_route'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return parseRoutes(v4!, v6!);
}

/** From the texts of those two files. */
export function parseRoutes(v4: string, v6: string): string[] {
  const found = new Set<string>();
  for (const line of v4.split('\n').slice(1)) {
    const [device = '', destination, , , , , , mask] = line.trim().split(/\s+/);
    if (!destination || !mask || isOwn(device)) continue;
    const bits = fromLittleEndian(mask).toString(2).replaceAll('0', '').length;
    if (bits === 0 || bits === 32) continue;
    found.add(formatSubnet(subnetOf({ version: 4, value: fromLittleEndian(destination) }, bits)));
  }
  for (const line of v6.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [destination, length = ''] = fields;
    if (!destination || isOwn(fields.at(-1)!)) continue;
    const bits = Number.parseInt(length, 16);
    const value = BigInt(`0x${destination}`);
    if (bits === 0 || bits === 128 || /^(fe80|ff)/.test(formatAddress({ version: 6, value }))) continue;
    found.add(formatSubnet(subnetOf({ version: 6, value }, bits)));
  }
  return [...found].sort();
}

/** Links that Essaim makes itself begin so (network/names.ts). */
function isOwn(device: string): boolean {
  return device === 'lo' || device.startsWith('esm-');
}

function fromLittleEndian(hex: string): bigint {
  return BigInt(`0x${hex.match(/../g)!.reverse().join('')}`);
}
