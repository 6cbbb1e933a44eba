import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { HostInterface } from './address.ts';

/** The host's network interfaces as the kernel shows them now. */
export function hostInterfaces(): HostInterface[] {
  return Object.entries(networkInterfaces()).map(([name, addresses]) => ({
    name,
    addresses: (addresses ?? []).map((a) => a.address),
    external:
      !(addresses ?? []).some((a) => a.internal) &&
      !existsSync(`/sys/class/net/${name}/bridge`) &&
      !existsSync(`/sys/class/net/${name}/brport`),
  }));
}
