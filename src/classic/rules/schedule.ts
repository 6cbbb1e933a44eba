/** Which host a container is created on. */
import { ApiError } from '../../model/errors.ts';
import type { Candidate } from './candidate.ts';
import type { Ask } from './container-config.ts';
import { FILTERS, type Filter } from './filters.ts';
import { STRATEGIES, type Strategy } from './strategy.ts';

export interface Scheduling {
  readonly strategy: string;
  /** In their order. */
  readonly filters: readonly Filter[];
}

/** @throws ApiError if no host can take it, with all that was asked for until none was left */
export function schedule(
  { strategy, filters }: Scheduling,
  ask: Ask,
  candidates: readonly Candidate[],
  random: () => number,
): Candidate {
  const rank = STRATEGIES[strategy]!;
  try {
    return attempt(filters, rank, ask, candidates, random, true);
  } catch {
    // Soft expressions hold all together or none does.
    return attempt(filters, rank, ask, candidates, random, false);
  }
}

function attempt(
  filters: readonly Filter[],
  rank: Strategy,
  ask: Ask,
  candidates: readonly Candidate[],
  random: () => number,
  soft: boolean,
): Candidate {
  if (candidates.length === 0) throw new ApiError(500, 'No nodes available in the cluster');
  let left = candidates;
  for (const [i, filter] of filters.entries()) {
    left = filter.keep(ask, left, soft);
    if (left.length > 0) continue;
    if (filter.name === 'health') throw new ApiError(500, 'No healthy node available in the cluster');
    const lines = filters.slice(0, i + 1).flatMap((each) => {
      const asks = each.asks(ask);
      return asks.length === 0 ? [] : [`\n[${asks.join(' ')}]`];
    });
    throw new ApiError(
      500,
      `Unable to find a node that satisfies the following conditions ${lines.join('')}`,
    );
  }
  const near = withData(ask.volumes, left);
  try {
    return rank(ask, near, random);
  } catch (error) {
    if (near.length === left.length) throw error;
    return rank(ask, left, random);
  }
}

/** Of those the ones with most of the data of these volumes; all of them, if it is the same everywhere. */
function withData(volumes: readonly string[], candidates: readonly Candidate[]): readonly Candidate[] {
  if (volumes.length === 0) return candidates;
  const worth = ({ volumes: there }: Candidate): number =>
    volumes.reduce(
      (sum, name) => sum + (there.get(name)?.used ? 1 + volumes.length : there.has(name) ? 1 : 0),
      0,
    );
  const most = Math.max(...candidates.map(worth));
  return candidates.filter((candidate) => worth(candidate) === most);
}

/** The filters of these names, in the order of the names; all, if there are none. @throws Error that names the one that there is not */
export function filtersNamed(names: readonly string[]): Filter[] {
  const unknown = names.find((name) => !FILTERS.some((filter) => filter.name === name));
  if (unknown !== undefined) throw new Error(`filter not supported: ${unknown}`);
  return names.length === 0
    ? [...FILTERS]
    : [...new Set(names)].map((name) => FILTERS.find((each) => each.name === name)!);
}
