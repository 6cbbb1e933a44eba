/**
 * What the data plane of each host has to be, worked out from the store. It is kept up with each commit, so that a
 * change costs as much as the networks that it touches; `networkStateFor` is the same made anew.
 */
import { hostOf } from '../../model/cidr.ts';
import { taskTemplate } from '../../model/defaults.ts';
import { isEncrypted, isNetworkId, namedNetworks } from '../../model/endpoint.ts';
import type { ListedOverlay, NetworkState, OverlayState, PublishedPort } from '../../model/network-state.ts';
import { isNodeLocal } from '../../model/node-local.ts';
import type { Attachment, Cluster, Network, Node, Service } from '../../model/objects.ts';
import type { Commit, EventOf, View } from '../../store/contract.ts';
import {
  type Core,
  coreOf,
  networksOfAttachment,
  networksOfTask,
  publishedPorts,
  readyByItself,
} from './endpoints.ts';

const DEFAULT_MTU = 1450;
/** WireGuard takes up to 80 bytes of each packet, and what is in its tunnels is IPv6: VXLAN takes 70 there. */
const ENCRYPTED_MTU = 1350;
const MTU_OPTION = 'com.docker.network.driver.mtu';
const DATA_PATH_PORT = 4789;

/** The NetworkState of a node, from nothing but the view. */
export function networkStateFor(view: View, nodeId: string): NetworkState {
  return new NetworkTables(view).stateFor(nodeId);
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
  #listedAt = 0;
  #listed: ListedOverlay[] | undefined;

  constructor(view: View) {
    this.#view = view;
    for (const task of view.all('task')) this.#move(this.#tasks, task.ID, [], networksOfTask(task));
    for (const service of view.all('service'))
      this.#move(this.#services, service.ID, [], this.#ofService(service));
    for (const node of view.all('node')) this.#move(this.#nodes, node.ID, [], ofNode(node));
    for (const attachment of view.all('attachment'))
      this.#move(this.#attachments, attachment.ID, [], networksOfAttachment(attachment));
  }

  /** To be called with each commit that the view has taken in. Returns the networks that it has changed. */
  apply(commit: Commit): Set<string> {
    const touched = new Set<string>();
    for (const event of commit.events) {
      if (event.kind === 'task') this.#task(event, touched);
      else if (event.kind === 'service') this.#service(event, touched);
      else if (event.kind === 'node') this.#node(event, touched);
      else if (event.kind === 'attachment') this.#attachment(event, touched);
      else if (event.kind === 'network') this.#network(event, touched, commit.revision);
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

  /** The revision at which `listed` was last another one. */
  get listedAt(): number {
    return this.#listedAt;
  }

  /** The network of the routing mesh: each host is to list it, also before anything is published. */
  get listed(): ListedOverlay[] {
    this.#listed ??= [...this.#view.all('network')]
      .filter(({ Spec, internal }) => Spec.Ingress && internal.allocated)
      .map((network) => listedForm(network));
    return this.#listed;
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
      listed: this.listed,
    };
  }

  /** The ports that the node answers: all there are, if it has a part in the routing mesh. */
  publishedOn(nodeId: string): PublishedPort[] {
    const ingress = this.networksOf(nodeId).some((id) => this.#view.get('network', id)!.Spec.Ingress);
    if (!ingress) return [];
    this.#published ??= publishedPorts(this.#view);
    return this.#published;
  }

  /** A network as that node sees it. */
  overlay(id: string, nodeId: string): OverlayState {
    const network = this.#view.get('network', id)!;
    const { Spec, internal } = network;
    const { vni } = internal.allocated!;
    const encrypted = isEncrypted(Spec);
    const networkKey = encrypted && this.#theCluster?.internal.networkKey?.key;
    return {
      ...listedForm(network),
      vni,
      mtu: Number(Spec.Options?.[MTU_OPTION]) || (encrypted ? ENCRYPTED_MTU : DEFAULT_MTU),
      ingress: Spec.Ingress ?? false,
      encrypted,
      ...(networkKey && { networkKey }),
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
    const view = this.#view;
    const members = {
      tasks: sorted(this.#tasks.get(id)).map((each) => view.get('task', each)!),
      services: sorted(this.#services.get(id)).map((each) => view.get('service', each)!),
      attachments: sorted(this.#attachments.get(id)).map((each) => view.get('attachment', each)!),
    };
    const core = coreOf(id, members, view);
    this.#cores.set(id, core);
    return core;
  }

  #republish(revision: number): void {
    this.#publishedAt = revision;
    this.#published = undefined;
  }

  #network({ id, before, after }: EventOf<'network'>, touched: Set<string>, revision: number): void {
    touched.add(id);
    if (!before?.Spec.Ingress && !after?.Spec.Ingress) return;
    this.#listedAt = revision;
    this.#listed = undefined;
  }

  #task({ id, before, after }: EventOf<'task'>, touched: Set<string>): void {
    const [from, to] = [networksOfTask(before), networksOfTask(after)];
    if (from.length === 0 && to.length === 0) return;
    this.#move(this.#tasks, id, from, to);
    const same =
      from.length === to.length &&
      readyByItself(before) === readyByItself(after) &&
      from.every((n, i) => n === to[i]);
    if (!same) for (const network of [...from, ...to]) touched.add(network);
  }

  #attachment({ id, before, after }: EventOf<'attachment'>, touched: Set<string>): void {
    const [from, to] = [networksOfAttachment(before), networksOfAttachment(after)];
    this.#move(this.#attachments, id, from, to);
    const told = (attachment: Attachment | undefined) =>
      JSON.stringify([attachment?.Addresses, attachment?.internal]);
    if (told(before) !== told(after)) for (const network of [...from, ...to]) touched.add(network);
  }

  #service({ id, before, after }: EventOf<'service'>, touched: Set<string>): void {
    const [from, to] = [before ? this.#ofService(before) : [], after ? this.#ofService(after) : []];
    this.#move(this.#services, id, from, to);
    const told = (service: Service | undefined) =>
      JSON.stringify([service?.Endpoint, service?.Spec.Name, service && taskTemplate(service.Spec).Networks]);
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
        node?.Status.State,
      ]);
    if (told(before) === told(after)) return;
    for (const network of [...from, ...to]) touched.add(network);
    // Its tasks may be in networks that it has no part in yet, or no more: of them, too, it is told that they are lost.
    for (const task of this.#view.tasksOfNode(id)) {
      for (const network of networksOfTask(task)) touched.add(network);
    }
  }

  #cluster({ before, after }: EventOf<'cluster'>, touched: Set<string>): void {
    if (before?.internal.networkKey?.key === after?.internal.networkKey?.key) return;
    for (const { ID, Spec } of this.#view.all('network')) if (isEncrypted(Spec)) touched.add(ID);
  }

  /** The networks that the service is known in; published ports make it known in that of the routing mesh. */
  #ofService({ Spec, Endpoint }: Service): string[] {
    const isOurs = (target: string) => {
      const network = this.#view.get('network', target);
      return network ? !isNodeLocal(network.Spec) : isNetworkId(target);
    };
    const virtual = (Endpoint.VirtualIPs ?? []).map(({ NetworkID }) => NetworkID);
    return [...new Set([...namedNetworks(taskTemplate(Spec), isOurs), ...virtual])];
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

function listedForm({ ID, Spec, internal }: Network): ListedOverlay {
  const { subnets } = internal.allocated!;
  return {
    id: ID,
    name: Spec.Name ?? '',
    internal: Spec.Internal ?? false,
    ingress: Spec.Ingress ?? false,
    subnets: subnets.map(({ subnet, gateway }) => ({ subnet, gateway })),
  };
}

function ofNode(node: Node): string[] {
  return Object.keys(node.internal.networks ?? {});
}

function sorted(ids: Iterable<string> = []): string[] {
  return [...ids].sort();
}
