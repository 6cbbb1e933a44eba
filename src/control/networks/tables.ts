/**
 * What the data plane of each host has to be, worked out from the store. It is kept up with each commit, so that a
 * change costs as much as the networks that it touches; `networkStateFor` is the same made anew.
 */
import { hostOf } from '../../model/cidr.ts';
import { isEncrypted, isIngressPort, isNetworkId, namedNetworks } from '../../model/endpoint.ts';
import {
  macOf,
  type NetworkEndpoint,
  type NetworkState,
  type OverlayState,
  type PublishedPort,
  type ServiceEndpoints,
} from '../../model/network-state.ts';
import type { Attachment, Cluster, Node, Service, Task } from '../../model/objects.ts';
import { atLeast, compareStates } from '../../model/task-state.ts';
import type { Commit, EventOf, View } from '../../store/contract.ts';
import { holdsAddresses } from '../allocator/claims.ts';

const DEFAULT_MTU = 1450;
/** WireGuard takes up to 80 bytes of each packet, and what is in its tunnels is IPv6: VXLAN takes 70 there. */
const ENCRYPTED_MTU = 1350;
const MTU_OPTION = 'com.docker.network.driver.mtu';
const DATA_PATH_PORT = 4789;

/** The NetworkState of a node, from nothing but the view. */
export function networkStateFor(view: View, nodeId: string): NetworkState {
  return new NetworkTables(view).stateFor(nodeId);
}

/** True if the task takes part in what its service serves: it runs, is healthy, and neither it nor its host is about to be stopped. */
export function isReady(task: Task, view: View): boolean {
  if (task.Status.State !== 'running' || compareStates(task.DesiredState, 'running') > 0) return false;
  const state = task.NodeID === undefined ? 'down' : view.get('node', task.NodeID)?.Status.State;
  return state !== 'down' && state !== 'disconnected';
}

/** What all hosts are told of a network alike. */
interface Core {
  endpoints: NetworkEndpoint[];
  services: ServiceEndpoints[];
}

export class NetworkTables {
  readonly #view: View;
  readonly #tasks = new Map<string, Set<string>>();
  readonly #services = new Map<string, Set<string>>();
  readonly #nodes = new Map<string, Set<string>>();
  readonly #attachments = new Map<string, Set<string>>();
  /** The revision at which each network was last another one, and what was made of it. */
  readonly #changedAt = new Map<string, number>();
  readonly #cores = new Map<string, Core>();
  #publishedAt = 0;
  #published: PublishedPort[] | undefined;

  constructor(view: View) {
    this.#view = view;
    for (const task of view.all('task')) this.#move(this.#tasks, task.ID, [], networksOf(task));
    for (const service of view.all('service'))
      this.#move(this.#services, service.ID, [], this.#ofService(service));
    for (const node of view.all('node')) this.#move(this.#nodes, node.ID, [], ofNode(node));
    for (const attachment of view.all('attachment'))
      this.#move(this.#attachments, attachment.ID, [], ofAttachment(attachment));
  }

  /** To be called with each commit that the view has taken in. Returns the networks that it has changed. */
  apply(commit: Commit): Set<string> {
    const touched = new Set<string>();
    for (const event of commit.events) {
      if (event.kind === 'task') this.#task(event, touched);
      else if (event.kind === 'service') this.#service(event, touched);
      else if (event.kind === 'node') this.#node(event, touched);
      else if (event.kind === 'attachment') this.#attachment(event, touched);
      else if (event.kind === 'network') touched.add(event.id);
      else if (event.kind === 'cluster') this.#cluster(event, touched);
    }
    for (const id of touched) {
      this.#cores.delete(id);
      if (this.#view.get('network', id)) this.#changedAt.set(id, commit.revision);
      else this.#changedAt.delete(id);
      if (this.#view.get('network', id)?.Spec.Ingress) this.#republish(commit.revision);
    }
    return touched;
  }

  /** Ids of the networks that the node has a part in. */
  networksOf(nodeId: string): string[] {
    const node = this.#view.get('node', nodeId);
    return node ? ofNode(node).filter((id) => this.#view.get('network', id)?.internal.allocated) : [];
  }

  /** Ids of the nodes that have a part in the network. */
  nodesOf(networkId: string): Iterable<string> {
    return this.#nodes.get(networkId) ?? [];
  }

  /** The revision at which the network became what it is. */
  changedAt(networkId: string): number {
    return this.#changedAt.get(networkId) ?? 0;
  }

  get publishedAt(): number {
    return this.#publishedAt;
  }

  get dataPathPort(): number {
    return this.#theCluster?.DataPathPort || DATA_PATH_PORT;
  }

  get #theCluster(): Cluster | undefined {
    const [cluster] = this.#view.all('cluster');
    return cluster;
  }

  stateFor(nodeId: string): NetworkState {
    const ids = this.networksOf(nodeId);
    return {
      revision: this.#view.revision,
      dataPathPort: this.dataPathPort,
      networks: ids.map((id) => this.overlay(id, nodeId)),
      published: this.publishedOn(nodeId),
    };
  }

  /** The ports that the node answers: all there are, if it has a part in the routing mesh. */
  publishedOn(nodeId: string): PublishedPort[] {
    const ingress = this.networksOf(nodeId).some((id) => this.#view.get('network', id)!.Spec.Ingress);
    if (!ingress) return [];
    this.#published ??= this.#listPublished();
    return this.#published;
  }

  /** A network as that node sees it. */
  overlay(id: string, nodeId: string): OverlayState {
    const { Spec, internal } = this.#view.get('network', id)!;
    const { vni, subnets } = internal.allocated!;
    const encrypted = isEncrypted(Spec);
    const networkKey = encrypted && this.#theCluster?.internal.networkKey?.key;
    return {
      id,
      name: Spec.Name ?? '',
      vni,
      mtu: Number(Spec.Options?.[MTU_OPTION]) || (encrypted ? ENCRYPTED_MTU : DEFAULT_MTU),
      internal: Spec.Internal ?? false,
      ingress: Spec.Ingress ?? false,
      encrypted,
      ...(networkKey && { networkKey }),
      subnets: subnets.map(({ subnet, gateway }) => ({ subnet, gateway })),
      addresses: this.#view.get('node', nodeId)?.internal.networks?.[id] ?? [],
      peers: this.#peers(id, nodeId, encrypted),
      ...this.#core(id),
    };
  }

  #peers(id: string, nodeId: string, encrypted: boolean): OverlayState['peers'] {
    const ids = [...this.nodesOf(id)].filter((other) => other !== nodeId).sort();
    return ids.map((other) => {
      const { Status, internal } = this.#view.get('node', other)!;
      return {
        nodeId: other,
        underlay: internal.dataPathAddr || Status.Addr,
        addresses: internal.networks![id]!.map(hostOf),
        // Who has left is nobody's peer in secret, also while something of it is still in the books.
        ...(encrypted && !internal.left && internal.tunnelKey && { tunnelKey: internal.tunnelKey }),
      };
    });
  }

  #core(id: string): Core {
    const known = this.#cores.get(id);
    if (known) return known;
    const tasks = this.#tasksIn(id);
    const services: ServiceEndpoints[] = [];
    const ready = new Map<string, string[]>();
    for (const task of tasks) {
      if (!isReady(task, this.#view)) continue;
      const list = ready.get(task.ServiceID);
      if (list) list.push(task.ID);
      else ready.set(task.ServiceID, [task.ID]);
    }
    for (const serviceId of [...(this.#services.get(id) ?? [])].sort()) {
      const { Spec, Endpoint } = this.#view.get('service', serviceId)!;
      const config = Spec.TaskTemplate?.Networks?.filter(({ Target }) => Target === id) ?? [];
      services.push({
        id: serviceId,
        name: Spec.Name ?? '',
        aliases: [...new Set(config.flatMap(({ Aliases }) => Aliases ?? []))],
        vips: (Endpoint.VirtualIPs ?? [])
          .filter(({ NetworkID }) => NetworkID === id)
          .map(({ Addr }) => hostOf(Addr)),
        ready: ready.get(serviceId) ?? [],
      });
    }
    const attached = [...(this.#attachments.get(id) ?? [])]
      .sort()
      .map((each) => this.#view.get('attachment', each)!);
    const endpoints = [
      ...tasks.map((task) => endpointOf(task, id, this.#view)),
      ...attached.map(attachedEndpoint),
    ];
    const core = { endpoints, services };
    this.#cores.set(id, core);
    return core;
  }

  /** Tasks with addresses there and a node, by id. */
  #tasksIn(id: string): Task[] {
    const ids = [...(this.#tasks.get(id) ?? [])].sort();
    return ids.map((taskId) => this.#view.get('task', taskId)!);
  }

  #listPublished(): PublishedPort[] {
    const ports: PublishedPort[] = [];
    for (const service of this.#view.all('service')) {
      const published = (service.Endpoint.Ports ?? []).filter(
        (port) => isIngressPort(port) && port.PublishedPort,
      );
      if (published.length === 0) continue;
      const targets: string[] = [];
      for (const task of this.#view.tasksOfService(service.ID)) {
        if (!isReady(task, this.#view)) continue;
        for (const { Network, Addresses } of task.NetworksAttachments ?? []) {
          const ingress = this.#view.get('network', Network.ID)?.Spec.Ingress;
          if (ingress) targets.push(...Addresses.map(hostOf));
        }
      }
      targets.sort();
      for (const { Protocol, PublishedPort, TargetPort } of published) {
        const protocol = (Protocol || 'tcp') as PublishedPort['protocol'];
        ports.push({
          protocol,
          port: PublishedPort!,
          targetPort: TargetPort ?? 0,
          serviceId: service.ID,
          targets,
        });
      }
    }
    return ports.sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
  }

  #republish(revision: number): void {
    this.#publishedAt = revision;
    this.#published = undefined;
  }

  #task({ id, before, after }: EventOf<'task'>, touched: Set<string>): void {
    const [from, to] = [networksOf(before), networksOf(after)];
    if (from.length === 0 && to.length === 0) return;
    this.#move(this.#tasks, id, from, to);
    const same =
      from.length === to.length &&
      readyByItself(before) === readyByItself(after) &&
      from.every((n, i) => n === to[i]);
    if (!same) for (const network of [...from, ...to]) touched.add(network);
  }

  #attachment({ id, before, after }: EventOf<'attachment'>, touched: Set<string>): void {
    const [from, to] = [ofAttachment(before), ofAttachment(after)];
    this.#move(this.#attachments, id, from, to);
    const told = (attachment: Attachment | undefined) =>
      JSON.stringify([attachment?.Addresses, attachment?.internal]);
    if (told(before) !== told(after)) for (const network of [...from, ...to]) touched.add(network);
  }

  #service({ id, before, after }: EventOf<'service'>, touched: Set<string>): void {
    const [from, to] = [before ? this.#ofService(before) : [], after ? this.#ofService(after) : []];
    this.#move(this.#services, id, from, to);
    const told = (service: Service | undefined) =>
      JSON.stringify([service?.Endpoint, service?.Spec.Name, service?.Spec.TaskTemplate?.Networks]);
    if (told(before) !== told(after)) for (const network of [...from, ...to]) touched.add(network);
  }

  #node({ id, before, after }: EventOf<'node'>, touched: Set<string>): void {
    const [from, to] = [before ? ofNode(before) : [], after ? ofNode(after) : []];
    this.#move(this.#nodes, id, from, to);
    const told = (node: Node | undefined) =>
      JSON.stringify([
        node?.internal.networks,
        node?.internal.dataPathAddr,
        node?.internal.tunnelKey,
        node?.internal.left,
        node?.Status.Addr,
        node?.Status.State === 'down',
        node?.Status.State === 'disconnected',
      ]);
    if (told(before) === told(after)) return;
    for (const network of [...from, ...to]) touched.add(network);
    // Its tasks may be in networks that it has no part in yet, or no more: of them, too, it is told that they are lost.
    for (const task of this.#view.tasksOfNode(id)) {
      for (const network of networksOf(task)) touched.add(network);
    }
  }

  #cluster({ before, after }: EventOf<'cluster'>, touched: Set<string>): void {
    if (before?.internal.networkKey?.key === after?.internal.networkKey?.key) return;
    for (const { ID, Spec } of this.#view.all('network')) if (isEncrypted(Spec)) touched.add(ID);
  }

  /** The networks that the service is known in; published ports make it known in that of the routing mesh. */
  #ofService({ Spec, Endpoint }: Service): string[] {
    const isOurs = (target: string) => this.#view.get('network', target) !== undefined || isNetworkId(target);
    const virtual = (Endpoint.VirtualIPs ?? []).map(({ NetworkID }) => NetworkID);
    return [...new Set([...namedNetworks(Spec.TaskTemplate, isOurs), ...virtual])];
  }

  #move(index: Map<string, Set<string>>, id: string, from: readonly string[], to: readonly string[]): void {
    for (const network of from) {
      const set = index.get(network);
      set?.delete(id);
      if (set?.size === 0) index.delete(network);
    }
    for (const network of to) {
      const set = index.get(network);
      if (set) set.add(id);
      else index.set(network, new Set([id]));
    }
  }
}

/** The networks in which the task is an endpoint. */
function networksOf(task: Task | undefined): string[] {
  if (!task?.NodeID || !holdsAddresses(task) || !atLeast(task.Status.State, 'assigned')) return [];
  return task.NetworksAttachments!.map(({ Network }) => Network.ID);
}

function ofNode(node: Node): string[] {
  return Object.keys(node.internal.networks ?? {});
}

/** The network in which it is an endpoint. */
function ofAttachment(attachment: Attachment | undefined): string[] {
  return attachment?.Addresses.length ? [attachment.NetworkID] : [];
}

function readyByItself(task: Task | undefined): boolean {
  return task?.Status.State === 'running' && compareStates(task.DesiredState, 'running') <= 0;
}

function endpointOf(task: Task, networkId: string, view: View): NetworkEndpoint {
  const { ID, NodeID, ServiceID, Slot, Spec, NetworksAttachments, internal } = task;
  const attachment = NetworksAttachments!.find(({ Network }) => Network.ID === networkId)!;
  const addresses = attachment.Addresses.map(hostOf);
  return {
    id: ID,
    nodeId: NodeID!,
    addresses,
    mac: macOf(addresses[0]!),
    names: [`${internal.service.Name}.${Slot || NodeID}.${ID}`],
    ...(view.get('node', NodeID!)?.Status.State === 'down' ? { lost: true } : {}),
    ...(Spec.ContainerSpec?.DNSConfig?.Nameservers?.length ? { ownNameServers: true } : {}),
    ...(ServiceID ? { serviceId: ServiceID } : {}),
  };
}

/** It can be reached from the start; it has names while it runs. */
function attachedEndpoint({ ID, NodeID, Addresses, internal }: Attachment): NetworkEndpoint {
  const { container, aliases = [], ownNameServers } = internal;
  const addresses = Addresses.map(hostOf);
  return {
    id: container?.id ?? ID,
    nodeId: NodeID,
    addresses,
    mac: macOf(addresses[0]!),
    names: container?.running ? [container.name, container.id.slice(0, 12), ...aliases] : [],
    ...(ownNameServers ? { ownNameServers } : {}),
  };
}
