/**
 * Flows that the kernel would go on sending to where they went. A UDP flow has no end, so that one who keeps asking would
 * never be given another endpoint. TCP connections to an endpoint that leaves are left alone, they end by themselves; but
 * nobody answers any more in place of one that is gone: who tries to connect is given another one with the next packet,
 * who is connected hears that it is over, and a later connection from the same port does not follow the old one.
 *
 * Who tries to connect and gets no answer at first, because a server has no place for it in its queue, tries again after a
 * second. What leads it may be gone by then: its attempt is over before that, and the next one is given an endpoint anew.
 */
import type { NetworkState, OverlayState, PublishedPort } from '../../model/network-state.ts';

const FORGET = 'conntrack -D -p udp';
const FORGET_CONNECTIONS = 'conntrack -D -p tcp';
const FORGET_ATTEMPTS = `${FORGET_CONNECTIONS} --state SYN_SENT`;
/** For so long (s) a connection is being tried that nobody has answered; a client's next packet comes no sooner. */
export const ATTEMPT_S = 1;
/** Where that many endpoints went at once, all flows of the service are looked up anew; of that many services, all. */
const MANY_ENDPOINTS = 8;
const MANY_COMMANDS = 64;
/** How many flows the namespace has: each command looks through the whole table, also through an empty one. */
const COUNT = '/proc/sys/net/netfilter/nf_conntrack_count';

/** Shell commands for the overlay's namespace; empty when no endpoint has gone or come first. */
export function staleServiceFlows(before: OverlayState | undefined, after: OverlayState): string {
  if (!before) return '';
  const readyOf = (overlay: OverlayState): Map<string, Set<string>> => {
    const addresses = new Map(overlay.endpoints.map((endpoint) => [endpoint.id, endpoint.addresses]));
    return new Map(
      overlay.services.map((service) => [
        service.id,
        new Set(service.ready.flatMap((id) => addresses.get(id) ?? [])),
      ]),
    );
  };
  const now = readyOf(after);
  const was = readyOf(before);
  const commands: string[] = [];
  const vips = new Map([before, after].flatMap(({ services }) => services.map(({ id, vips }) => [id, vips])));
  for (const [id, addresses] of was) {
    const left = [...addresses].filter((address) => !now.get(id)?.has(address));
    if (left.length > MANY_ENDPOINTS)
      commands.push(...vips.get(id)!.map((vip) => `${FORGET} --orig-dst ${vip}`));
    else commands.push(...left.map((address) => `${FORGET} --reply-src ${address}`));
  }
  for (const service of after.services)
    if (now.get(service.id)!.size > 0 && !was.get(service.id)?.size)
      commands.push(...service.vips.map((vip) => `${FORGET} --orig-dst ${vip}`));
  const datagrams = commands.length > MANY_COMMANDS ? [`${FORGET} --dst-nat`] : commands;
  return shell([...datagrams, ...toNobody(before, after)]);
}

/**
 * What leads to endpoints that have gone without having left first, and to those whose hosts are lost. (Each command looks
 * through all connections of the host: an endpoint that has left before it goes leaves nobody behind.)
 */
function toNobody(before: OverlayState, after: OverlayState): string[] {
  const now = new Map(after.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const ready = new Set(before.services.flatMap((service) => service.ready));
  const gone = before.endpoints.filter(({ id, lost }) => !now.has(id) && (lost || ready.has(id)));
  // A host that its manager does not reach may well be reached by others: connections are let be.
  const lost = before.endpoints.filter((endpoint) => !endpoint.lost && now.get(endpoint.id)?.lost);
  if (gone.length + lost.length > MANY_ENDPOINTS) return [`${FORGET_ATTEMPTS} --dst-nat`];
  const each = (endpoints: typeof gone, forget: string): string[] =>
    endpoints.flatMap(({ addresses }) => addresses.map((address) => `${forget} --reply-src ${address}`));
  return [...each(gone, FORGET_CONNECTIONS), ...each(lost, FORGET_ATTEMPTS)];
}

type Published = Pick<NetworkState, 'networks' | 'published'>;

/** The same for the host's namespace and its published ports. */
export function stalePublishedFlows(before: Published | undefined, after: Published): string {
  if (!before) return '';
  const [from, to] = [before, after].map(({ networks }) => networks.find(({ ingress }) => ingress));
  return shell([
    ...datagramsOfPorts(before.published, after.published),
    ...(from && to ? toNobody(from, to) : []),
  ]);
}

function datagramsOfPorts(before: readonly PublishedPort[], after: readonly PublishedPort[]): string[] {
  const udp = (ports: readonly PublishedPort[]): Map<number, PublishedPort> =>
    new Map(ports.filter(({ protocol }) => protocol === 'udp').map((entry) => [entry.port, entry]));
  const now = udp(after);
  const was = udp(before);
  const commands: string[] = [];
  for (const [port, { targets }] of was) {
    const still = new Set(now.get(port)?.targets);
    const left = targets.filter((target) => !still.has(target));
    if (left.length > MANY_ENDPOINTS) commands.push(`${FORGET} --orig-port-dst ${port}`);
    else commands.push(...left.map((target) => `${FORGET} --orig-port-dst ${port} --reply-src ${target}`));
  }
  for (const [port, { targets }] of now)
    if (targets.length > 0 && !was.get(port)?.targets.length)
      commands.push(`${FORGET} --orig-port-dst ${port}`);
  return commands;
}

function shell(commands: readonly string[]): string {
  if (commands.length === 0) return '';
  // It fails when there was no such flow.
  const lines = [...new Set(commands)].map((command) => `  ${command} >/dev/null 2>&1 || true\n`);
  // A shell may read no further than the first digit.
  return `flows=; { read -r flows <${COUNT}; } 2>/dev/null || true
if [ "$flows" != 0 ] && command -v conntrack >/dev/null; then\n${lines.join('')}fi\n`;
}
