/** Reads what `ip -j` and `bridge -j` tell of a namespace into facts. */
import { hostOf } from '../../model/cidr.ts';
import { BRIDGE, TUNNEL } from '../names.ts';
import { type Facts, fact } from './facts.ts';

/** Shell commands that print all that `readDump` wants, whatever is missing. */
export const DUMP_SCRIPT = `
ip -j -d -batch - <<'END'
address show
neighbour show nud permanent
rule show
route show table all
END
ip -6 -j rule show
bridge -j fdb show
`;

interface LinkJson {
  ifname: string;
  ifalias?: string;
  flags: string[];
  mtu: number;
  address: string;
  master?: string;
  linkinfo?: {
    info_kind?: string;
    info_data?: { id?: number; port?: number; local?: string; local6?: string };
    info_slave_data?: { hairpin?: boolean; learning?: boolean; neigh_suppress?: boolean };
  };
  addr_info: Array<{ local: string; prefixlen: number; scope: string }>;
}
interface NeighbourJson {
  dst: string;
  dev: string;
  lladdr?: string;
}
interface RuleJson {
  priority: number;
  src: string;
  srclen?: number;
  fwmark?: string;
  fwmask?: string;
  table: string;
}
interface RouteJson {
  type?: string;
  dst: string;
  gateway?: string;
  dev?: string;
  table?: string;
  protocol?: string;
}
interface FdbJson {
  mac: string;
  ifname: string;
  dst?: string;
  flags: string[];
  master?: string;
  state: string;
}

export interface Dump {
  facts: Facts;
  /** Alias of each link that has one. */
  aliases: ReadonlyMap<string, string>;
}

/** @throws SyntaxError if the tools printed something else */
export function readDump(output: string): Dump {
  const parts = output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as unknown[]);
  if (parts.length !== 6) throw new SyntaxError(`iproute2 printed ${parts.length} answers instead of 6`);
  const links = (parts[0] as LinkJson[]).filter((link) => link.ifname !== undefined);
  const facts = new Map<string, string>([
    ...links.flatMap(linkFacts),
    ...(parts[1] as NeighbourJson[]).map(({ dev, dst, lladdr = '' }) =>
      fact('neighbour', `${dev} ${dst}`, lladdr),
    ),
    ...(parts[2] as RuleJson[]).map((rule) => ruleFact(4, rule)),
    ...(parts[4] as RuleJson[]).map((rule) => ruleFact(6, rule)),
    ...(parts[3] as RouteJson[]).flatMap(routeFacts),
    ...(parts[5] as FdbJson[]).flatMap(fdbFacts),
  ]);
  const aliases = new Map(links.flatMap(({ ifname, ifalias }) => (ifalias ? [[ifname, ifalias]] : [])));
  return { facts, aliases };
}

function linkFacts(link: LinkJson): Array<[string, string]> {
  const { ifname, ifalias, mtu, address, master, linkinfo, addr_info } = link;
  const { id, port, local, local6 } = linkinfo?.info_data ?? {};
  const made =
    linkinfo?.info_kind === 'vxlan' ? `vxlan ${id} ${port} ${local ?? local6}` : (linkinfo?.info_kind ?? '');
  const facts = [fact('link', ifname, made)];
  if (ifalias) facts.push(fact('alias', ifname, ifalias));
  if (link.flags.includes('UP'))
    facts.push(fact('up', ifname, `mtu ${mtu}${ifname === BRIDGE ? ` address ${address}` : ''}`));
  if (master) facts.push(fact('port', ifname, `${master} ${portOptions(ifname, linkinfo?.info_slave_data)}`));
  for (const { local: ip, prefixlen, scope } of addr_info)
    if (scope === 'global') facts.push(fact('address', `${ifname} ${ip}/${prefixlen}`));
  return facts;
}

/** How the port of a tunnel or of a container is set. */
function portOptions(
  ifname: string,
  data: { hairpin?: boolean; learning?: boolean; neigh_suppress?: boolean } = {},
): string {
  const is = (value: boolean | undefined): string => (value ? 'on' : 'off');
  return ifname === TUNNEL
    ? `learning ${is(data.learning)} neigh_suppress ${is(data.neigh_suppress)}`
    : `hairpin ${is(data.hairpin)}`;
}

function ruleFact(
  family: 4 | 6,
  { priority, src, srclen, fwmark, fwmask, table }: RuleJson,
): [string, string] {
  const from = src === 'all' ? '' : ` from ${src}${srclen === undefined ? '' : `/${srclen}`}`;
  const mark = fwmark === undefined ? '' : ` fwmark ${fwmark}${fwmask === undefined ? '' : `/${fwmask}`}`;
  return fact('rule', `${family} priority ${priority}${from}${mark}`, table);
}

function routeFacts({
  type,
  dst,
  gateway,
  dev,
  table = 'main',
  protocol,
}: RouteJson): Array<[string, string]> {
  if (protocol === 'kernel' || protocol === 'ra' || dev === undefined) return [];
  const everything = gateway?.includes(':') ? '::/0' : '0.0.0.0/0';
  const destination = dst === 'default' ? everything : dst;
  const kind = type === 'local' ? 'local ' : '';
  const via = gateway === undefined ? '' : `via ${gateway} `;
  return [fact('route', `${table} ${destination}`, `${kind}${via}dev ${dev}`)];
}

function fdbFacts({ mac, ifname, dst, flags, master, state }: FdbJson): Array<[string, string]> {
  if (flags.includes('self')) {
    if (ifname !== TUNNEL || dst === undefined) return [];
    return mac === '00:00:00:00:00:00' ? [fact('flood', hostOf(dst))] : [fact('tunnel', mac, dst)];
  }
  return master !== undefined && state === 'static' ? [fact('fdb', mac, ifname)] : [];
}
