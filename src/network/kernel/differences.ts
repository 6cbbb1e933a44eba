/** What differs between the kernel and what it has to be, in words. */
import type { Difference } from '../contract.ts';
import type { FactChange, FactKind } from './facts.ts';

const KIND: Record<FactKind, Difference['kind']> = {
  link: 'link',
  up: 'link',
  port: 'link',
  alias: 'link',
  address: 'address',
  neighbour: 'neighbour',
  fdb: 'fdb',
  tunnel: 'fdb',
  flood: 'fdb',
  route: 'route',
  rule: 'rule',
};

/**
 * @param changes that would make it right
 * @param ruleset whether the tables of nftables are not as they were made
 */
export function differences(
  changes: readonly FactChange[],
  ruleset: boolean,
  networkId: string | undefined,
): Difference[] {
  const found = changes.map(({ kind, key, from, to }): Difference => {
    const what = `${kind} ${key}`;
    const message =
      to === undefined
        ? `${what} (${from}) is there and should not be`
        : from === undefined
          ? `${what} is missing`
          : `${what} is "${from}" instead of "${to}"`;
    return { networkId, kind: KIND[kind], message };
  });
  if (ruleset) found.push({ networkId, kind: 'ruleset', message: 'the nftables ruleset was changed' });
  return found;
}
