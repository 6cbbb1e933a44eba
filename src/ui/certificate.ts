/** The certificate of the web interface: given as files, or made by the swarm's own authority. */
import { hostname, networkInterfaces } from 'node:os';
import type { ManagerFace } from '../api/contract.ts';
import type { Logger } from '../api/router.ts';
import { issueServerCertificate } from '../identity/authority.ts';
import type { Clock } from '../model/clock.ts';
import type { Cluster } from '../model/objects.ts';

const DAY = 24 * 3_600_000;
/** Browsers take none for much longer; it is made anew whenever a manager starts, and before it ends. */
const LIFE = 90 * DAY;
const BACKDATE = 3_600_000;
/** How often it is looked whether it is to be made anew, ms. */
const LOOK_EVERY = 60_000;

export interface ServerCertificate {
  key: string;
  /** With what certifies it. */
  cert: string;
  /** When to make the next one, milliseconds; undefined: never. */
  renewAt?: number;
}

export interface CertificateOptions {
  manager: Pick<ManagerFace, 'cluster' | 'now'>;
  /** DNS names besides the host's own. */
  names: readonly string[];
  /** PEM files' contents; absent: the swarm's own authority makes them. */
  certificate?: { cert: string; key: string };
  clock: Clock;
  log: Logger;
}

/** The given one, or one of the swarm's authority. */
export function certificateOf({
  certificate,
  manager,
  names,
}: CertificateOptions): Promise<ServerCertificate> {
  if (certificate) return Promise.resolve(certificate);
  return ownCertificate(manager.cluster(), names, manager.now());
}

/** Makes the next one before it ends, or when the authority's root has changed, again and again. Returns what ends that. */
export function renewing(
  { renewAt }: ServerCertificate,
  options: CertificateOptions,
  use: (next: ServerCertificate) => void,
): () => void {
  const { clock, manager, log } = options;
  if (renewAt === undefined) return () => undefined;
  let at = renewAt;
  let root = manager.cluster().internal.caCert;
  let isOver = false;
  let cancel: () => void;
  const look = (): void => {
    if (manager.cluster().internal.caCert === root && clock.now() < at) {
      cancel = clock.timer(LOOK_EVERY, look);
      return;
    }
    const present = manager.cluster().internal.caCert;
    void certificateOf(options)
      .then(
        (next) => {
          if (isOver) return;
          use(next);
          root = present;
          at = next.renewAt ?? at;
        },
        (error: unknown) => log.error({ err: error }, 'cannot make a certificate for the web interface'),
      )
      .finally(() => {
        if (!isOver) cancel = clock.timer(LOOK_EVERY, look);
      });
  };
  cancel = clock.timer(LOOK_EVERY, look);
  return () => {
    isOver = true;
    cancel();
  };
}

/** A certificate for all names and addresses of this host. */
async function ownCertificate(
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
