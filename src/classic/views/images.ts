/** `docker images` over all hosts. */
import { type Filters, parseFilters } from '../../api/filters.ts';
import { boolValue } from '../../api/query.ts';
import type { Host } from '../../fleet/contract.ts';
import type { ImageRecord } from '../../fleet/records.ts';
import { findImage } from '../images.ts';
import { repository } from '../rules/filters.ts';
import { matchesHost } from './containers.ts';

/** One row for each id, with the tags of all hosts; newest first. @throws ApiError */
export function listImages(hosts: readonly Host[], query: URLSearchParams): ImageRecord[] {
  const filters = withOldForm(parseFilters(query), query);
  const rows = new Map<string, ImageRecord>();
  const parents = new Set<string>();
  for (const host of hosts) {
    if (!matchesHost(filters, host)) continue;
    for (const image of host.images) {
      if (image.ParentId) parents.add(image.ParentId);
      const known = rows.get(image.Id);
      rows.set(image.Id, known ? union(known, image) : image);
    }
  }
  const all = boolValue(query, 'all');
  const dangling = filters.boolean('dangling');
  const bounds = { before: created(hosts, filters, 'before'), since: created(hosts, filters, 'since') };
  const references = filters.get('reference');
  return [...rows.values()]
    .filter((image) => {
      const tags = tagsOf(image);
      const bare = tags.length === 0 && digestsOf(image).length === 0;
      if (!all && bare && parents.has(image.Id)) return false;
      if (dangling !== undefined && dangling !== (tags.length === 0)) return false;
      if (bounds.before !== undefined && image.Created >= bounds.before) return false;
      if (bounds.since !== undefined && image.Created <= bounds.since) return false;
      if (references.length > 0 && !references.some((pattern) => tags.some((tag) => isLike(tag, pattern))))
        return false;
      return filters.labels('label', image.Labels);
    })
    .toSorted((a, b) => b.Created - a.Created || (a.Id < b.Id ? -1 : 1));
}

/** Until API 1.28 a name was a parameter of its own. */
function withOldForm(filters: Filters, query: URLSearchParams): Filters {
  const name = query.get('filter');
  return name ? filters.with('reference', name) : filters;
}

function union(a: ImageRecord, b: ImageRecord): ImageRecord {
  const both = (x: string[] | null, y: string[] | null): string[] => [
    ...new Set([...(x ?? []), ...(y ?? [])]),
  ];
  const merged = {
    ...a,
    RepoTags: both(a.RepoTags, b.RepoTags),
    RepoDigests: both(a.RepoDigests, b.RepoDigests),
  };
  // Where one host has a name for it, the others' having none does not matter.
  const named = merged.RepoTags.filter((tag) => tag !== '<none>:<none>');
  return { ...merged, RepoTags: named.length > 0 ? named : merged.RepoTags };
}

const tagsOf = ({ RepoTags }: ImageRecord): string[] =>
  (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
const digestsOf = ({ RepoDigests }: ImageRecord): string[] =>
  (RepoDigests ?? []).filter((digest) => digest !== '<none>@<none>');

function created(hosts: readonly Host[], filters: Filters, key: string): number | undefined {
  const [reference] = filters.get(key);
  if (reference === undefined) return undefined;
  return hosts.map((host) => findImage(host, reference)).find((image) => image !== undefined)?.Created;
}

/** A pattern of a shell, for the name with its tag or without. */
function isLike(tag: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    const expression = new RegExp(`^${source}$`);
    return expression.test(tag) || expression.test(repository(tag));
  } catch {
    return false;
  }
}
