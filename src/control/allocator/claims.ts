/**
 * What may be given only once, and which object has it: addresses in networks, VXLAN identifiers, published ports. The
 * objects of the store are the only record of that, so nothing can be given and forgotten.
 */
import { formatAddress, hostOf, parseAddress } from '../../model/cidr.ts';
import { isIngressPort } from '../../model/endpoint.ts';
import type { Attachment, Network, Node, Service, Task } from '../../model/objects.ts';
import type { PortConfig } from '../../model/spec.ts';
import { atLeast, compareStates, isTerminal } from '../../model/task-state.ts';
import type { Kind, Kinds } from '../../store/contract.ts';

/** As a key: equal texts are one and the same thing. */
export type Claim = string;

export function addressClaim(networkId: string, address: string): Claim {
  return `address ${networkId} ${address}`;
}

export function vniClaim(vni: number): Claim {
  return `vni ${vni}`;
}

export function portClaim({ Protocol, PublishedPort }: PortConfig): Claim {
  return `port ${Protocol || 'tcp'} ${PublishedPort}`;
}

/** Everything that the object has. */
export function claimsOf<K extends Kind>(kind: K, object: Kinds[K]): Claim[] {
  switch (kind) {
    case 'network':
      return ofNetwork(object as Network);
    case 'service':
      return ofService(object as Service);
    case 'node':
      return ofNode(object as Node);
    case 'task':
      return ofTask(object as Task);
    case 'attachment':
      return ofAttachment(object as Attachment);
    default:
      return [];
  }
}

/**
 * True while the task's addresses are its own: from the moment it has a place until its container has ended, or will
 * never be made.
 */
export function holdsAddresses({ NetworksAttachments, Status, DesiredState }: Task): boolean {
  const any = NetworksAttachments?.some(({ Addresses }) => Addresses.length > 0);
  if (!any || isTerminal(Status.State)) return false;
  return atLeast(Status.State, 'assigned') || compareStates(DesiredState, 'complete') <= 0;
}

function ofNetwork({ ID, internal }: Network): Claim[] {
  const { allocated } = internal;
  if (!allocated) return [];
  const addresses = allocated.subnets.flatMap(({ gateway, reserved = [] }) => [gateway, ...reserved]);
  return [vniClaim(allocated.vni), ...new Set(addresses.map((address) => addressClaim(ID, same(address))))];
}

function ofService({ Endpoint }: Service): Claim[] {
  const ports = (Endpoint.Ports ?? []).filter((port) => isIngressPort(port) && port.PublishedPort);
  const vips = Endpoint.VirtualIPs ?? [];
  return [
    ...ports.map(portClaim),
    ...vips.map(({ NetworkID, Addr }) => addressClaim(NetworkID, hostOf(Addr))),
  ];
}

function ofNode({ internal }: Node): Claim[] {
  return Object.entries(internal.networks ?? {}).flatMap(([id, addresses]) =>
    addresses.map((address) => addressClaim(id, hostOf(address))),
  );
}

function ofTask(task: Task): Claim[] {
  if (!holdsAddresses(task)) return [];
  return task.NetworksAttachments!.flatMap(({ Network, Addresses }) =>
    Addresses.map((address) => addressClaim(Network.ID, hostOf(address))),
  );
}

function ofAttachment({ NetworkID, Addresses }: Attachment): Claim[] {
  return Addresses.map((address) => addressClaim(NetworkID, hostOf(address)));
}

/** Users may write an address in more than one way. */
function same(address: string): string {
  const parsed = parseAddress(address);
  return parsed ? formatAddress(parsed) : address;
}
