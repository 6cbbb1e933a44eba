/** IP addresses and subnets, both versions, as numbers to count with and as their usual text. */

export type IpVersion = 4 | 6;

export interface Address {
  version: IpVersion;
  value: bigint;
}

/** `first` has no bits beyond the prefix. */
export interface Subnet {
  version: IpVersion;
  first: bigint;
  prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Undefined for what is not an address. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { version: text.includes(':') ? 6 : 4, value };
}

/** An address in the form in which all addresses are compared: lower case, zeros of IPv6 left out as RFC 5952 says. */
export function formatAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  const end = zeros.start + zeros.length;
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(end).join(':')}`;
}

/** The subnet that a CIDR text names, whatever its host bits; undefined for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, host = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(host);
  const prefix = Number(bits);
  if (!address || bits === '' || prefix > BITS[address.version]) return undefined;
  return subnetOf(address, prefix);
}

export function subnetOf({ version, value }: Address, prefix: number): Subnet {
  const size = sizeOf({ version, first: value, prefix });
  return { version, first: value - (value % size), prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return withPrefix({ version: subnet.version, value: subnet.first }, subnet.prefix);
}

export function withPrefix(address: Address, prefix: number): string {
  return `${formatAddress(address)}/${prefix}`;
}

/** How many addresses it has. */
export function sizeOf({ version, prefix }: Subnet): bigint {
  return 1n << BigInt(BITS[version] - prefix);
}

export function lastOf(subnet: Subnet): bigint {
  return subnet.first + sizeOf(subnet) - 1n;
}

export function contains(subnet: Subnet, { version, value }: Address): boolean {
  return version === subnet.version && value >= subnet.first && value <= lastOf(subnet);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.version === b.version && a.first <= lastOf(b) && b.first <= lastOf(a);
}

/** Of a CIDR text, the address alone. */
export function hostOf(cidr: string): string {
  const at = cidr.indexOf('/');
  return at < 0 ? cidr : cidr.slice(0, at);
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const [left = '', right, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const head = groupsOf(left);
  const tail = groupsOf(right ?? '');
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<bigint>(missing).fill(0n), ...tail]) value = (value << 16n) | group;
  return value;
}

function groupsOf(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const v4 = parseV4(part);
      if (v4 === undefined || !text.endsWith(part)) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
