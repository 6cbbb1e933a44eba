/**
 * Answers to what is asked for names of the registry: `web.service.essaim`, `v1.web.service.consul`, `_web._tcp.service.consul`,
 * `host.node.consul`. Pure: what has such names is given.
 */
import { isV6, toHex } from '../address.ts';
import { shuffled } from './answer.ts';
import { addressRecord, CODE, codeReply, type Query, reply, serviceRecord, TYPE } from './message.ts';

/** An instance of a service, where whoever asks can reach it. */
export interface Place {
  addresses: readonly string[];
  /** 0: not known. */
  port: number;
  protocol: string;
  tags: readonly string[];
}

export interface Registered {
  /** Those that are healthy; undefined if there is no such service. @param name in lower case */
  service(name: string): readonly Place[] | undefined;
  /** Addresses of a host; undefined if there is none of that name. */
  node(name: string): readonly string[] | undefined;
}

const DOMAINS = ['essaim', 'consul'] as const;
const DATACENTER = 'dc1';
/** Answers are never kept: instances come and go. */
const TTL = 0;

/** What a name in one of the registry's domains means. */
type Meaning =
  | { kind: 'service'; name: string; tag?: string; protocol?: string }
  | { kind: 'node'; name: string }
  | { kind: 'address'; address: string }
  | { kind: 'domain' }
  | { kind: 'nothing' };

/** The domain that the name is in, if it is one of the registry's. */
export function registryDomain(name: string): (typeof DOMAINS)[number] | undefined {
  return DOMAINS.find((domain) => name === domain || name.endsWith(`.${domain}`));
}

/** The host, in lower case, that a name in one of the registry's domains is about; undefined for any other name. */
export function nodeAsked(name: string): string | undefined {
  const domain = registryDomain(name);
  const meaning = domain === undefined ? undefined : meaningOf(name, domain);
  return meaning?.kind === 'node' ? meaning.name : undefined;
}

/** @returns undefined for a name that means nothing here */
export function registeredAnswer(query: Query, registered: Registered, limit: number): Buffer | undefined {
  const domain = registryDomain(query.name);
  if (domain === undefined) return undefined;
  const meaning = meaningOf(query.name, domain);
  if (meaning.kind === 'domain') return reply(query, [], { limit });
  if (meaning.kind === 'address') return reply(query, addresses([meaning.address], query.type), { limit });
  if (meaning.kind === 'node') {
    const found = registered.node(meaning.name);
    return found && reply(query, addresses(found, query.type), { limit });
  }
  if (meaning.kind === 'nothing') return undefined;
  const all = registered.service(meaning.name);
  if (!all) return undefined;
  const places = all.filter(({ protocol, tags }) => {
    if (meaning.protocol !== undefined && protocol !== meaning.protocol) return false;
    return meaning.tag === undefined || tags.some((tag) => tag.toLowerCase() === meaning.tag);
  });
  if (places.length === 0) return codeReply(query, CODE.noSuchName);
  if (query.type === TYPE.SRV) return services(query, places, domain, limit);
  const records = addresses([...new Set(places.flatMap((place) => place.addresses))], query.type);
  return reply(query, shuffled(records, limit), { limit });
}

function services(query: Query, places: readonly Place[], domain: string, limit: number): Buffer {
  const records: Buffer[] = [];
  const further: Buffer[] = [];
  for (const { addresses, port } of places) {
    if (port === 0) continue;
    for (const address of addresses) {
      const target = `${hexOf(address)}.addr.${DATACENTER}.${domain}`;
      records.push(serviceRecord(target, port, TTL));
      further.push(addressRecord(address, TTL, target));
    }
  }
  return reply(query, shuffled(records, limit), { limit, further });
}

function addresses(all: readonly string[], type: number): Buffer[] {
  return all
    .filter((address) => type === TYPE.ANY || type === (isV6(address) ? TYPE.AAAA : TYPE.A))
    .map((address) => addressRecord(address, TTL));
}

function meaningOf(name: string, domain: string): Meaning {
  const labels = name === domain ? [] : name.slice(0, -domain.length - 1).split('.');
  if (labels.length === 0) return { kind: 'domain' };
  if (labels.at(-1) === DATACENTER) labels.pop();
  const what = labels.pop();
  if (what === 'service') return serviceMeant(labels);
  if (what === 'node')
    return labels.length > 0 ? { kind: 'node', name: labels.join('.') } : { kind: 'domain' };
  if (what !== 'addr' || labels.length !== 1) return { kind: 'nothing' };
  const address = addressOf(labels[0]!);
  return address === undefined ? { kind: 'nothing' } : { kind: 'address', address };
}

/** `web`, `tag.web`, and by RFC 2782 `_web._tcp`, `_web._tag`. */
function serviceMeant(labels: readonly string[]): Meaning {
  const [first = '', second] = labels;
  if (first === '') return { kind: 'domain' };
  if (labels.length > 2) return { kind: 'nothing' };
  if (second === undefined) return { kind: 'service', name: first };
  if (!first.startsWith('_') || !second.startsWith('_')) return { kind: 'service', name: second, tag: first };
  const name = first.slice(1);
  const said = second.slice(1);
  return said === 'tcp' || said === 'udp'
    ? { kind: 'service', name, protocol: said }
    : { kind: 'service', name, tag: said };
}

/** An address as one label. */
function hexOf(address: string): string {
  if (isV6(address)) return toHex(address).slice(2).padStart(32, '0');
  return Buffer.from(address.split('.').map(Number)).toString('hex');
}

function addressOf(hex: string): string | undefined {
  if (/^[0-9a-f]{8}$/.test(hex)) return [...Buffer.from(hex, 'hex')].join('.');
  if (!/^[0-9a-f]{32}$/.test(hex)) return undefined;
  return hex.replace(/(.{4})(?=.)/g, '$1:');
}
