const HOUR = 3_600_000;
const NANOSECONDS = 1_000_000;

/** How long node certificates last: Docker's 90 days, and its lower bound. Nanoseconds, as in the cluster's spec. */
export const DEFAULT_NODE_CERT_EXPIRY = 90 * 24 * HOUR * NANOSECONDS;
export const MIN_NODE_CERT_EXPIRY = HOUR * NANOSECONDS;

/** Certificates are good from an hour before they are made, for hosts whose clocks are slow. */
export const BACKDATE = HOUR;

/** From when to when (ms) a certificate made now is valid; 0 or absent `expiry` (ns) means the default. */
export function validity(now: number, expiry?: number | null): { notBefore: number; notAfter: number } {
  return { notBefore: now - BACKDATE, notAfter: now + (expiry || DEFAULT_NODE_CERT_EXPIRY) / NANOSECONDS };
}

/**
 * When (ms) to renew a certificate: somewhere between 50 and 80 % of its life, not counting the back-dating, so that the
 * nodes of a cluster do not all come at once. `random` is in [0, 1). A time past means at once.
 */
export function renewalTime(certificate: { notBefore: number; notAfter: number }, random: number): number {
  const begin = Math.min(certificate.notBefore + BACKDATE, certificate.notAfter);
  return begin + (certificate.notAfter - begin) * (0.5 + 0.3 * random);
}
