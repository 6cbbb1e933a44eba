/**
 * Containers that are no task's on the cluster's networks: what a node's request for addresses and its report of what
 * is there come to. The addresses themselves are the allocator's to give.
 */
import { formatAddress, hostOf, parseAddress } from '../../model/cidr.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError, rpcError } from '../../model/errors.ts';
import type { Attachment, Network } from '../../model/objects.ts';
import type { AttachedContainer, AttachedReport, AttachRequest } from '../../model/protocol.ts';
import type { Change, Transaction, View } from '../../store/contract.ts';

/** The attachment that was asked for, without addresses yet. `now`: milliseconds. @throws ApiError with Docker's texts */
export function askedAttachment(
  view: View,
  nodeId: string,
  request: AttachRequest,
  now: number,
): Transaction {
  const network = attachableNetwork(view, request.network);
  const { id, addresses, aliases, ownNameServers } = request;
  const at = timestamp(now);
  const object: Attachment = {
    ...{ ID: id, Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    NetworkID: network.ID,
    NodeID: nodeId,
    Addresses: [],
    internal: {
      ...(addresses.length > 0 ? { wanted: addresses } : {}),
      ...(aliases.length > 0 ? { aliases } : {}),
      ...(ownNameServers ? { ownNameServers } : {}),
    },
  };
  return {
    changes: [{ op: 'put', kind: 'attachment', object }],
    require: [{ kind: 'network', id: network.ID, revision: network.Version.Index }],
  };
}

/** The network that containers are to be attached to. @throws ApiError with Docker's texts if they cannot be */
export function attachableNetwork(view: View, called: string): Network {
  const network = networkCalled(view, called);
  if (!network) throw new ApiError(404, `network ${called} not found`);
  if (network.Spec.Attachable) return network;
  throw refusal(called, 'PermissionDenied', `network ${called} not manually attachable`);
}

/** Docker's words for an attachment that cannot be. */
export function refusal(
  network: string,
  code: Parameters<typeof rpcError>[0],
  description: string,
): ApiError {
  const { status, message } = rpcError(code, description);
  return new ApiError(status, `Could not attach to network ${network}: ${message}`);
}

/** Docker's order: a whole id, a name, the beginning of an id. */
function networkCalled(view: View, called: string): Network | undefined {
  const network =
    view.get('network', called) ?? view.byName('network', called).find(({ Spec }) => Spec.Name === called);
  if (network || called === '') return network;
  const found = [...view.all('network')].filter(({ ID }) => ID.startsWith(called));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * What a node's report changes: attachments whose containers are there are theirs, those without one end. A container
 * without one is given one with the addresses that it has, if the allocator can give them. `newId`: for those.
 */
export function reportedAttachments(
  view: View,
  nodeId: string,
  { containers, pending }: AttachedReport,
  { now, newId }: { now: number; newId(): string },
): { changes: Change[]; refused: string[] } {
  const at = timestamp(now);
  const changes: Change[] = [];
  const refused: string[] = [];
  const put = (attachment: Attachment, internal: Attachment['internal']): void => {
    changes.push({ op: 'put', kind: 'attachment', object: { ...attachment, UpdatedAt: at, internal } });
  };
  const busy = new Set(pending);
  const there = new Map<string, Place>();
  for (const container of containers)
    for (const { id: networkId, addresses } of container.networks) {
      const place = { container, networkId, addresses };
      for (const address of addresses) there.set(placeOf(networkId, address), place);
    }
  for (const attachment of view.all('attachment')) {
    if (attachment.NodeID !== nodeId) continue;
    const { ID, NetworkID, Addresses, Version, internal } = attachment;
    const addresses = Addresses.length > 0 ? Addresses : (internal.wanted ?? []);
    const places = addresses.map((address) => placeOf(NetworkID, address));
    const found = places.map((place) => there.get(place)).find((each) => each !== undefined);
    const isOurs = found && (Addresses.length > 0 || found.container.id === internal.container?.id);
    if (!isOurs) {
      if (!busy.has(ID)) changes.push({ op: 'delete', kind: 'attachment', id: ID, revision: Version.Index });
      continue;
    }
    for (const address of found.addresses) there.delete(placeOf(NetworkID, address));
    const container = containerOf(found.container);
    const { name } = container;
    const { lack, ...others } = internal;
    if (lack !== undefined) {
      refused.push(`container ${name} has an address that is not its own: ${lack}`);
      put(attachment, others);
    } else if (!same(internal.container, container)) {
      put(attachment, { ...internal, container });
    }
  }
  for (const { container, networkId, addresses } of new Set(there.values())) {
    // The network was removed, and the host is about to hear of it.
    if (!view.get('network', networkId)) continue;
    const object: Attachment = {
      ...{ ID: newId(), Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
      NetworkID: networkId,
      NodeID: nodeId,
      Addresses: [],
      internal: { wanted: addresses, container: containerOf(container) },
    };
    changes.push({ op: 'put', kind: 'attachment', object });
  }
  return { changes, refused };
}

interface Place {
  container: AttachedContainer;
  networkId: string;
  addresses: string[];
}

function same(a: Attachment['internal']['container'], b: typeof a): boolean {
  const isSame = a?.id === b?.id && a?.name === b?.name && a?.running === b?.running;
  return isSame && JSON.stringify(a?.offers) === JSON.stringify(b?.offers);
}

function containerOf({ id, name, running, offers }: AttachedContainer) {
  return { id, name, running, ...(offers && { offers }) };
}

function placeOf(networkId: string, address: string): string {
  const parsed = parseAddress(hostOf(address));
  return `${networkId} ${parsed ? formatAddress(parsed) : address}`;
}
