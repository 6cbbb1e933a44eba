/**
 * The rules of iptables that the engine makes when it starts, for all its containers alike: their way out, the chains into
 * which it puts the rest. It never looks at them again. Who flushes the host's rules leaves containers without a way out,
 * and no container with ports of its host starts any more: so what is lost of them is put back, as it was seen last.
 *
 * Rules of single containers are left out: those may be others by then.
 */

interface Table {
  chains: ReadonlySet<string>;
  /** As `iptables-save` prints them: `-A FORWARD -j DOCKER-USER`. */
  rules: readonly string[];
}

/** By name: `nat`. */
export type Tables = ReadonlyMap<string, Table>;

/** @param save what `iptables-save` has printed */
export function readTables(save: string): Tables {
  const tables = new Map<string, { chains: Set<string>; rules: string[] }>();
  let table: { chains: Set<string>; rules: string[] } | undefined;
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) {
      table = { chains: new Set(), rules: [] };
      tables.set(line.slice(1), table);
    } else if (line.startsWith(':')) table?.chains.add(line.slice(1, line.indexOf(' ')));
    else if (line.startsWith('-A ')) table?.rules.push(line);
  }
  return tables;
}

const isEngineChain = (chain: string): boolean => chain === 'DOCKER' || chain.startsWith('DOCKER-');
const chainOf = (rule: string): string => rule.split(' ')[1]!;
/** Of a single container: it has an address or a port in it. */
const isContainers = (rule: string): boolean => / -[sd] \S+\/(32|128) | -j DNAT | --dport /.test(rule);
/** What users put there is theirs; the engine only sees to it that there is an end. */
const isUsers = (rule: string): boolean =>
  chainOf(rule) === 'DOCKER-USER' && rule !== '-A DOCKER-USER -j RETURN';
/** The ways into the engine's chains that it takes away with none of its networks. */
const WAY_IN = /^-A (FORWARD|PREROUTING|OUTPUT) (?!.*-[io] ).*-j DOCKER(-\S+)?$/;
/** What it makes for each of its bridges, by name, in chains that are not its own. */
const FOR_BRIDGE = [
  /^-A FORWARD -o (\S+) -j DOCKER$/,
  /^-A FORWARD -o (\S+) -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT$/,
  /^-A FORWARD -i (\S+) ! -o \1 -j ACCEPT$/,
  /^-A FORWARD -i (\S+) -o \1 -j (?:ACCEPT|DROP)$/,
  /^-A POSTROUTING -s \S+ ! -o (\S+) -j (?:MASQUERADE|SNAT --to-source \S+)$/,
];

/** What of the tables the engine has made for all its containers. */
export function engineTables(tables: Tables): Tables {
  const all = [...tables.values()].flatMap(({ rules }) => rules);
  const bridges = new Set(all.flatMap((rule) => / -o (\S+) -j DOCKER$/.exec(rule)?.[1] ?? []));
  const isForBridge = (rule: string): boolean =>
    FOR_BRIDGE.some((pattern) => bridges.has(pattern.exec(rule)?.[1] ?? ''));
  const isEngines = (rule: string): boolean =>
    isEngineChain(chainOf(rule))
      ? !isContainers(rule) && !isUsers(rule)
      : WAY_IN.test(rule) || isForBridge(rule);
  return new Map(
    [...tables].map(([name, { chains, rules }]) => [
      name,
      { chains: new Set([...chains].filter(isEngineChain)), rules: rules.filter(isEngines) },
    ]),
  );
}

/**
 * What somebody else has taken away, from tables without any way into the engine's chains: they were flushed. (Whoever takes
 * away one of several means that one.)
 * @param before the engine's tables when they were seen last
 * @returns what `iptables-restore --noflush` puts it back from; empty when nothing is lost
 */
export function lostRules(before: Tables, now: Tables): string {
  return [...before].map(([name, table]) => lostOf(name, table, now.get(name))).join('');
}

function lostOf(name: string, before: Table, now: Table = { chains: new Set(), rules: [] }): string {
  const waysIn = before.rules.filter((rule) => WAY_IN.test(rule));
  const present = new Set(now.rules);
  if (waysIn.length === 0 || waysIn.some((rule) => present.has(rule))) return '';
  const filled = new Set(now.rules.map(chainOf));
  const places = new Map<string, number>();
  const lines = [...before.chains]
    .filter((chain) => !now.chains.has(chain))
    .map((chain) => `:${chain} - [0:0]`);
  for (const rule of before.rules) {
    const chain = chainOf(rule);
    if (isEngineChain(chain)) {
      // One that still has rules was not flushed, and knows better.
      if (!filled.has(chain)) lines.push(rule);
    } else if (!present.has(rule)) {
      // Ahead of everybody else's, as the engine has them.
      const place = (places.get(chain) ?? 0) + 1;
      places.set(chain, place);
      lines.push(rule.replace(`-A ${chain}`, `-I ${chain} ${place}`));
    }
  }
  return `*${name}\n${lines.join('\n')}\nCOMMIT\n`;
}
