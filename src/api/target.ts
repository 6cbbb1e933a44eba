/** A request's target, taken apart: `/v1.41/services/web?x=1`. */

export interface Target {
  /** The version of the path's prefix, as written; undefined without one. */
  version?: string;
  /** Decoded, without the prefix. */
  path: string;
  /** As received, without the prefix: what is passed on to the engine. */
  raw: string;
  query: URLSearchParams;
}

/** What to answer when a target is nobody's: not a URL, or not the canonical form of one. */
export type BadTarget = 'malformed' | { moved: string };

const PREFIX = /^\/v([0-9.]+)(?=\/)/;

/**
 * Paths are matched in the decoded form in which the engine matches them, so that no spelling of a path can reach the
 * engine's own swarm past our routes; other than canonical ones are redirected, as the engine would.
 */
export function parseTarget(url: string): Target | BadTarget {
  const local = url.startsWith('/') ? url : withoutOrigin(url);
  if (local === undefined) return 'malformed';
  const at = local.indexOf('?');
  const encoded = at < 0 ? local : local.slice(0, at);
  const search = at < 0 ? '' : local.slice(at);
  let decoded: string;
  try {
    decoded = decodeURIComponent(encoded);
  } catch {
    return 'malformed';
  }
  const clean = cleanPath(decoded);
  if (clean !== decoded)
    return { moved: encodeURI(clean).replaceAll('?', '%3F').replaceAll('#', '%23') + search };
  const version = PREFIX.exec(decoded)?.[1];
  const prefix = version === undefined ? 0 : version.length + 2;
  // A prefix that is itself percent-encoded is cut off by meaning, not by length.
  const raw = encoded.startsWith(decoded.slice(0, prefix))
    ? encoded.slice(prefix)
    : encodeURI(decoded.slice(prefix));
  return {
    ...(version === undefined ? {} : { version }),
    path: decoded.slice(prefix),
    raw: raw + search,
    query: new URLSearchParams(search),
  };
}

/** Proxies' form of a target, `http://host/path`. */
function withoutOrigin(url: string): string | undefined {
  const found = /^https?:\/\/[^/?#]*(.*)$/i.exec(url);
  if (!found) return undefined;
  return found[1]!.startsWith('/') ? found[1] : `/${found[1]}`;
}

/** Without empty, `.` and `..` segments; a slash at the end stays. */
function cleanPath(path: string): string {
  if (!path.includes('//') && !/\/\.\.?(\/|$)/.test(path)) return path;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}${path.endsWith('/') && segments.length > 0 ? '/' : ''}`;
}

export function isTarget(target: Target | BadTarget): target is Target {
  return typeof target === 'object' && 'path' in target;
}
