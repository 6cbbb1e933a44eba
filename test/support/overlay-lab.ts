/** Lab hosts whose data planes are told by a test what a manager would tell them, and containers on their networks. */
import {
  macOf,
  type NetworkState,
  type OverlayState,
  type PublishedPort,
} from '../../src/model/network-state.ts';
import type { EngineNetwork } from '../../src/network/contract.ts';
import { HOST_PORTS_OPTION, IPV6_OPTION } from '../../src/network/plugin/protocol.ts';
import { RemoteDataPlane } from './data-plane.ts';
import { execute, Lab } from './lab.ts';
import type { ProbeAnswer, Question } from './network-probe.ts';
import { bindMounts, NODE, PORT, PROBE } from './probe.ts';

const MOUNTS = bindMounts().flatMap((path) => ['-v', `${path}:${path}:ro`]);

export interface TestNetwork {
  id: string;
  name: string;
  number: number;
  ingress?: boolean;
  internal?: boolean;
}

export interface TestContainer {
  name: string;
  host: string;
  number: number;
  networks: TestNetwork[];
}

export interface TestService {
  id: string;
  network: TestNetwork;
  /** Of its virtual addresses. */
  number: number;
  /** Names of containers. */
  ready: string[];
}

export const v4 = (network: TestNetwork, number: number): string => `10.77.${network.number}.${number}`;
export const v6 = (network: TestNetwork, number: number): string =>
  `fd77:${network.number}::${number.toString(16)}`;
export const addressesIn = (network: TestNetwork, number: number): string[] => [
  v4(network, number),
  v6(network, number),
];

/** Of `docker create` and `docker network connect`. @param told whether the engine is told of the second one */
export function addressOptions(network: TestNetwork, number: number, told = true): string[] {
  return ['--ip', v4(network, number), ...(told ? ['--ip6', v6(network, number)] : [])];
}

export class OverlayLab implements AsyncDisposable {
  readonly lab: Lab;
  /** With a data plane. */
  readonly hosts: readonly string[];
  readonly planes = new Map<string, RemoteDataPlane>();
  readonly underlay = new Map<string, string>();
  networks: TestNetwork[] = [];
  containers: TestContainer[] = [];
  services: TestService[] = [];
  published: PublishedPort[] = [];
  /** Hosts that are down, as the manager would say. */
  readonly lost = new Set<string>();
  #revision = 0;

  private constructor(lab: Lab, hosts: readonly string[]) {
    this.lab = lab;
    this.hosts = hosts;
  }

  /** @param others hosts without a data plane */
  static async with(hosts: readonly string[], others: readonly string[]): Promise<OverlayLab> {
    const lab = new OverlayLab(await Lab.with(...hosts, ...others), hosts);
    try {
      for (const host of [...hosts, ...others]) {
        const address = await lab.lab.address(host);
        lab.underlay.set(host, address);
        await lab.lab.ssh(host, `ip address add ${lab.underlay6(host)}/64 dev eth0 nodad`);
      }
      await Promise.all(hosts.map((host) => lab.startPlane(host)));
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The host's IPv6 address on the underlay. */
  underlay6(host: string): string {
    return `fd99::${this.underlay.get(host)!.split('.')[3]}`;
  }

  /** @param options of `data-plane-program.ts` */
  async startPlane(host: string, ...options: string[]): Promise<RemoteDataPlane> {
    const plane = await RemoteDataPlane.start(this.lab, host, this.underlay.get(host)!, ...options);
    this.planes.set(host, plane);
    return plane;
  }

  /** What a manager would tell that host. */
  state(host: string): NetworkState {
    const networks = this.networks.map((network) => this.#overlay(network, host));
    return { revision: this.#revision, dataPathPort: 4789, networks, published: this.published };
  }

  /** Tells all hosts what is wanted now. */
  async apply(): Promise<void> {
    this.#revision++;
    await Promise.all([...this.planes].map(([host, plane]) => plane.apply(this.state(host))));
  }

  /** Runs the echo server in a container on its networks. @param options more of `docker create` */
  async run(container: TestContainer, options: string[] = []): Promise<void> {
    const { name, host, number, networks } = container;
    const plane = this.planes.get(host)!;
    const [first, ...rest] = await Promise.all(networks.map(({ id }) => plane.ensureNetwork(id)));
    const dns = networks.flatMap((network) => ['--dns', v4(network, this.#hostNumber(host))]);
    const program = this.probe('serve', name, String(PORT));
    // What the agent says of a task with ports of its host.
    const hostPorts = options.includes('-p');
    const driverOptions = (known: EngineNetwork, of: TestNetwork): string[] => [
      ...(hostPorts ? [`${HOST_PORTS_OPTION}=true`] : []),
      ...(known.laysIPv6 ? [`${IPV6_OPTION}=${v6(of, number)}`] : []),
    ];
    const opts = driverOptions(first!, networks[0]!).map((option) => `,driver-opt=${option}`);
    const network = `name=${first!.engineNetworkId}${opts.join('')}`;
    const on = ['--network', network, ...addressOptions(networks[0]!, number, !first!.laysIPv6)];
    await this.engine(
      host,
      'create',
      '--name',
      name,
      '-e',
      'PATH=/bin:/usr/bin',
      ...dns,
      ...on,
      ...MOUNTS,
      ...options,
      'busybox',
      ...program,
    );
    for (const [index, known] of rest.entries())
      await this.engine(
        host,
        'network',
        'connect',
        ...driverOptions(known, networks[index + 1]!).flatMap((option) => ['--driver-opt', option]),
        ...addressOptions(networks[index + 1]!, number, !known.laysIPv6),
        known.engineNetworkId,
        name,
      );
    await this.#start(container, hostPorts);
    this.containers.push(container);
  }

  /** The docker CLI straight against the host's engine; throws unless it succeeds. */
  async engine(host: string, ...args: string[]): Promise<string> {
    const socket = `unix://${this.lab.home}/machines/${host}/run/engine.sock`;
    const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** The command line of the probe, on hosts and in containers. */
  probe(...args: string[]): string[] {
    return [NODE, PROBE, ...args];
  }

  /** Asks from within a container. */
  async askFrom(container: TestContainer, questions: Question[]): Promise<ProbeAnswer[]> {
    const { host, name } = container;
    return JSON.parse(
      await this.engine(host, 'exec', name, NODE, PROBE, 'ask', JSON.stringify(questions)),
    ) as ProbeAnswer[];
  }

  /** Asks from a host itself. */
  async askFromHost(host: string, questions: Question[]): Promise<ProbeAnswer[]> {
    return JSON.parse(
      await this.lab.ssh(host, NODE, PROBE, 'ask', JSON.stringify(questions)),
    ) as ProbeAnswer[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.planes.values()].map((plane) => plane.stop()));
    await this.lab[Symbol.asyncDispose]();
  }

  /** As the agent does it. */
  async #start({ name, host, number, networks }: TestContainer, hostPorts: boolean): Promise<void> {
    await this.engine(host, 'start', name);
    const pid = Number(await this.engine(host, 'inspect', '-f', '{{.State.Pid}}', name));
    for (const network of networks) {
      const addresses = [`${v4(network, number)}/24`, `${v6(network, number)}/64`];
      await this.planes.get(host)!.complete({ networkId: network.id, pid, addresses, hostPorts });
    }
  }

  /** The host's own number in every network. */
  #hostNumber(host: string): number {
    return 2 + this.hosts.indexOf(host);
  }

  #overlay(network: TestNetwork, host: string): OverlayState {
    const { id, name, number, ingress = false, internal = false } = network;
    const own = (of: string): string[] => {
      const [a, b] = addressesIn(network, this.#hostNumber(of));
      return [`${a}/24`, `${b}/64`];
    };
    const members = this.containers.filter((container) => container.networks.includes(network));
    return {
      id,
      name,
      vni: 5000 + number,
      mtu: 1450,
      internal,
      ingress,
      encrypted: false,
      subnets: [
        { subnet: `10.77.${number}.0/24`, gateway: v4(network, 1) },
        { subnet: `fd77:${number}::/64`, gateway: v6(network, 1) },
      ],
      addresses: own(host),
      peers: this.hosts
        .filter((other) => other !== host)
        .map((other) => ({ nodeId: other, underlay: this.underlay.get(other)!, addresses: own(other) })),
      endpoints: members.map((member) => ({
        id: member.name,
        nodeId: member.host,
        addresses: addressesIn(network, member.number),
        mac: macOf(v4(network, member.number)),
        names: [],
        ...(this.lost.has(member.host) ? { lost: true } : {}),
      })),
      services: this.services
        .filter((service) => service.network === network)
        .map((service) => ({
          id: service.id,
          name: service.id,
          aliases: [],
          vips: addressesIn(network, service.number),
          ready: service.ready,
        })),
    };
  }
}
