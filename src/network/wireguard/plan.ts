/** What the tunnels' device has to be, what it is, and how to get there: rules only. */
import type { OverlayState } from '../../model/network-state.ts';
import { TUNNEL_KEY, tunnelAddressOf } from '../../model/tunnel.ts';
import { isV6 } from '../address.ts';
import { feed } from '../kernel/shell.ts';
import { presharedKey, type TunnelKeys } from './keys.ts';

export const TUNNEL_DEVICE = 'essaim-wg';
/** Of the device, unless a network wants larger packets: what fits into 1500 bytes over IPv6. */
const MTU = 1420;
/** What VXLAN takes of a packet in a tunnel: Ethernet, VXLAN, UDP and IPv6. */
const VXLAN_OVERHEAD = 70;
/** Sessions are kept fresh from both sides, so that whoever has started anew is known to all at once (s). */
const KEEPALIVE = 25;
/** A session that is alive is never older (s): WireGuard makes a new one after two minutes. */
const FRESH = 150;

export interface WantedTunnels {
  keys: TunnelKeys;
  /** UDP, on the underlay. */
  port: number;
  mtu: number;
  /** By public key. */
  peers: ReadonlyMap<string, WantedPeer>;
}

export interface WantedPeer {
  /** Of the host on the underlay. */
  endpoint: string;
  presharedKey: string;
}

/** As the kernel and `wg` say it is. */
export interface SeenTunnels {
  up: boolean;
  mtu: number;
  addresses: string[];
  publicKey: string;
  port: number;
  peers: ReadonlyMap<string, SeenPeer>;
}

interface SeenPeer {
  endpoint: string;
  presharedKey: string;
  allowed: string;
  /** Seconds since the epoch; 0: never. */
  handshake: number;
  keepalive: string;
}

export interface Step {
  /** What is not as it has to be, for people. */
  message: string;
  /** Shell commands, for the tunnels' namespace. */
  script: string;
}

/** The UDP port of the tunnels: the one after VXLAN's, which the cluster's hosts have in common. */
export const tunnelPort = (dataPathPort: number): number => dataPathPort + 1;

/** @param networks the encrypted ones that this host has */
export function wantedTunnels(
  networks: Iterable<OverlayState>,
  dataPathPort: number,
  keys: TunnelKeys,
): WantedTunnels {
  const port = tunnelPort(dataPathPort);
  const peers = new Map<string, WantedPeer>();
  let mtu = MTU;
  for (const network of networks) {
    mtu = Math.max(mtu, network.mtu + VXLAN_OVERHEAD);
    const { networkKey } = network;
    if (networkKey === undefined) continue;
    const shared = presharedKey(networkKey);
    for (const { tunnelKey, underlay } of network.peers) {
      if (tunnelKey === undefined || !TUNNEL_KEY.test(tunnelKey)) continue;
      const endpoint = `${isV6(underlay) ? `[${underlay}]` : underlay}:${port}`;
      peers.set(tunnelKey, { endpoint, presharedKey: shared });
    }
  }
  return { keys, port, mtu, peers };
}

/**
 * The network with its peers where VXLAN finds them: those of an encrypted one in the tunnels. Who has told no key is not
 * to be found there.
 */
export function throughTunnels(network: OverlayState): OverlayState {
  if (!network.encrypted) return network;
  const peers = network.peers.flatMap((peer) =>
    peer.tunnelKey !== undefined && TUNNEL_KEY.test(peer.tunnelKey)
      ? [{ ...peer, underlay: tunnelAddressOf(peer.tunnelKey) }]
      : [],
  );
  return { ...network, peers };
}

/**
 * What has to be done, in order.
 * @param before what was wanted until now: a host that moved is looked for in its new place
 * @param now seconds since the epoch
 */
export function tunnelSteps(
  seen: SeenTunnels,
  wanted: WantedTunnels,
  before: WantedTunnels | undefined,
  now: number,
): Step[] {
  const steps: Step[] = [];
  const step = (message: string, script: string): unknown => steps.push({ message, script });
  const set = `wg set ${TUNNEL_DEVICE}`;
  const { keys, port, mtu, peers } = wanted;
  if (seen.publicKey !== keys.publicKey)
    step("the tunnels' key is another one", feed(`${set} private-key /dev/stdin`, [keys.privateKey]));
  if (seen.port !== port) step(`the tunnels' port is not ${port}`, `${set} listen-port ${port}\n`);
  const address = `${tunnelAddressOf(keys.publicKey)}/48`;
  if (seen.mtu !== mtu) step(`the tunnels' MTU is not ${mtu}`, `ip link set ${TUNNEL_DEVICE} mtu ${mtu}\n`);
  if (!seen.up) step('the tunnels are down', `ip link set ${TUNNEL_DEVICE} up\n`);
  // Last: an address goes, and its route, when the device is set down.
  if (!seen.addresses.includes(address))
    step(
      `address ${address} of the tunnels is missing`,
      `ip address replace ${address} dev ${TUNNEL_DEVICE} nodad\n`,
    );
  for (const key of seen.peers.keys())
    if (!peers.has(key)) step(`tunnel ${key} is there and should not be`, `${set} peer ${key} remove\n`);
  for (const [key, peer] of peers) {
    const is = seen.peers.get(key);
    const allowed = `${tunnelAddressOf(key)}/128`;
    const options: string[] = [];
    if (is?.allowed !== allowed) options.push(`allowed-ips ${allowed}`);
    if (is?.keepalive !== String(KEEPALIVE)) options.push(`persistent-keepalive ${KEEPALIVE}`);
    // Where a host answers from is where it is: WireGuard follows it. One that does not answer is looked for anew.
    const moved = before?.peers.get(key)?.endpoint !== peer.endpoint || (is && now - is.handshake > FRESH);
    if (is?.endpoint !== peer.endpoint && (!is || moved)) options.push(`endpoint ${peer.endpoint}`);
    if (is?.presharedKey !== peer.presharedKey) options.push('preshared-key /dev/stdin');
    if (options.length > 0)
      step(
        is ? `tunnel ${key} is not as it should be` : `tunnel ${key} is missing`,
        feed(`${set} peer ${key} ${options.join(' ')}`, [peer.presharedKey]),
      );
  }
  return steps;
}

interface LinkJson {
  ifname: string;
  mtu: number;
  flags: string[];
  addr_info: Array<{ local: string; prefixlen: number }>;
}

/** Prints what `readTunnels` reads, whatever is missing. */
export const LOOK = `ip -j address show\nwg show ${TUNNEL_DEVICE} dump 2>/dev/null || true\n`;

/** @returns undefined if there is no device, or nobody behind it */
export function readTunnels(output: string): SeenTunnels | undefined {
  const [links, first, ...rest] = output.trimEnd().split('\n');
  const link = (JSON.parse(links!) as LinkJson[]).find(({ ifname }) => ifname === TUNNEL_DEVICE);
  if (!link || first === undefined) return undefined;
  const [, publicKey = '', port] = first.split('\t');
  const peers = rest.map((line): [string, SeenPeer] => {
    const [key = '', presharedKey = '', endpoint = '', allowed = '', handshake, , , keepalive = ''] =
      line.split('\t');
    return [key, { presharedKey, endpoint, allowed, handshake: Number(handshake), keepalive }];
  });
  return {
    up: link.flags.includes('UP'),
    mtu: link.mtu,
    addresses: link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    publicKey,
    port: Number(port),
    peers: new Map(peers),
  };
}
