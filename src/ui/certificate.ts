/** The certificate of the web interface: given as files, or made by the swarm's own authority. */
import { hostname, networkInterfaces } from 'node:os';
import { issueServerCertificate } from '../identity/authority.ts';
import type { Cluster } from '../model/objects.ts';

const DAY = 24 * 3_600_000;
/** Browsers take none for much longer; it is made anew whenever a manager starts, and before it ends. */
const LIFE = 90 * DAY;
const BACKDATE = 3_600_000;

export interface ServerCertificate {
  key: string;
  /** With what certifies it. */
  cert: string;
  /** When to make the next one, milliseconds; undefined: never. */
  renewAt?: number;
}

/** A certificate for all names and addresses of this host. */
export async function ownCertificate(
  { internal }: Cluster,
  names: readonly string[],
  now: number,
): Promise<ServerCertificate> {
  const { key, certificate } = await issueServerCertificate(
    { cert: internal.caCert, key: internal.caKey },
    {
      commonName: 'Essaim web interface',
      names: [...new Set([hostname().toLowerCase(), 'localhost', ...names])],
      addresses: hostAddresses(),
      notBefore: now - BACKDATE,
      notAfter: now + LIFE,
    },
  );
  return { key, cert: `${certificate}${internal.crossSigned}`, renewAt: now + (LIFE * 2) / 3 };
}

/** Without link-local ones, which nobody types. */
function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const addresses = all.map(({ address }) => address).filter((address) => !/^fe80|%/i.test(address));
  return [...new Set(['127.0.0.1', ...addresses])];
}
