/**
 * Who has what, and which objects may lack something. It is kept up with each commit and can be made from a view at any
 * time; the objects alone decide.
 */
import { hostOf, parseAddress, parseSubnet } from '../../model/cidr.ts';
import { publishesToIngress } from '../../model/endpoint.ts';
import type { Attachment, Network, Service, Task } from '../../model/objects.ts';
import type { Commit, EventOf, Kind, StoreEvent, View } from '../../store/contract.ts';
import { type Claim, claimsOf, holdsAddresses } from './claims.ts';

export interface Work {
  services: string[];
  networks: string[];
  attachments: string[];
  nodes: string[];
}

export class AllocatorIndex {
  /** Objects to be looked at. */
  readonly services = new Set<string>();
  readonly networks = new Set<string>();
  readonly attachments = new Set<string>();
  readonly nodes = new Set<string>();
  /** What could not be given, by the object that lacks it; each is looked at again when something is freed. */
  readonly lacking = { service: new Map<string, string>(), network: new Map<string, string>() };
  /** Tasks wait for an address: they are to be tried again when something is freed. */
  tasksLack = false;
  /** So do hosts. */
  nodesLack = false;
  ingress: Network | undefined;
  /** Where automatic choices go on, so that what was just freed is given again as late as can be. */
  readonly cursors = new Map<string, bigint>();
  readonly #owners = new Map<Claim, string>();
  readonly #publishing = new Set<string>();
  /** By node and network, how many tasks and containers made by hand are there. */
  readonly #uses = new Map<string, Map<string, number>>();
  #freed = false;

  constructor(view: View) {
    for (const kind of ['network', 'service', 'node', 'task', 'attachment'] as const) {
      for (const after of view.all(kind)) this.#enter({ kind, id: after.ID, after } as StoreEvent);
    }
    for (const { ID } of view.all('network')) this.networks.add(ID);
    for (const { ID } of view.all('service')) this.services.add(ID);
    for (const { ID } of view.all('node')) this.nodes.add(ID);
    for (const { ID } of view.all('attachment')) this.attachments.add(ID);
  }

  ownerOf(claim: Claim): string | undefined {
    return this.#owners.get(claim);
  }

  /** Everything that is given, with who has it. */
  claims(): ReadonlyMap<Claim, string> {
    return this.#owners;
  }

  /** True while any service publishes ports on all hosts. */
  get publishes(): boolean {
    return this.#publishing.size > 0;
  }

  /** Networks that tasks or other containers on the node are attached to. */
  usedOn(nodeId: string): Iterable<string> {
    return this.#uses.get(nodeId)?.keys() ?? [];
  }

  hasWork(): boolean {
    return this.services.size + this.networks.size + this.attachments.size + this.nodes.size > 0;
  }

  /** Takes the objects to be looked at. */
  takeWork(): Work {
    const work = {
      services: [...this.services],
      networks: [...this.networks],
      attachments: [...this.attachments],
      nodes: [...this.nodes],
    };
    this.services.clear();
    this.networks.clear();
    this.attachments.clear();
    this.nodes.clear();
    return work;
  }

  /** What was decided about them was not carried out. */
  putBack({ services, networks, attachments, nodes }: Work): void {
    for (const id of services) this.services.add(id);
    for (const id of networks) this.networks.add(id);
    for (const id of attachments) this.attachments.add(id);
    for (const id of nodes) this.nodes.add(id);
  }

  /** True once after something was freed that tasks may have waited for. */
  takeFreed(): boolean {
    const freed = this.#freed && this.tasksLack;
    this.#freed = false;
    if (freed) this.tasksLack = false;
    return freed;
  }

  apply(commit: Commit, view: View): void {
    for (const event of commit.events) {
      this.#leave(event);
      this.#enter(event);
      this.#mark(event, view);
    }
  }

  #leave({ kind, id, before }: StoreEvent): void {
    if (!before) return;
    const owner = ownerKey(kind, id);
    for (const claim of claimsOf(kind, before)) {
      if (this.#owners.get(claim) === owner) this.#owners.delete(claim);
    }
    if (kind === 'task') this.#useOfTask(before as Task, -1);
    if (kind === 'attachment') this.#use(before as Attachment, -1);
    if (kind === 'service') this.#publishing.delete(id);
    if (kind === 'network' && this.ingress?.ID === id) this.ingress = undefined;
  }

  #enter({ kind, id, before, after }: StoreEvent): void {
    if (!after) return;
    const owner = ownerKey(kind, id);
    for (const claim of claimsOf(kind, after)) this.#owners.set(claim, owner);
    if (kind === 'task') {
      this.#useOfTask(after as Task, 1);
      for (const { Network, Addresses } of (after as Task).NetworksAttachments ?? [])
        this.#move(Network.ID, Addresses);
    }
    if (kind === 'attachment') {
      this.#use(after as Attachment, 1);
      const { NetworkID, Addresses, internal } = after as Attachment;
      // What users chose, or what becomes of its container, says nothing of what was given last.
      if (!before?.Addresses.length && !internal.wanted) this.#move(NetworkID, Addresses);
    }
    if (kind === 'service' && publishes(after as Service)) this.#publishing.add(id);
    if (kind === 'network') this.#enterNetwork(after as Network);
  }

  #enterNetwork(network: Network): void {
    const { Spec, internal } = network;
    if (Spec.Ingress) this.ingress = network;
    if (!internal.allocated) return;
    if (!Spec.Ingress) this.cursors.set('vni', BigInt(internal.allocated.vni));
    const [first] = internal.allocated.subnets;
    if (!Spec.IPAM?.Config?.length) this.cursors.set('subnet', parseSubnet(first!.subnet)!.first);
  }

  /** What a restart knows of the addresses given last. */
  #move(networkId: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const parsed = parseAddress(hostOf(address));
      if (parsed) this.cursors.set(`address ${networkId} ${parsed.version}`, parsed.value);
    }
  }

  #mark(event: StoreEvent, view: View): void {
    const { kind, id, before, after } = event;
    if (kind === 'service') {
      if (after) this.services.add(id);
      else this.lacking.service.delete(id);
      if (publishes(before) !== publishes(after)) this.#markNodes(view);
    } else if (kind === 'network') {
      if (after) this.networks.add(id);
      else this.lacking.network.delete(id);
      if (!after) this.#markNodes(view);
      else if ((after as Network).Spec.Ingress) this.#markNodes(view);
    } else if (kind === 'node') {
      if (!before) this.nodes.add(id);
    } else if (kind === 'attachment') {
      if (after) this.attachments.add(id);
      if (!before || !after) this.nodes.add((after ?? before)!.NodeID);
    } else if (kind === 'task') this.#markTask(event);
    if (before && claimsOf(kind, before).some((claim) => !this.#owners.has(claim))) this.#free(view);
    if (kind === 'network' && after && !before?.internal.allocated) this.#free(view);
    if (kind === 'network' || kind === 'cluster') this.#free(view);
  }

  #markTask({ before, after }: EventOf<'task'>): void {
    const had = before !== undefined && holdsAddresses(before);
    const has = after !== undefined && holdsAddresses(after);
    if (had !== has) this.nodes.add((after ?? before)!.NodeID ?? '');
  }

  #markNodes(view: View): void {
    for (const { ID } of view.all('node')) this.nodes.add(ID);
  }

  #free(view: View): void {
    this.#freed = true;
    if (this.nodesLack) this.#markNodes(view);
    this.nodesLack = false;
    for (const id of this.lacking.service.keys()) this.services.add(id);
    for (const id of this.lacking.network.keys()) this.networks.add(id);
  }

  #useOfTask(task: Task, by: 1 | -1): void {
    if (!task.NodeID || !holdsAddresses(task)) return;
    for (const { Network, Addresses } of task.NetworksAttachments!)
      if (Addresses.length > 0) this.#use({ NodeID: task.NodeID, NetworkID: Network.ID }, by);
  }

  #use({ NodeID, NetworkID }: Pick<Attachment, 'NodeID' | 'NetworkID'>, by: 1 | -1): void {
    const uses = this.#uses.get(NodeID) ?? new Map<string, number>();
    this.#uses.set(NodeID, uses);
    const count = (uses.get(NetworkID) ?? 0) + by;
    if (count <= 0) uses.delete(NetworkID);
    else uses.set(NetworkID, count);
    if (uses.size === 0) this.#uses.delete(NodeID);
  }
}

export function ownerKey(kind: Kind, id: string): string {
  return `${kind} ${id}`;
}

/** By what it asks for: between a change of its ports and the next round it has none, and yet no host is to leave. */
function publishes(object: unknown): boolean {
  return publishesToIngress((object as Service | undefined)?.Spec.EndpointSpec);
}
