/** What hosts know of each other's tunnels, which carry encrypted networks. */

/** A public key as WireGuard writes it: 32 bytes in base64. */
export const TUNNEL_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** The network of all tunnels' addresses: a unique local one, seen in tunnels alone. */
export const TUNNEL_PREFIX = 'fd65:7373:6174';
const GROUPS = 5;

/**
 * The address of the host with that public key within the tunnels: its first 80 bits, so that who has the key has the
 * address, and nobody has to give addresses out. In the form that the kernel prints.
 */
export function tunnelAddressOf(publicKey: string): string {
  if (!TUNNEL_KEY.test(publicKey)) throw new Error(`${publicKey} is not a public key of WireGuard`);
  const bytes = Uint8Array.from(atob(publicKey), (char) => char.charCodeAt(0));
  const groups = Array.from({ length: GROUPS }, (_, i) => {
    // No group is zero: there is only one way to write the address.
    return ((bytes[2 * i]! << 8) | bytes[2 * i + 1]! || 1).toString(16);
  });
  return [TUNNEL_PREFIX, ...groups].join(':');
}
