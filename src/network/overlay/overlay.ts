/** An overlay network on this host: its namespace with bridge, tunnel, balancer, and the ports of its containers. */
import type { OverlayState } from '../../model/network-state.ts';
import type { Difference } from '../contract.ts';
import { differences } from '../kernel/differences.ts';
import { fact, withoutDevice } from '../kernel/facts.ts';
import { ATTEMPT_S, staleServiceFlows } from '../kernel/flows.ts';
import { destroyNamespace, namespaceExists } from '../kernel/namespace.ts';
import { feed, runScript, sysctls } from '../kernel/shell.ts';
import { leaveNamespace } from '../kernel/shells.ts';
import { KernelSide, type Wanted } from '../kernel/side.ts';
import { containerEndOf, type Link, namespaceOf, portOf, TUNNEL, UPLINK } from '../names.ts';
import { Serial, Together } from '../rounds/serial.ts';
import { type LocalPort, overlayFacts, ownOverlayFacts, portOfAlias } from './facts.ts';
import { goneFrom, standIns, withoutGone } from './gone.ts';
import { bridgeTable, overlayTable } from './rules.ts';

const PARAMETERS = sysctls({
  'net/ipv4/ip_forward': 1,
  'net/ipv6/conf/all/forwarding': 1,
  'net/ipv6/conf/all/disable_ipv6': 0,
  'net/ipv6/conf/default/disable_ipv6': 0,
  'net/ipv6/conf/default/accept_ra': 0,
  'net/ipv4/conf/all/rp_filter': 0,
  'net/ipv4/conf/default/rp_filter': 0,
  'net/ipv4/conf/all/send_redirects': 0,
  'net/ipv4/conf/default/send_redirects': 0,
  // What is passed on here is for nobody's socket here.
  'net/ipv4/ip_early_demux': 0,
  // Idle connections are not ours to cut, nor is one whose packets were seen in part.
  'net/netfilter/nf_conntrack_tcp_timeout_established': 30 * 86_400,
  'net/netfilter/nf_conntrack_tcp_be_liberal': 1,
  // Who tries again to connect is not held to the endpoint that did not answer at first.
  'net/netfilter/nf_conntrack_tcp_timeout_syn_sent': ATTEMPT_S,
  // Many short connections: what is over is looked through each time that a flow is to be forgotten.
  'net/netfilter/nf_conntrack_tcp_timeout_time_wait': 20,
});

/** Bridges pass frames to the IP hooks only with this module. The host's own bridges are left as they were without it. */
const LOAD_BRIDGE_FILTER = `
if [ ! -d /proc/sys/net/bridge ]; then
  modprobe br_netfilter
  for kind in iptables ip6tables arptables; do echo 0 >/proc/sys/net/bridge/bridge-nf-call-$kind; done
fi
`;

export interface OverlayOptions {
  networkId: string;
  link: Link;
  underlay: Underlay;
}

/** Where an overlay's packets go between hosts. */
export interface Underlay {
  /** This host's address there. */
  address: string;
  /** Undefined for the host's own namespace. */
  namespace?: string;
}

export class Overlay {
  readonly link: Link;
  readonly #id: string;
  readonly #namespace: string;
  #underlay: Underlay;
  readonly #serial = new Serial();
  readonly #joins = new Together<LocalPort, string>((ports) => this.#serial.run(() => this.#join(ports)));
  readonly #leaves = new Together<string, string>((ids) => this.#serial.run(() => this.#leave(ids)));
  readonly #side: KernelSide;
  #ports = new Map<string, LocalPort>();
  #state: OverlayState | undefined;
  #before: OverlayState | undefined;
  #dataPathPort = 0;
  #up = false;
  #joining = 0;
  #closed = false;

  constructor({ networkId, link, underlay }: OverlayOptions) {
    this.link = link;
    this.#id = networkId;
    this.#namespace = namespaceOf(networkId);
    this.#underlay = underlay;
    this.#side = new KernelSide({
      namespace: this.#namespace,
      own: (facts) => ownOverlayFacts(facts, this.#ports),
    });
  }

  get state(): OverlayState | undefined {
    return this.#state;
  }

  /** Whether the kernel has had it since the start: containers can come onto it. */
  get up(): boolean {
    return this.#up;
  }

  /** Ids of the engine's endpoints that are on this network. */
  get endpointIds(): string[] {
    return [...this.#ports.values()].map((port) => port.endpointId);
  }

  /** Ids of the containers of this host that take part, says the state, and are not there. */
  get gone(): string[] {
    return this.#state ? this.#goneFrom(this.#state) : [];
  }

  /** @param before what was applied by an earlier process, if that is known */
  apply(state: OverlayState, dataPathPort: number, before?: OverlayState): Promise<void> {
    return this.#serial.run(async () => {
      this.#before = this.#state ?? before;
      this.#state = state;
      this.#dataPathPort = dataPathPort;
      await this.#make();
    });
  }

  /** What is made from now on is made for that address of the host, unless it is a namespace of its own that packets go through. */
  moveTo(address: string): void {
    if (this.#underlay.namespace === undefined) this.#underlay = { address };
  }

  /** Whether containers are on it, or coming onto it just now. */
  get inUse(): boolean {
    return this.#ports.size + this.#joining > 0;
  }

  /**
   * Makes the container's link and plugs it in. Returns the end that the engine is to take; undefined if this one is
   * closed by now.
   */
  async join(port: LocalPort): Promise<string | undefined> {
    if (this.#closed) return undefined;
    this.#joining++;
    try {
      return await this.#joins.add(port);
    } finally {
      this.#joining--;
    }
  }

  /** No container comes onto it any more. */
  close(): void {
    this.#closed = true;
  }

  /** Unplugs a container; nothing when it is not there. */
  async leave(endpointId: string): Promise<void> {
    await this.#leaves.add(endpointId);
  }

  /** What differs. With `mend` it is put right, too. */
  check(mend: boolean): Promise<Difference[]> {
    return this.#serial.run(async () => {
      const state = this.#state;
      if (!state) return [];
      const networkId = this.#id;
      if (!(await this.#exists())) {
        this.#side.forget();
        if (mend) await this.#make();
        return [{ networkId, kind: 'namespace', message: `namespace ${this.#namespace} is missing` }];
      }
      const { changes, ruleset } = await this.#side.check(this.#wanted(state));
      // Containers' links that are gone went with their containers: nobody's fault, and the next look is without them.
      const gone = changes.filter(
        ({ kind, key, to }) => kind === 'link' && to !== undefined && this.#ports.has(key),
      );
      const found = gone.length > 0 ? [] : differences(changes, ruleset, networkId);
      if (mend && changes.length + Number(ruleset) > 0) await this.#make();
      return found;
    });
  }

  /** Removes the namespace with everything in it. */
  destroy(): Promise<void> {
    return this.#serial.run(async () => {
      this.#state = undefined;
      this.#up = false;
      this.#ports.clear();
      this.#side.forget();
      await destroyNamespace(this.#namespace);
    });
  }

  /** @param before in the namespace: shell commands, and lines of `ip` that make what the rest is about */
  async #make(before: Pick<Wanted, 'first' | 'links'> = {}): Promise<void> {
    const state = this.#state;
    if (!state) return;
    try {
      if (this.#side.unsure) {
        if (!(await this.#exists())) await this.#create();
        await this.#adoptPorts();
      }
      await this.#makeLinks(state);
      // A container's link cannot be made again: the container has only one end of it.
      for (const name of this.#ports.keys())
        if (!this.#side.facts.has(`link ${name}`)) this.#ports.delete(name);
      const present = withoutGone(state, this.#goneFrom(state));
      const after = staleServiceFlows(this.#before, present);
      await this.#side.change({ ...this.#wanted(state), ...before, after });
      this.#before = present;
      this.#up = true;
    } catch (error) {
      this.#side.forget();
      throw error;
    }
  }

  #wanted(overlay: OverlayState): Wanted {
    const { link } = this;
    const ports = this.#ports;
    const place = {
      overlay,
      link,
      ports,
      underlayAddress: this.#underlay.address,
      dataPathPort: this.#dataPathPort,
    };
    const gone = this.#goneFrom(overlay);
    const before = this.#side.tables?.[0];
    const table = overlayTable(withoutGone(overlay, gone), link, before, standIns(overlay, gone));
    return { facts: overlayFacts(place), tables: [table, bridgeTable(overlay)] };
  }

  #goneFrom(state: OverlayState): string[] {
    const here = [...this.#ports.values()].flatMap(({ addresses }) => addresses);
    return goneFrom(state, here);
  }

  /** The links with one end elsewhere: the tunnel, whose packets go out where it is made, and the one to the host. */
  async #makeLinks(state: OverlayState): Promise<void> {
    const { facts } = this.#side;
    const { address, namespace } = this.#underlay;
    const tunnel = `vxlan ${state.vni} ${this.#dataPathPort} ${address}`;
    const lines: string[] = [];
    let remove = '';
    let add = '';
    if (facts.get(`link ${TUNNEL}`) !== tunnel) {
      if (facts.has(`link ${TUNNEL}`)) remove = `ip -n ${this.#namespace} link delete ${TUNNEL}\n`;
      const options = `id ${state.vni} local ${address} dstport ${this.#dataPathPort} nolearning`;
      const line = `link add name ${TUNNEL} netns ${this.#namespace} type vxlan ${options}`;
      add = feed(namespace ? `nsenter --net=/run/netns/${namespace} ip -batch -` : 'ip -batch -', [line]);
    }
    const { name } = this.link;
    if (!facts.has(`link ${UPLINK}`)) {
      lines.push(`link add name ${name} type veth peer name ${UPLINK} netns ${this.#namespace}`);
      lines.push(`link set dev ${name} alias ${this.#id}`);
    }
    if (add === '' && lines.length === 0) return;
    await runScript(`${remove}${add}${feed('ip -batch -', lines)}`);
    this.#side.assume((known) =>
      new Map(remove ? withoutDevice(known, TUNNEL) : known)
        .set(`link ${TUNNEL}`, tunnel)
        .set(`link ${UPLINK}`, 'veth'),
    );
  }

  async #join(ports: readonly LocalPort[]): Promise<string[]> {
    const state = this.#state;
    if (!state) throw new Error(`network ${this.#id} is not up on this host`);
    const names = ports.map(({ endpointId }) => portOf(endpointId));
    const unsure = this.#side.unsure;
    if (unsure) await this.#make();
    await this.#unplug(ports.map(({ endpointId }) => endpointId));
    const lines = ports.map(({ endpointId, mac }, index) => {
      // The container's end begins in the host's namespace, from where the engine takes it.
      const peer = `peer name ${containerEndOf(endpointId)} mtu ${state.mtu} address ${mac} netns ${process.pid}`;
      return `link add name ${names[index]} mtu ${state.mtu} type veth ${peer}`;
    });
    for (const port of ports) this.#ports.set(portOf(port.endpointId), port);
    this.#side.assume((facts) => new Map([...facts, ...names.map((name) => fact('link', name, 'veth'))]));
    // An attempt that has failed may have left links that nobody knows of.
    await this.#make({ first: unsure ? removal('ip', names) : '', links: lines });
    return ports.map(({ endpointId }) => containerEndOf(endpointId));
  }

  async #leave(endpointIds: readonly string[]): Promise<readonly string[]> {
    if (!endpointIds.some((id) => this.#ports.has(portOf(id)))) return endpointIds;
    await this.#unplug(endpointIds);
    await this.#make();
    return endpointIds;
  }

  async #create(): Promise<void> {
    // One of that name that somebody has deleted is there for as long as a shell is in it, and its tunnel with it.
    await leaveNamespace(this.#namespace);
    await runScript(`${LOAD_BRIDGE_FILTER}ip netns add ${this.#namespace}\n`);
    await runScript(`${PARAMETERS}ip link set lo up\n`, this.#namespace);
  }

  #adoptPorts(): Promise<void> {
    return this.#side.look(({ aliases }) => {
      this.#ports = new Map(
        [...aliases].flatMap(([name, alias]) => {
          const port = portOfAlias(alias);
          return port && name === portOf(port.endpointId) ? [[name, port] as const] : [];
        }),
      );
    });
  }

  async #unplug(endpointIds: readonly string[]): Promise<void> {
    const names = endpointIds.map(portOf).filter((name) => this.#ports.delete(name));
    if (names.length === 0) return;
    await runScript(removal(`ip -n ${this.#namespace}`, names));
    this.#side.assume((facts) => names.reduce(withoutDevice, facts));
  }

  #exists(): Promise<boolean> {
    return namespaceExists(this.#namespace);
  }
}

/** Of links that may be gone with their other ends: that is as good. */
function removal(ip: string, names: readonly string[]): string {
  const lines = names.map((name) => `link delete ${name}`);
  return feed(`{ ${ip} -force -batch - 2>/dev/null || true; }`, lines);
}
