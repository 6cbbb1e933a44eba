import { readdir, readFile } from 'node:fs/promises';
import { type Machine, MachineError } from '../driver.ts';
import { run, succeeds, until } from '../exec.ts';

/** The bridge in the root namespace that all lab hosts are plugged into. */
export const BRIDGE = 'essaim0';
/** Address of the bridge: the hosts' way out. */
export const GATEWAY = '192.168.99.1';
const SUBNET = '192.168.99.0/24';
const PREFIX = '192.168.99.';
const FIRST = 101;
const LAST = 254;

/** The bridge's end of a host's cable; its name keeps the address for the host, also across users' homes. */
export function portName(address: string): string {
  return `essaim${lastByte(address)}`;
}

/** Names a host's namespace and control groups: unique on this system even where two users' hosts share a name. */
export function hostKey({ name, address }: Machine): string {
  return `${name}-${lastByte(address)}`;
}

export function namespaceName(machine: Machine): string {
  return `essaim-${hostKey(machine)}`;
}

function lastByte(address: string): number {
  return Number(address.slice(PREFIX.length));
}

/** Derived from the address: a host that takes it over is found at once, in spite of the neighbours' ARP caches. */
function hardwareAddress(address: string): string {
  return `02:65:73:00:63:${lastByte(address).toString(16).padStart(2, '0')}`;
}

/** The lowest address that neither a known machine nor a link of this system has. Call it under the network's lock. */
export async function freeAddress(taken: readonly string[]): Promise<string> {
  const links = new Set(await readdir('/sys/class/net'));
  for (let byte = FIRST; byte <= LAST; byte++) {
    const address = `${PREFIX}${byte}`;
    if (!taken.includes(address) && !links.has(portName(address))) return address;
  }
  throw new MachineError(
    `All addresses from ${PREFIX}${FIRST} to ${PREFIX}${LAST} are in use: remove a machine first.`,
  );
}

/** The engine of this system, if there is one, drops what is forwarded and not its own; these let the hosts through. */
const RULES: readonly (readonly string[])[] = [
  ['filter', 'FORWARD', '-i', BRIDGE, '-j', 'ACCEPT'],
  ['filter', 'FORWARD', '-o', BRIDGE, '-j', 'ACCEPT'],
  ['nat', 'POSTROUTING', '-s', SUBNET, '!', '-o', BRIDGE, '-j', 'MASQUERADE'],
];

async function iptables(action: '-C' | '-I' | '-D', rule: readonly string[]): Promise<boolean> {
  const [table, ...rest] = rule;
  const args = ['-w', '10', '-t', table!, action, ...rest];
  if (action === '-C') return succeeds('iptables', args);
  await run('iptables', args);
  return true;
}

/** Makes the bridge and its rules where they are missing. Call it under the network's lock. */
export async function ensureBridge(): Promise<void> {
  if (!(await succeeds('ip', ['link', 'show', BRIDGE]))) {
    await run('ip', [
      'link',
      'add',
      BRIDGE,
      'address',
      hardwareAddress(GATEWAY),
      'type',
      'bridge',
      'forward_delay',
      '0',
    ]);
  }
  await run('ip', ['address', 'replace', `${GATEWAY}/24`, 'dev', BRIDGE]);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
  for (const rule of RULES) if (!(await iptables('-C', rule))) await iptables('-I', rule);
}

/** Removes the bridge and its rules once no host is plugged in. Call it under the network's lock. */
export async function removeUnusedBridge(): Promise<void> {
  const ports = await readdir(`/sys/class/net/${BRIDGE}/brif`).catch(() => undefined);
  if (ports && ports.length > 0) return;
  for (const rule of RULES) if (await iptables('-C', rule)) await iptables('-D', rule);
  if (ports) await run('ip', ['link', 'delete', BRIDGE]);
}

/**
 * Makes the host's network namespace and plugs it in, replacing what an earlier run of the host left.
 * Call it under the network's lock.
 */
export async function plugIn(machine: Machine): Promise<void> {
  const { address, directory } = machine;
  const namespace = namespaceName(machine);
  const port = portName(address);
  await unplug(machine);
  const owner = await portOwner(address);
  if (owner !== undefined) {
    throw new MachineError(`Address ${address} of machine "${machine.name}" is in use by ${owner}.`);
  }
  await run('ip', ['netns', 'add', namespace]);
  const inside = ['eth0', 'address', hardwareAddress(address), 'netns', namespace];
  await run('ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', ...inside]);
  await run('ip', ['link', 'set', port, 'alias', directory, 'master', BRIDGE, 'up']);
  const configure = [
    'ip link set lo up',
    `ip address add ${address}/24 broadcast ${PREFIX}255 dev eth0`,
    'ip link set eth0 up',
    `ip route add default via ${GATEWAY}`,
  ];
  await run('nsenter', [`--net=/run/netns/${namespace}`, 'sh', '-ec', configure.join('\n')]);
}

/** Removes the host's cable and network namespace; does nothing where there are none. */
export async function unplug(machine: Machine): Promise<void> {
  if (await isPluggedIn(machine)) await run('ip', ['link', 'delete', portName(machine.address)]);
  const namespaces: string[] = await readdir('/run/netns').catch(() => []);
  if (namespaces.includes(namespaceName(machine))) await removeNamespace(namespaceName(machine));
}

/** Whether the port of the host's address is there and is the host's. */
async function isPluggedIn(machine: Machine): Promise<boolean> {
  const owner = await portOwner(machine.address);
  // Nobody's: its maker was killed before it could write whose it is.
  return owner === machine.directory || owner === '';
}

/** The directory of the host that has the port, or undefined when there is no such port. */
async function portOwner(address: string): Promise<string | undefined> {
  const text = await readFile(`/sys/class/net/${portName(address)}/ifalias`, 'utf8').catch(() => undefined);
  return text?.trim();
}

async function removeNamespace(namespace: string): Promise<void> {
  await until(
    async () => ((await succeeds('ip', ['netns', 'delete', namespace])) ? true : undefined),
    5_000,
    () =>
      new MachineError(
        `Network namespace ${namespace} cannot be deleted: try "ip netns delete ${namespace}".`,
      ),
  );
}

/** Connects or cuts the host, if it is plugged in. A cut host is silent: nobody gets a refusal in its name. */
export async function setLink(machine: Machine, up: boolean): Promise<void> {
  if (!(await isPluggedIn(machine))) return;
  await run('ip', ['link', 'set', portName(machine.address), up ? 'up' : 'down']);
}

/** Whether the host is plugged in and not cut. */
export async function linkIsUp(machine: Machine): Promise<boolean> {
  if (!(await isPluggedIn(machine))) return false;
  const flags = Number(await readFile(`/sys/class/net/${portName(machine.address)}/flags`, 'utf8'));
  const IFF_UP = 1;
  return (flags & IFF_UP) !== 0;
}
