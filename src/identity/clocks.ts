/** What it means that two hosts' clocks differ: certificates and what is remembered by the time suffer, sessions and liveness do not. */

/** Clocks that differ by less (ms) are not worth a word. */
const NOTABLE = 30_000;

const SET_BOTH = 'have both hosts take their time from the same source (chrony, systemd-timesyncd)';

/**
 * A sentence about this host's clock beside another's, or undefined if they agree well enough. `date`: of an HTTP answer of the
 * other's that came just now; `now`: this host's time (ms).
 */
export function clockWarning(date: string | undefined, now: number): string | undefined {
  const ahead = now - Date.parse(date ?? '');
  if (!(Math.abs(ahead) >= NOTABLE)) return undefined;
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return `the clock of this host is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} the manager's: ${SET_BOTH}`;
}

/**
 * What to say of a certificate that OpenSSL has not accepted for its dates; undefined: it was for something else. `code`: OpenSSL's
 * name of the error; `now`: the time (ms) at which this host has looked at it.
 */
export function outOfDate(code: string, now: number): string | undefined {
  const here = `by the clock of this host, where it is ${new Date(now).toISOString()}`;
  if (code === 'CERT_NOT_YET_VALID') return `its certificate is not valid yet ${here}: ${SET_BOTH}`;
  if (code === 'CERT_HAS_EXPIRED')
    return `its certificate has expired ${here}: ${SET_BOTH}; if they agree, its host was away for longer than the certificate lasts, and has to leave and join again`;
  return undefined;
}
