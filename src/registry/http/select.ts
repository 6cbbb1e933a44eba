/** Which of the instances and hosts a question means, and in which order. Pure. */
import type { Registered, RegisteredHost } from '../catalog.ts';
import type { Status } from '../instances.ts';
import { badRequest, flag } from './contract.ts';

const ORDER: Readonly<Record<Status, number>> = { passing: 0, warning: 1, critical: 2 };

/** The worse of what is said of an instance and of its host. */
export function statusOf({ status, host }: Registered): Status {
  return ORDER[host.status] > ORDER[status] ? host.status : status;
}

/** By `tag` (all of those given), `passing`, `node-meta` and `near`. @param own name of the host that `near=_agent` means */
export function selected(all: readonly Registered[], query: URLSearchParams, own: string): Registered[] {
  const tags = query.getAll('tag').filter((tag) => tag !== '');
  const meta = metaOf(query);
  const isPassing = flag(query, 'passing');
  const found = all.filter(
    (instance) =>
      tags.every((tag) => instance.tags.some((each) => each.toLowerCase() === tag.toLowerCase())) &&
      (!isPassing || statusOf(instance) === 'passing') &&
      hasMeta(instance.host, meta),
  );
  return nearFirst(found, ({ host }) => host, query, own);
}

export function selectedHosts(
  all: readonly RegisteredHost[],
  query: URLSearchParams,
  own: string,
): RegisteredHost[] {
  const meta = metaOf(query);
  return nearFirst(
    all.filter((host) => hasMeta(host, meta)),
    (host) => host,
    query,
    own,
  );
}

/** Distances are not measured: what is on the host that is named comes first. */
function nearFirst<T>(
  all: readonly T[],
  hostOf: (each: T) => RegisteredHost,
  query: URLSearchParams,
  own: string,
): T[] {
  const near = query.get('near');
  if (!near) return [...all];
  const name = near === '_agent' ? own : near;
  const isNear = (each: T): boolean => hostOf(each).name === name;
  return [...all.filter(isNear), ...all.filter((each) => !isNear(each))];
}

function metaOf(query: URLSearchParams): Array<[string, string]> {
  return query.getAll('node-meta').map((text) => {
    const at = text.indexOf(':');
    if (at < 1) throw badRequest(`node-meta takes KEY:VALUE, not ${text}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

const hasMeta = ({ labels }: RegisteredHost, meta: ReadonlyArray<[string, string]>): boolean =>
  meta.every(([key, value]) => labels[key] === value);
