/** The host's own namespace: links to the overlays, published ports, and the way past the engine's firewall. */
import type { NetworkState, OverlayState } from '../../model/network-state.ts';
import { isV6 } from '../address.ts';
import type { Difference } from '../contract.ts';
import { CLOSE, Firewall, OPEN } from '../firewall/firewall.ts';
import { differences } from '../kernel/differences.ts';
import { stalePublishedFlows } from '../kernel/flows.ts';
import { runScript, sysctls } from '../kernel/shell.ts';
import { KernelSide, type Wanted } from '../kernel/side.ts';
import { LINK_PREFIX, type Link, TABLE } from '../names.ts';
import { Serial } from '../rounds/serial.ts';
import { hostFacts, ownHostFacts } from './facts.ts';
import { ATTEMPTS_DECLARATION, hostTable } from './rules.ts';

/**
 * Makes a host forward IPv6 that did not yet, and nothing else of it: it goes on learning its routes from its routers, and
 * passes on only what iptables accepts.
 */
const FORWARD_IPV6 = `all=/proc/sys/net/ipv6/conf/all/forwarding
if [ -w $all ] && [ "$(cat $all)" = 0 ]; then
  for conf in /proc/sys/net/ipv6/conf/*/accept_ra; do
    dev=\${conf%/accept_ra}; dev=\${dev##*/}
    if [ -e /sys/class/net/$dev/device ] || [ -n "$(ip -6 route show dev $dev proto ra 2>/dev/null)" ]; then
      [ "$(cat $conf)" != 1 ] || echo 2 >$conf
    fi
  done
  command -v ip6tables >/dev/null && ip6tables -w 5 -P FORWARD DROP
  echo 1 >$all
fi
`;

/** Only asks: nothing is made. */
const KNOWS_TIMEOUTS = `if nft -c -f - 2>/dev/null <<'END'
add table inet ${TABLE}_look
add ct timeout inet ${TABLE}_look attempts { ${ATTEMPTS_DECLARATION} }
END
then echo yes; fi
`;

export interface HostSideOptions {
  underlayAddress: string;
}

export class HostSide {
  #underlayAddress: string;
  readonly #serial = new Serial();
  readonly #firewall = new Firewall();
  readonly #side = new KernelSide({ own: ownHostFacts });
  /** Whether the kernel knows time-outs for single connections. */
  #timeouts = false;
  #state: NetworkState | undefined;
  /** What the kernel was last made to be. */
  #before: NetworkState | undefined;
  #links: ReadonlyMap<string, Link> = new Map();
  /** For which links the host was opened; undefined when it has to be done anew. */
  #openFor: string | undefined;

  constructor({ underlayAddress }: HostSideOptions) {
    this.#underlayAddress = underlayAddress;
  }

  /** What is made from now on is made for that address of the host. */
  moveTo(underlayAddress: string): void {
    this.#underlayAddress = underlayAddress;
  }

  /** Numbers of the links that an earlier process made, by network. */
  adopt(): Promise<Map<string, number>> {
    return this.#serial.run(async () => {
      // What is flushed later is put back as it is seen now.
      await this.#firewall.check(false);
      this.#timeouts = (await runScript(KNOWS_TIMEOUTS)).trim() === 'yes';
      const slots = new Map<string, number>();
      await this.#side.look(({ aliases }) => {
        for (const [name, networkId] of aliases)
          if (name.startsWith(LINK_PREFIX)) slots.set(networkId, Number(name.slice(LINK_PREFIX.length)));
      });
      return slots;
    });
  }

  /**
   * @param links of the networks that are there, by network
   * @param before what an earlier process has applied, if that is known
   */
  apply(state: NetworkState, links: ReadonlyMap<string, Link>, before?: NetworkState): Promise<void> {
    return this.#serial.run(async () => {
      this.#before = this.#state ?? before;
      this.#state = state;
      this.#links = links;
      await this.#make();
    });
  }

  check(mend: boolean): Promise<Difference[]> {
    return this.#serial.run(async () => {
      if (!this.#state) return [];
      const wanted = this.#wanted(this.#state);
      const { changes, ruleset } = await this.#side.check(wanted);
      const found = differences(changes, ruleset, undefined);
      if (this.#links.size > 0) {
        const missing = await this.#firewall.check(mend);
        found.push(...missing.map((message): Difference => ({ kind: 'firewall', message })));
      }
      if (mend && found.length > 0) {
        // A link that was made anew has none of its parameters.
        this.#openFor = undefined;
        await this.#make();
      }
      return found;
    });
  }

  /** Makes the table again if it is not there, and looks at nothing else: meanwhile published ports are dead. */
  mendTable(): Promise<Difference[]> {
    return this.#serial.run(async () => {
      if (!this.#state || !(await this.#side.lostTables(this.#wanted(this.#state).tables))) return [];
      await this.#make();
      return differences([], true, undefined);
    });
  }

  /** Removes everything of ours. */
  remove(): Promise<void> {
    return this.#serial.run(async () => {
      this.#state = undefined;
      this.#side.forget();
      await this.#side.look();
      await this.#side.change({ facts: new Map(), tables: [] });
      await runScript(`nft delete table inet ${TABLE} 2>/dev/null || true\n${CLOSE}`);
      this.#side.forget();
      this.#openFor = undefined;
    });
  }

  async #make(): Promise<void> {
    const state = this.#state;
    if (!state) return;
    try {
      if (this.#side.unsure) await this.#side.look();
      await this.#side.change({ ...this.#wanted(state), after: await this.#after(state) });
      this.#before = state;
    } catch (error) {
      this.#side.forget();
      throw error;
    }
  }

  async #after(state: NetworkState): Promise<string> {
    const flows = stalePublishedFlows(this.#before, state);
    if (this.#links.size === 0) {
      this.#openFor = undefined;
      return flows;
    }
    const ingress = state.networks.find((network) => network.ingress);
    const link = ingress && this.#links.get(ingress.id);
    const openFor = link?.name ?? '';
    if (this.#openFor !== openFor) {
      await runScript(`${link ? parameters(ingress, link) : ''}${OPEN}`);
      this.#openFor = openFor;
    }
    return flows;
  }

  #wanted(state: NetworkState): Wanted {
    const networks = state.networks.filter((network) => this.#links.has(network.id));
    const before = this.#side.tables?.[0];
    const [links, underlayAddress, timeouts] = [this.#links, this.#underlayAddress, this.#timeouts];
    const table = hostTable({ state, links, underlayAddress, timeouts }, before);
    return { facts: hostFacts(networks, this.#links), tables: [table] };
  }
}

/** Kernel parameters of the host for the routing mesh. */
function parameters(ingress: OverlayState, link: Link): string {
  const conf = `net/ipv4/conf/${link.name}`;
  const v6 = ingress.subnets.some(({ subnet }) => isV6(subnet));
  const values = sysctls({
    'net/ipv4/ip_forward': 1,
    ...(v6 ? { [`net/ipv6/conf/${link.name}/disable_ipv6`]: 0 } : {}),
    // Where packets come from on this link is known from their marks.
    [`${conf}/src_valid_mark`]: 1,
    [`${conf}/rp_filter`]: 2,
    // A published port answers on the loopback address too.
    [`${conf}/route_localnet`]: 1,
  });
  return v6 ? `${FORWARD_IPV6}${values}` : values;
}
