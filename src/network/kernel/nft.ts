/**
 * A table of nftables as data: as the text that makes it, as the text of the one transaction that changes it, and how much has
 * to be in it.
 */

/** A set or a map, or a thing with a name that has no elements. */
export interface NftSet {
  /** What it is, and what stands between its braces before the elements: `type ipv4_addr; flags interval;` */
  kind: 'set' | 'map' | 'ct timeout';
  declaration: string;
  /** For a set the values are empty. */
  elements: ReadonlyMap<string, string>;
}

export interface NftChain {
  /** `type nat hook prerouting priority dstnat; policy accept;`, or empty for a chain that is jumped to. */
  hook: string;
  rules: readonly string[];
}

export interface NftTable {
  family: 'inet' | 'bridge';
  name: string;
  sets: ReadonlyMap<string, NftSet>;
  chains: ReadonlyMap<string, NftChain>;
}

export function nftSet(declaration: string, elements: Iterable<string>): NftSet {
  return { kind: 'set', declaration, elements: new Map([...elements].map((element) => [element, ''])) };
}

export function nftMap(declaration: string, elements: Iterable<readonly [string, string]>): NftSet {
  return { kind: 'map', declaration, elements: new Map(elements) };
}

const entry = ([key, value]: readonly [string, string]): string => (value === '' ? key : `${key} : ${value}`);
const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, index) => text === b[index]);

/** Replaces whatever there is of the table, in one transaction. */
export function replaceTable(table: NftTable): string {
  const header = `table ${table.family} ${table.name}`;
  const empty = { ...table, sets: new Map(), chains: new Map() };
  return `${header}\ndelete ${header}\n${header}\n${changeTable(empty, table)}`;
}

/** Turns the one table into the other, touching only what differs; empty when nothing does. */
export function changeTable(from: NftTable, to: NftTable): string {
  const at = `${to.family} ${to.name}`;
  const lines: string[] = [];
  // A set whose type changes, or a chain whose hook does, would have to go first: they never do under one name.
  const newSets = [...to.sets].filter(([name]) => !from.sets.has(name));
  const goneSets = [...from.sets.keys()].filter((name) => !to.sets.has(name));
  const newChains = [...to.chains].filter(([name]) => !from.chains.has(name));
  const goneChains = [...from.chains.keys()].filter((name) => !to.chains.has(name));
  for (const [name, { hook }] of newChains) lines.push(`add chain ${at} ${name}${hook && ` { ${hook} }`}`);
  for (const [name, { kind, declaration }] of newSets)
    lines.push(`add ${kind} ${at} ${name} { ${declaration} }`);
  const changed = [...to.chains].filter(([name, chain]) => !same(chain.rules, rules(from, name)));
  // Emptied before the elements go, so that no rule refers to what is not there.
  for (const [name] of changed) if (from.chains.has(name)) lines.push(`flush chain ${at} ${name}`);
  for (const [name, set] of to.sets) {
    const before = from.sets.get(name)?.elements ?? new Map<string, string>();
    const gone = [...before].filter(([key, value]) => set.elements.get(key) !== value);
    const come = [...set.elements].filter(([key, value]) => before.get(key) !== value);
    if (gone.length > 0)
      lines.push(`delete element ${at} ${name} { ${gone.map(([key]) => key).join(', ')} }`);
    if (come.length > 0) lines.push(`add element ${at} ${name} { ${come.map(entry).join(', ')} }`);
  }
  for (const [name, chain] of changed)
    for (const rule of chain.rules) lines.push(`add rule ${at} ${name} ${rule}`);
  for (const name of goneChains) lines.push(`flush chain ${at} ${name}`);
  for (const name of goneSets) lines.push(`delete ${from.sets.get(name)!.kind} ${at} ${name}`);
  for (const name of goneChains) lines.push(`delete chain ${at} ${name}`);
  return lines.map((line) => `${line}\n`).join('');
}

function rules(table: NftTable, chain: string): readonly string[] {
  return table.chains.get(chain)?.rules ?? [];
}

/** What is in tables, as far as it can be told without knowing how nft prints it: `inet t chain c` → rules, `inet t set s` → elements. */
export type Contents = ReadonlyMap<string, number>;

export function contentsOf(tables: readonly NftTable[]): Contents {
  const contents = new Map<string, number>();
  for (const { family, name, sets, chains } of tables) {
    for (const [set, { kind, elements }] of sets)
      contents.set(`${family} ${name} ${kind} ${set}`, elements.size);
    for (const [chain, { rules }] of chains) contents.set(`${family} ${name} chain ${chain}`, rules.length);
  }
  return contents;
}

/** The same of what `nft list table` has printed of them. */
export function listedContents(output: string): Contents {
  const contents = new Map<string, number>();
  let table = '';
  let within = '';
  for (const line of output.split('\n')) {
    const [, part] = /^\t((?:chain|set|map|ct timeout) \S+)/.exec(line) ?? [];
    if (line.startsWith('table ')) table = line.split(' ').slice(1, 3).join(' ');
    else if (part) {
      within = `${table} ${part}`;
      contents.set(within, 0);
    } else if (/^\t\t/.test(line)) contents.set(within, contents.get(within)! + countOf(line, within));
  }
  return contents;
}

/** How many rules or elements are on a line of a chain or a set. */
function countOf(line: string, within: string): number {
  // The first line of a chain says where it hooks in.
  if (within.includes(' chain ')) return Number(!line.startsWith('\t\ttype '));
  // Elements go on further to the right; all else that is said of a set is not.
  const [, elements] = /^\t\t(?:elements = \{|\t)([^}]*)/.exec(line) ?? [];
  return elements?.split(',').filter((element) => element.trim() !== '').length ?? 0;
}
