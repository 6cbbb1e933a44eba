import { existsSync } from 'node:fs';

/** Whether this kernel has IPv6 at all. */
export function kernelHasIPv6(): boolean {
  return existsSync('/proc/sys/net/ipv6');
}
