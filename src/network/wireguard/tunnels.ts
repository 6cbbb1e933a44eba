/**
 * The tunnels between this host and the others that have encrypted networks: one WireGuard device, there while it is
 * needed. It lives in a namespace of its own that has no other way out: the VXLAN devices of encrypted networks are made
 * there, so what they send goes through a tunnel or nowhere, and what comes to them has come through one. Only the
 * tunnels' own UDP socket is in the host's namespace, where the device was made.
 *
 * Where the kernel has no WireGuard, the program wireguard-go does it. It lives as long as its device, and the device
 * as long as it; it outlives this process, and the next one finds it by the device.
 */
import { join } from 'node:path';
import type { OverlayState } from '../../model/network-state.ts';
import { tunnelAddressOf } from '../../model/tunnel.ts';
import type { Difference } from '../contract.ts';
import { namespaceExists } from '../kernel/namespace.ts';
import { CommandError, runScript, sysctls } from '../kernel/shell.ts';
import { leaveNamespace } from '../kernel/shells.ts';
import { Serial } from '../rounds/serial.ts';
import { loadTunnelKeys, type TunnelKeys } from './keys.ts';
import {
  LOOK,
  readTunnels,
  type SeenTunnels,
  type Step,
  TUNNEL_DEVICE,
  tunnelSteps,
  type WantedTunnels,
  wantedTunnels,
} from './plan.ts';

export const TUNNEL_NAMESPACE = 'essaim-tunnels';
const KEY_FILE = 'tunnel-key.json';
/** Begins the line that the script below prints of what has to be installed. */
const MISSING = 'missing:';

/** This host cannot encrypt, and will not until somebody installs what is missing. */
export class CannotEncryptError extends Error {
  override readonly name = 'CannotEncryptError';
}

/** Deletes what is left of a device, and waits for the program behind it. */
const CLEAR = `ip link delete ${TUNNEL_DEVICE} 2>/dev/null || true
ip -n ${TUNNEL_NAMESPACE} link delete ${TUNNEL_DEVICE} 2>/dev/null || true
tries=0
while wg show ${TUNNEL_DEVICE} >/dev/null 2>&1 && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
`;
const CREATE = `missing() { echo "${MISSING} $1"; exit 0; }
[ -d /proc/sys/net/ipv6 ] || missing 'IPv6 in the kernel: the addresses within tunnels are such'
command -v wg >/dev/null || missing 'wg (package wireguard-tools)'
${CLEAR}if ! ip link add ${TUNNEL_DEVICE} type wireguard 2>/dev/null; then
  command -v wireguard-go >/dev/null || missing 'WireGuard in the kernel, or else wireguard-go (package wireguard-go)'
  [ -c /dev/net/tun ] || missing 'WireGuard in the kernel, or else /dev/net/tun (module tun) for wireguard-go'
  # In a session of its own: it outlives the shell that runs this.
  setsid wireguard-go ${TUNNEL_DEVICE}
  # It answers once it has taken the device: only then may that be moved.
  wg show ${TUNNEL_DEVICE} >/dev/null
fi
ip link set ${TUNNEL_DEVICE} netns ${TUNNEL_NAMESPACE}
`;

const textOf = (tunnels: WantedTunnels | undefined): string | undefined =>
  tunnels && JSON.stringify([tunnels.port, tunnels.mtu, [...tunnels.peers]]);

export interface TunnelsOptions {
  stateDir: string;
  /** Milliseconds since the epoch. */
  now(): number;
}

export class Tunnels {
  readonly #keys: TunnelKeys;
  readonly #now: () => number;
  readonly #serial = new Serial();
  #networks = new Map<string, OverlayState>();
  #wanted: WantedTunnels | undefined;
  /** What the device was made to be; undefined when that is not known. */
  #made: WantedTunnels | undefined;

  private constructor(keys: TunnelKeys, now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  static async open({ stateDir, now }: TunnelsOptions): Promise<Tunnels> {
    return new Tunnels(await loadTunnelKeys(join(stateDir, KEY_FILE)), now);
  }

  get publicKey(): string {
    return this.#keys.publicKey;
  }

  /** Where the VXLAN devices of encrypted networks are made, and the address that they send from. */
  get underlay(): { namespace: string; address: string } {
    return { namespace: TUNNEL_NAMESPACE, address: tunnelAddressOf(this.publicKey) };
  }

  /**
   * Makes tunnels to all hosts that have these networks.
   * @param networks the encrypted ones that are wanted here
   * @param kept ids of networks that containers are still on: their tunnels stay as they were
   * @throws CannotEncryptError; CommandError if it can be tried again
   */
  apply(networks: readonly OverlayState[], kept: ReadonlySet<string>, dataPathPort: number): Promise<void> {
    return this.#serial.run(async () => {
      const stay = [...this.#networks].filter(([id]) => kept.has(id));
      this.#networks = new Map([...stay, ...networks.map((network) => [network.id, network] as const)]);
      if (this.#networks.size === 0) return this.#clear();
      this.#wanted = wantedTunnels(this.#networks.values(), dataPathPort, this.#keys);
      // Most changes of networks are none of their tunnels.
      if (textOf(this.#made) !== textOf(this.#wanted)) await this.#make(await this.#look(), this.#wanted);
    });
  }

  check(mend: boolean): Promise<Difference[]> {
    return this.#serial.run(async () => {
      const wanted = this.#wanted;
      if (!wanted) return [];
      const seen = await this.#look();
      const messages = seen
        ? this.#steps(seen, wanted).map(({ message }) => message)
        : ['the device of the tunnels is missing, or the program behind it'];
      if (mend && messages.length > 0) await this.#make(seen, wanted);
      return messages.map((message): Difference => ({ kind: 'tunnel', message }));
    });
  }

  /** Takes everything down; the networks that need it must be gone. */
  remove(): Promise<void> {
    return this.#serial.run(async () => {
      this.#networks.clear();
      await this.#clear();
    });
  }

  async #clear(): Promise<void> {
    this.#wanted = undefined;
    this.#made = undefined;
    if (await namespaceExists(TUNNEL_NAMESPACE))
      await runScript(`${CLEAR}ip netns delete ${TUNNEL_NAMESPACE}\n`);
    await leaveNamespace(TUNNEL_NAMESPACE);
  }

  async #look(): Promise<SeenTunnels | undefined> {
    if (!(await namespaceExists(TUNNEL_NAMESPACE))) return undefined;
    return readTunnels(await runScript(LOOK, TUNNEL_NAMESPACE));
  }

  #steps(seen: SeenTunnels, wanted: WantedTunnels): Step[] {
    return tunnelSteps(seen, wanted, this.#made, Math.floor(this.#now() / 1000));
  }

  async #make(seen: SeenTunnels | undefined, wanted: WantedTunnels): Promise<void> {
    const is = seen ?? (await this.#create());
    const script = this.#steps(is, wanted).map((step) => step.script);
    this.#made = undefined;
    if (script.length > 0) await runScript(script.join(''), TUNNEL_NAMESPACE);
    this.#made = wanted;
  }

  async #create(): Promise<SeenTunnels> {
    if (!(await namespaceExists(TUNNEL_NAMESPACE))) {
      // One of that name that somebody has deleted is there for as long as a shell is in it.
      await leaveNamespace(TUNNEL_NAMESPACE);
      await runScript(`ip netns add ${TUNNEL_NAMESPACE}\n`);
      const all = 'net/ipv6/conf/all/disable_ipv6';
      const own = sysctls({ [all]: 0, 'net/ipv6/conf/default/disable_ipv6': 0 });
      await runScript(`${own}ip link set lo up\n`, TUNNEL_NAMESPACE);
    }
    const said = (await runScript(CREATE)).trim();
    if (said.startsWith(MISSING)) throw new CannotEncryptError(`this host cannot encrypt networks, ${said}`);
    const seen = await this.#look();
    if (!seen) throw new CommandError(`the device of the tunnels is gone as soon as it is made`);
    return seen;
  }
}
