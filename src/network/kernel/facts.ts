/**
 * What iproute2 makes in a namespace, as data: each fact has a key and a value, and the commands that make and unmake
 * it. The kernel's answers are read into the same form, so that wanted and real can be compared and turned into each other.
 */
import { isV6 } from '../address.ts';
import { TUNNEL } from '../names.ts';

/** `kind key` → value. Keys and values as the kernel prints them. */
export type Facts = ReadonlyMap<string, string>;

export type Tool = 'ip' | 'ip6' | 'bridge';

/** Lines for one run of `ip -batch`, `ip -6 -batch` or `bridge -batch`. */
export interface Batch {
  tool: Tool;
  lines: string[];
}

interface Kind {
  tool: Tool | ((key: string) => Tool);
  add(key: string, value: string): string[];
  remove(key: string, value: string): string[];
}

function routeOf(key: string, value: string): string {
  const [table, destination] = key.split(' ');
  const [type, rest] = value.startsWith('local ') ? ['local ', value.slice(6)] : ['', value];
  return `${type}${destination} ${rest} table ${table}`;
}
const ruleTool = (key: string): Tool => (key.startsWith('6 ') ? 'ip6' : 'ip');
const FLOOD = '00:00:00:00:00:00';
/** Frames pass the IP hooks too: that is where virtual addresses are translated. */
const BRIDGE_OPTIONS = 'nf_call_iptables 1 nf_call_ip6tables 1 mcast_snooping 0 forward_delay 0';

/** In the order in which they are made. */
export const KINDS = {
  /** device → its type. Only bridges are made here: a tunnel or a veth is made where its other end is. */
  link: {
    tool: 'ip',
    add: (dev, type) => (type === 'bridge' ? [`link add name ${dev} type bridge ${BRIDGE_OPTIONS}`] : []),
    remove: (dev) => [`link delete ${dev}`],
  },
  /** device → `mtu 1450`, `mtu 1450 address 02:…`; it is up. */
  up: {
    tool: 'ip',
    add: (dev, value) => [`link set dev ${dev} ${value} up`],
    remove: () => [],
  },
  /** device → `br0 hairpin on`: its bridge and how it is a port of it. */
  port: {
    tool: 'ip',
    add(dev, value) {
      const [bridge, ...options] = value.split(' ');
      return [
        `link set dev ${dev} addrgenmode none master ${bridge} up`,
        `link set dev ${dev} type bridge_slave ${options.join(' ')}`,
      ];
    },
    remove: () => [],
  },
  /** device → whose port it is, for the next process. */
  alias: {
    tool: 'ip',
    add: (dev, alias) => [`link set dev ${dev} alias "${alias}"`],
    remove: () => [],
  },
  /** `device address/length` → empty. */
  address: {
    tool: 'ip',
    add(key) {
      const [dev, address] = key.split(' ');
      // Nobody else has these addresses; they are usable at once.
      return [`address replace ${address} dev ${dev}${isV6(address!) ? ' nodad' : ''}`];
    },
    remove(key) {
      const [dev, address] = key.split(' ');
      return [`address delete ${address} dev ${dev}`];
    },
  },
  /** `device address` → MAC. */
  neighbour: {
    tool: 'ip',
    add(key, mac) {
      const [dev, address] = key.split(' ');
      return [`neighbour replace ${address} lladdr ${mac} dev ${dev} nud permanent`];
    },
    remove(key) {
      const [dev, address] = key.split(' ');
      return [`neighbour delete ${address} dev ${dev}`];
    },
  },
  /** MAC → port of the bridge that it is behind. */
  fdb: {
    tool: 'bridge',
    add: (mac, dev) => [`fdb replace ${mac} dev ${dev} master static`],
    remove: (mac, dev) => [`fdb delete ${mac} dev ${dev} master`],
  },
  /** MAC → the host behind the tunnel that has it. */
  tunnel: {
    tool: 'bridge',
    add: (mac, dst) => [`fdb replace ${mac} dev ${TUNNEL} dst ${dst} self permanent`],
    remove: (mac, dst) => [`fdb delete ${mac} dev ${TUNNEL} dst ${dst} self`],
  },
  /** Host behind the tunnel that gets what is for everybody → empty. */
  flood: {
    tool: 'bridge',
    add: (dst) => [`fdb append ${FLOOD} dev ${TUNNEL} dst ${dst} self permanent`],
    remove: (dst) => [`fdb delete ${FLOOD} dev ${TUNNEL} dst ${dst} self`],
  },
  /** `table destination` → `via 10.0.0.3 dev br0`, `local dev h0`. */
  route: {
    tool: (key) => (isV6(key.split(' ')[1]!) ? 'ip6' : 'ip'),
    add: (key, value) => [`route replace ${routeOf(key, value)}`],
    remove: (key, value) => [`route delete ${routeOf(key, value)}`],
  },
  /** `4 priority 13000 from 169.254.64.0`, `6 priority 13000 fwmark 0x1/0x1` → table. */
  rule: {
    tool: ruleTool,
    add: (key, table) => [`rule add ${key.slice(2)} lookup ${table}`],
    remove: (key, table) => [`rule delete ${key.slice(2)} lookup ${table}`],
  },
} as const satisfies Record<string, Kind>;

export type FactKind = keyof typeof KINDS;

export interface FactChange {
  kind: FactKind;
  key: string;
  from: string | undefined;
  to: string | undefined;
}

export function fact(kind: FactKind, key: string, value = ''): [string, string] {
  return [`${kind} ${key}`, value];
}

function split(text: string): { kind: FactKind; key: string } {
  const space = text.indexOf(' ');
  return { kind: text.slice(0, space) as FactKind, key: text.slice(space + 1) };
}

/** What differs, in no special order. */
export function compareFacts(from: Facts, to: Facts): FactChange[] {
  const changes: FactChange[] = [];
  for (const [text, value] of from)
    if (to.get(text) !== value) changes.push({ ...split(text), from: value, to: to.get(text) });
  for (const [text, value] of to)
    if (!from.has(text)) changes.push({ ...split(text), from: undefined, to: value });
  return changes;
}

/**
 * What carries out the changes: first what goes, the last made first, then what comes.
 * @param links lines of `ip` that make what the rest is about: before all that comes
 */
export function factBatches(changes: readonly FactChange[], links: readonly string[] = []): Batch[] {
  const order = Object.keys(KINDS) as FactKind[];
  // What is replaced by the same command is not taken away before: there would be a moment without it.
  const replaced = new Set<FactKind>(['up', 'port', 'alias', 'neighbour', 'fdb', 'tunnel', 'route']);
  const gone = new Map<Tool, string[]>();
  const come = new Map<Tool, string[]>([['ip', [...links]]]);
  const push = (batches: Map<Tool, string[]>, kind: FactKind, key: string, lines: string[]): void => {
    const { tool } = KINDS[kind] as Kind;
    const name = typeof tool === 'function' ? tool(key) : tool;
    const known = batches.get(name);
    if (known) known.push(...lines);
    else batches.set(name, [...lines]);
  };
  const changesOf = Map.groupBy(changes, ({ kind }) => kind);
  for (const kind of order.toReversed()) {
    for (const { key, from, to } of changesOf.get(kind) ?? [])
      if (from !== undefined && (to === undefined || !replaced.has(kind)))
        push(gone, kind, key, (KINDS[kind] as Kind).remove(key, from));
  }
  for (const kind of order)
    for (const { key, to } of changesOf.get(kind) ?? [])
      if (to !== undefined) push(come, kind, key, (KINDS[kind] as Kind).add(key, to));
  // Links are `ip`'s: they go last and come first.
  return [
    ...(['ip6', 'bridge', 'ip'] as const).map((tool) => ({ tool, lines: gone.get(tool) ?? [] })),
    ...(['ip', 'ip6', 'bridge'] as const).map((tool) => ({ tool, lines: come.get(tool) ?? [] })),
  ].filter(({ lines }) => lines.length > 0);
}

/** What is left of the facts on the way to others: a device that is given a MAC address forgets its neighbours. */
export function withoutForgotten(from: Facts, to: Facts): Facts {
  const renewed = new Set<string>();
  for (const [text, value] of to)
    if (text.startsWith('up ') && value.includes(' address ') && from.get(text) !== value)
      renewed.add(split(text).key);
  if (renewed.size === 0) return from;
  const isLeft = (text: string): boolean => {
    const { kind, key } = split(text);
    return kind !== 'neighbour' || !renewed.has(key.split(' ')[0]!);
  };
  return new Map([...from].filter(([text]) => isLeft(text)));
}

/** The facts without those that go with a device when it is deleted. */
export function withoutDevice(facts: Facts, device: string): Facts {
  const tunnel = device === TUNNEL;
  return new Map(
    [...facts].filter(([text, value]) => {
      const [kind, key] = text.split(' ') as [FactKind, string];
      if (kind === 'fdb') return value !== device;
      if (kind === 'tunnel' || kind === 'flood') return !tunnel;
      if (kind === 'route') return !`${value} `.includes(`dev ${device} `);
      return kind === 'rule' || key !== device;
    }),
  );
}
