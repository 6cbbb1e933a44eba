/** Chains that give new connections to several targets in turn. */
import { isV6 } from '../address.ts';
import { type NftChain, type NftSet, type NftTable, nftMap } from './nft.ts';

export interface Balancer {
  /** Unique in its table; letters, digits and underscores. */
  name: string;
  /** What must hold before a target's port can be named: `meta l4proto tcp`; empty for all protocols. */
  match: string;
  targets: readonly string[];
  /** The port at the targets; the one that was called if not given. */
  targetPort?: number;
  /** Put before the translation: `meta mark set 1`. */
  action?: string;
}

/**
 * Its chain and maps. The targets stand in a map by number and keep their numbers from the table `before`, so that one
 * that comes or goes is few elements and one rule, however many there are; a family without targets has no rule: such connections go on untranslated.
 */
export function balancerParts(
  balancer: Balancer,
  before: NftTable | undefined,
): { sets: Map<string, NftSet>; chain: NftChain } {
  const { name, match, targets, targetPort, action = '' } = balancer;
  const sets = new Map<string, NftSet>();
  const rules: string[] = [];
  for (const [family, wanted] of [
    ['ip', targets.filter((target) => !isV6(target))],
    ['ip6', targets.filter(isV6)],
  ] as const) {
    const declaration = `typeof numgen inc mod 65536 : ${family} daddr;`;
    const map = `${name}_${family}`;
    sets.set(map, nftMap(declaration, place(wanted, before?.sets.get(map)?.elements)));
    if (wanted.length === 0) continue;
    const parts = [
      `meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`,
      match,
      action,
      `dnat ${family} to numgen inc mod ${wanted.length} map @${map}${targetPort === undefined ? '' : ` : ${targetPort}`}`,
    ];
    rules.push(parts.filter((part) => part !== '').join(' '));
  }
  return { sets, chain: { hook: '', rules } };
}

function place(
  values: readonly string[],
  before: ReadonlyMap<string, string> = new Map(),
): Array<readonly [string, string]> {
  const left = new Set(values);
  const placed = new Map<number, string>();
  for (const [key, value] of before)
    if (Number(key) < values.length && left.delete(value)) placed.set(Number(key), value);
  const rest = [...left];
  return values.map((_, index) => [String(index), placed.get(index) ?? rest.shift()!]);
}
