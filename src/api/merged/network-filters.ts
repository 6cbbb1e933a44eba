/** Which of the cluster's networks the filters of a list, or of a prune, mean. */
import { isPredefined } from '../../model/node-local.ts';
import type { Network } from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';
import { type Filters, parseFilters } from '../filters.ts';
import { checkUnused } from '../swarm/networks/validation.ts';

/** Whether a list with these filters shows it. */
export function matches(view: View, network: Network, filters: Filters): boolean {
  const { ID, Spec } = network;
  const contains = (key: string, value: string): boolean =>
    filters.get(key).length === 0 || filters.get(key).some((part) => value.includes(part));
  const dangling = filters.boolean('dangling');
  if (isPredefined(Spec)) return false;
  return (
    filters.exact('driver', Spec.Driver || 'overlay') &&
    filters.exact('scope', 'swarm') &&
    filters.exact('type', 'custom') &&
    contains('id', ID) &&
    contains('name', Spec.Name ?? '') &&
    filters.labels('label', Spec.Labels) &&
    (dangling === undefined || dangling !== isUsed(view, network))
  );
}

/** Whether a prune with these filters removes it. @param now milliseconds since the epoch */
export function mayPrune(view: View, network: Network, filters: Filters, now: number): boolean {
  const { Spec, CreatedAt } = network;
  if (Spec.Ingress || isPredefined(Spec) || isUsed(view, network)) return false;
  if (!filters.labels('label', Spec.Labels)) return false;
  const unwanted = filters.get('label!');
  if (unwanted.length > 0 && filtersOf('label', unwanted).labels('label', Spec.Labels)) return false;
  return filters.get('until').every((until) => Date.parse(CreatedAt) <= untilTime(until, now));
}

function filtersOf(key: string, values: readonly string[]): Filters {
  return parseFilters(new URLSearchParams()).with(key, ...values);
}

/** A time, or a duration (10m, 1h30m) before now, in milliseconds. */
function untilTime(text: string, now: number): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|m|s|ms)/g)];
  if (parts.map(([part]) => part).join('') === text && parts.length > 0) {
    const unit: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
    return now - parts.reduce((sum, [, amount, name]) => sum + Number(amount) * unit[name!]!, 0);
  }
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

function isUsed(view: View, { ID }: Network): boolean {
  for (const node of view.all('node')) if (node.internal.networks?.[ID]) return true;
  try {
    checkUnused(view, ID);
    return false;
  } catch {
    return true;
  }
}
