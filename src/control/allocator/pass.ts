/**
 * One round of giving: who gets what. Nothing is kept beyond the round but where automatic choices go on, and who lacks
 * something.
 */

import { parseSubnet, withPrefix } from '../../model/cidr.ts';
import { timestamp } from '../../model/clock.ts';
import { endpointOf, isNetworkId, networksOfService, networksOfTask } from '../../model/endpoint.ts';
import { isNodeLocal } from '../../model/node-local.ts';
import type {
  Attachment,
  Network,
  NetworkAttachment,
  Node,
  Service,
  ServiceEndpoint,
  Task,
} from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';
import { theCluster } from '../new-task.ts';
import type { Claim } from './claims.ts';
import { Free, Lack } from './free.ts';
import { type AllocatorIndex, ownerKey } from './index.ts';
import { chooseSubnets, routesOfHosts, subnetsOfOthers } from './subnets.ts';

const NO_INGRESS = 'service needs ingress network, but no ingress network is present';

export class AllocationPass {
  readonly #view: View;
  readonly #index: AllocatorIndex;
  readonly #now: number;
  readonly #free: Free;
  readonly #networks = new Map<string, Network>();
  readonly #services = new Map<string, Service>();
  readonly #nodes = new Map<string, Node>();
  readonly #attachments = new Map<string, Attachment>();
  /** Networks that tasks of this round use, by node. */
  readonly #uses = new Map<string, Set<string>>();

  constructor(view: View, index: AllocatorIndex, now: number) {
    this.#view = view;
    this.#index = index;
    this.#now = now;
    this.#free = new Free(view, index, (networkId) => this.#networks.has(networkId));
  }

  get changedNetworks(): Iterable<Network> {
    return this.#networks.values();
  }

  get changedServices(): Iterable<Service> {
    return this.#services.values();
  }

  get changedNodes(): Iterable<Node> {
    return this.#nodes.values();
  }

  get changedAttachments(): Iterable<Attachment> {
    return this.#attachments.values();
  }

  /** Gives a network its subnets and identifier, unless it has them. */
  network(id: string): void {
    const network = this.#view.get('network', id);
    const { lacking } = this.#index;
    lacking.network.delete(id);
    if (!network || network.internal.allocated || isNodeLocal(network.Spec)) return;
    try {
      const vni = this.#free.vni(network);
      const cursor = this.#index.cursors.get('subnet');
      const taken = subnetsOfOthers(this.#view, id);
      for (const { internal } of this.#networks.values())
        for (const { subnet } of internal.allocated!.subnets) taken.push(parseSubnet(subnet)!);
      const cluster = theCluster(this.#view);
      const subnets = chooseSubnets(network, {
        cluster,
        taken,
        routes: routesOfHosts(this.#view),
        vni,
        ...(cursor === undefined
          ? {}
          : { after: { version: 4, first: cursor, prefix: cluster?.SubnetSize || 24 } }),
      });
      if (typeof subnets === 'string') throw new Lack(subnets);
      if (!network.Spec.IPAM?.Config?.length) {
        this.#index.cursors.set('subnet', parseSubnet(subnets[0]!.subnet)!.first);
      }
      this.#networks.set(id, {
        ...network,
        UpdatedAt: timestamp(this.#now),
        internal: { ...network.internal, allocated: { vni, subnets } },
      });
    } catch (error) {
      if (!(error instanceof Lack)) throw error;
      lacking.network.set(id, `network ${network.Spec.Name}: ${error.message}`);
    }
  }

  /** Gives a service its virtual addresses and ports. `planned`: the service as it is about to be, if it changes. */
  service(id: string, planned?: Service): void {
    const service = planned ?? this.#view.get('service', id);
    const { lacking } = this.#index;
    lacking.service.delete(id);
    if (!service) return;
    const given: Claim[] = [];
    try {
      const endpoint = this.#endpoint(service, given);
      if (JSON.stringify(endpoint) === JSON.stringify(service.Endpoint)) return;
      this.#services.set(id, { ...service, UpdatedAt: timestamp(this.#now), Endpoint: endpoint });
    } catch (error) {
      if (!(error instanceof Lack)) throw error;
      this.#free.release(given);
      lacking.service.set(id, error.message);
    }
  }

  /**
   * The task, which has just got a node, with its addresses there. The node gets one of its own in each network first.
   * A text says why it cannot be: the task has to wait.
   */
  attach(task: Task): Task | string {
    const wanted = networksOfTask(task, this.#index.ingress, this.#isClusters);
    const lack = this.#index.lacking.service.get(task.ServiceID);
    if (wanted.length === 0) return task;
    if (lack !== undefined) return this.#tasksLack(lack);
    const given: Claim[] = [];
    const nodeId = task.NodeID!;
    const before = this.#nodes.get(nodeId);
    try {
      const attachments = wanted.map((id): NetworkAttachment => {
        const local = this.#nodeLocal(id);
        if (local) return { Network: local, Addresses: [] };
        const network = this.#allocated(id);
        this.#host(nodeId, network, given);
        const owner = ownerKey('task', task.ID);
        const Addresses = network.internal.allocated!.subnets.map((subnet) =>
          this.#free.address(network, subnet, owner, given),
        );
        return { Network: { ID: id, Spec: { Name: network.Spec.Name ?? '' } }, Addresses };
      });
      const uses = this.#uses.get(nodeId) ?? new Set<string>();
      for (const id of wanted) if (!this.#nodeLocal(id)) uses.add(id);
      this.#uses.set(nodeId, uses);
      return { ...task, NetworksAttachments: attachments };
    } catch (error) {
      if (!(error instanceof Lack)) throw error;
      this.#free.release(given);
      if (before) this.#nodes.set(nodeId, before);
      else this.#nodes.delete(nodeId);
      return this.#tasksLack(error.message);
    }
  }

  /** Gives a container that is no task's its addresses, or the reason why it can have none: nobody waits for one. */
  attachment(id: string): void {
    const attachment = this.#view.get('attachment', id);
    if (!attachment || attachment.Addresses.length > 0 || attachment.internal.lack !== undefined) return;
    const { NetworkID, NodeID, internal } = attachment;
    const owner = ownerKey('attachment', id);
    const given: Claim[] = [];
    const before = this.#nodes.get(NodeID);
    const settle = (change: Partial<Attachment>): void => {
      this.#attachments.set(id, { ...attachment, ...change, UpdatedAt: timestamp(this.#now) });
    };
    try {
      const network = this.#allocated(NetworkID);
      this.#host(NodeID, network, given);
      const { subnets } = network.internal.allocated!;
      const wanted = (internal.wanted ?? []).map((text) => this.#free.wanted(network, text, owner, given));
      const Addresses = subnets.map((each) => {
        const subnet = parseSubnet(each.subnet)!;
        const own = wanted.find(({ version }) => version === subnet.version);
        return own ? withPrefix(own, subnet.prefix) : this.#free.address(network, each, owner, given);
      });
      settle({ Addresses });
    } catch (error) {
      if (!(error instanceof Lack)) throw error;
      this.#free.release(given);
      if (before) this.#nodes.set(NodeID, before);
      else this.#nodes.delete(NodeID);
      settle({ internal: { ...internal, lack: error.message } });
    }
  }

  /** Gives a node an address in each network that it has a part in now, and takes back the others. */
  node(id: string): void {
    const node = this.#nodes.get(id) ?? this.#view.get('node', id);
    if (!node) return;
    const { ingress, publishes } = this.#index;
    const wanted = new Set<string>([...this.#index.usedOn(id), ...(this.#uses.get(id) ?? [])]);
    if (publishes && ingress?.internal.allocated) wanted.add(ingress.ID);
    const has = node.internal.networks ?? {};
    const kept = Object.entries(has).filter(([network]) => wanted.has(network) && this.#network(network));
    if (kept.length < Object.keys(has).length) this.#setNetworks(node, Object.fromEntries(kept));
    for (const network of wanted) {
      const known = this.#network(network);
      if (!known?.internal.allocated) continue;
      const given: Claim[] = [];
      try {
        this.#host(id, known, given);
      } catch (error) {
        if (!(error instanceof Lack)) throw error;
        this.#free.release(given);
        this.#index.nodesLack = true;
      }
    }
  }

  /** Not a network that only the nodes have. */
  readonly #isClusters = (target: string): boolean =>
    this.#network(target) !== undefined || isNetworkId(target);

  /** One with addresses that the cluster gives. */
  readonly #hasAddresses = (target: string): boolean => this.#isClusters(target) && !this.#nodeLocal(target);

  #nodeLocal(id: string): NetworkAttachment['Network'] | undefined {
    const { ID, Spec } = this.#network(id) ?? {};
    return ID && Spec && isNodeLocal(Spec) ? { ID, Spec: { ...Spec, Name: Spec.Name ?? '' } } : undefined;
  }

  #tasksLack(reason: string): string {
    this.#index.tasksLack = true;
    return reason;
  }

  #network(id: string): Network | undefined {
    return this.#networks.get(id) ?? this.#view.get('network', id);
  }

  #allocated(id: string): Network {
    if (id === '') throw new Lack(NO_INGRESS);
    const network = this.#network(id);
    if (!network) throw new Lack(`network ${id} not found`);
    if (network.internal.allocated) return network;
    throw new Lack(
      this.#index.lacking.network.get(id) ?? `network ${network.Spec.Name} is not allocated yet`,
    );
  }

  #endpoint(service: Service, given: Claim[]): ServiceEndpoint {
    const { Ports, VirtualIPs = [], ...rest } = endpointOf(service.Spec, service.Endpoint);
    const owner = ownerKey('service', service.ID);
    const ports = Ports?.map((port) => this.#free.port(port, owner, given));
    const vips = networksOfService(service, this.#index.ingress, this.#hasAddresses).flatMap((id) => {
      const network = this.#allocated(id);
      return network.internal.allocated!.subnets.map((subnet) => {
        const known = VirtualIPs.find(
          (vip) => vip.NetworkID === id && vip.Addr.includes(':') === subnet.subnet.includes(':'),
        );
        return known ?? { NetworkID: id, Addr: this.#free.address(network, subnet, owner, given) };
      });
    });
    return {
      ...rest,
      ...(ports?.length ? { Ports: ports } : {}),
      ...(vips.length > 0 ? { VirtualIPs: vips } : {}),
    };
  }

  #host(nodeId: string, network: Network, given: Claim[]): void {
    const node = this.#nodes.get(nodeId) ?? this.#view.get('node', nodeId);
    if (!node || node.internal.networks?.[network.ID]) return;
    const owner = ownerKey('node', nodeId);
    const addresses = network.internal.allocated!.subnets.map((subnet) =>
      this.#free.address(network, subnet, owner, given),
    );
    this.#setNetworks(node, { ...node.internal.networks, [network.ID]: addresses });
  }

  #setNetworks(node: Node, networks: Record<string, string[]>): void {
    const { networks: _, ...internal } = node.internal;
    const any = Object.keys(networks).length > 0;
    this.#nodes.set(node.ID, {
      ...node,
      UpdatedAt: timestamp(this.#now),
      internal: any ? { ...internal, networks } : internal,
    });
  }
}
