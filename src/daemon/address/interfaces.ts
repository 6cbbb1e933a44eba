import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { LINK_PREFIX } from '../../network/names.ts';
import type { HostInterface } from './address.ts';

/** The host's network interfaces as the kernel shows them now. */
export function hostInterfaces(): HostInterface[] {
  return Object.entries(networkInterfaces()).map(([name, addresses]) => ({
    name,
    addresses: (addresses ?? []).map((a) => a.address),
    external:
      !(addresses ?? []).some((a) => a.internal) &&
      !name.startsWith(LINK_PREFIX) &&
      !existsSync(`/sys/class/net/${name}/bridge`) &&
      !existsSync(`/sys/class/net/${name}/brport`),
  }));
}
