/** The keys of this host's tunnels: the private one is made here and leaves this host never. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { readJson, writeJson } from '../state/json-file.ts';

/** As WireGuard writes keys: 32 bytes, base64. */
export interface TunnelKeys {
  privateKey: string;
  publicKey: string;
}

/** The keys in that file; made where there are none. */
export async function loadTunnelKeys(path: string): Promise<TunnelKeys> {
  const known = await readJson<{ privateKey: string }>(path);
  if (known) return keysOf(known.privateKey);
  const { privateKey } = generateKeyPairSync('x25519');
  const keys = keysOf(part(privateKey, 'd'));
  await writeJson(path, { privateKey: keys.privateKey }, true);
  return keys;
}

/** What two hosts put into their handshake: the same on all that know the cluster's key of now. */
export function presharedKey(networkKey: string): string {
  const bytes = hkdfSync('sha256', networkKey, '', 'essaim encrypted networks', 32);
  return Buffer.from(bytes).toString('base64');
}

function keysOf(privateKey: string): TunnelKeys {
  // PKCS #8 of an X25519 key: always these bytes, then the key.
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex');
  const der = Buffer.concat([head, Buffer.from(privateKey, 'base64')]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: part(createPublicKey(key), 'x') };
}

function part(key: KeyObject, name: 'd' | 'x'): string {
  return Buffer.from(key.export({ format: 'jwk' })[name]!, 'base64url').toString('base64');
}
