/**
 * Flows that the kernel would go on sending to where they went. A UDP flow has no end, so that one who keeps asking would
 * never be given another endpoint. A TCP connection that nobody has answered yet (the endpoint's host is dead) is opened
 * again and again by its client: the next try goes elsewhere. Other TCP connections are left alone: they end by themselves.
 */
import type { OverlayState, PublishedPort } from '../model/network-state.ts';

type Protocol = 'udp' | 'tcp';
const FORGET: Record<Protocol, string> = {
  udp: 'conntrack -D -p udp',
  tcp: 'conntrack -D -p tcp --state SYN_SENT',
};
const forget = (match: string): string[] => Object.values(FORGET).map((command) => `${command} ${match}`);
/** Where that many endpoints went at once, all flows of the service are looked up anew; of that many services, all. */
const MANY_ENDPOINTS = 8;
const MANY_COMMANDS = 64;

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
      commands.push(...vips.get(id)!.flatMap((vip) => forget(`--orig-dst ${vip}`)));
    else commands.push(...left.flatMap((address) => forget(`--reply-src ${address}`)));
  }
  for (const service of after.services)
    if (now.get(service.id)!.size > 0 && !was.get(service.id)?.size)
      commands.push(...service.vips.map((vip) => `${FORGET.udp} --orig-dst ${vip}`));
  return shell(commands.length > MANY_COMMANDS ? forget('--dst-nat') : commands);
}

/** The same for the host's namespace and its published ports. */
export function stalePublishedFlows(
  before: readonly PublishedPort[] | undefined,
  after: readonly PublishedPort[],
): string {
  if (!before) return '';
  const byPort = (ports: readonly PublishedPort[]): Map<string, PublishedPort> =>
    new Map(ports.map((entry) => [`${entry.protocol} ${entry.port}`, entry]));
  const now = byPort(after);
  const was = byPort(before);
  const commands: string[] = [];
  for (const [key, { protocol, port, targets }] of was) {
    if (protocol === 'sctp') continue;
    const still = new Set(now.get(key)?.targets);
    const left = targets.filter((target) => !still.has(target));
    const flows = `${FORGET[protocol]} --orig-port-dst ${port}`;
    if (left.length > MANY_ENDPOINTS) commands.push(flows);
    else commands.push(...left.map((target) => `${flows} --reply-src ${target}`));
  }
  for (const [key, { protocol, port, targets }] of now)
    if (protocol === 'udp' && targets.length > 0 && !was.get(key)?.targets.length)
      commands.push(`${FORGET.udp} --orig-port-dst ${port}`);
  return shell(commands);
}

function shell(commands: readonly string[]): string {
  if (commands.length === 0) return '';
  // It fails when there was no such flow.
  const lines = [...new Set(commands)].map((command) => `  ${command} >/dev/null 2>&1 || true\n`);
  return `if command -v conntrack >/dev/null; then\n${lines.join('')}fi\n`;
}
