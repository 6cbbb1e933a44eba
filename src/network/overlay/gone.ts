/**
 * Containers of this host that took part and are not there any more. The host sees that first, and while its manager is
 * away it is the only one who knows: they get no new connections here, and who still calls them is answered by another
 * container of the service on this host, or refused at once.
 * A manager's next word makes it all right by itself, as it is worked out from what it has said last.
 */
import type { NetworkState, OverlayState } from '../../model/network-state.ts';
import { canonical, isV6 } from '../address.ts';

/** Ids of the endpoints of this host that take part, without any of the addresses that are here. */
export function goneFrom(overlay: OverlayState, here: Iterable<string>): string[] {
  const ready = new Set(overlay.services.flatMap((service) => service.ready));
  if (ready.size === 0) return [];
  const elsewhere = new Set(overlay.peers.map(({ nodeId }) => nodeId));
  const present = new Set([...here].map(canonical));
  return overlay.endpoints
    .filter(({ id, nodeId }) => ready.has(id) && !elsewhere.has(nodeId))
    .filter(({ addresses }) => !addresses.some((address) => present.has(canonical(address))))
    .map(({ id }) => id);
}

/** The network without those that are gone; the same object where nobody is. */
export function withoutGone(overlay: OverlayState, gone: readonly string[]): OverlayState {
  if (gone.length === 0) return overlay;
  const ids = new Set(gone);
  return {
    ...overlay,
    endpoints: overlay.endpoints.filter(({ id }) => !ids.has(id)),
    services: overlay.services.map((service) => ({
      ...service,
      ready: service.ready.filter((id) => !ids.has(id)),
    })),
  };
}

/**
 * Who answers on this host in place of each address that is gone: another container of the same service here, as answers of
 * others would not come back this way. The address itself where there is none.
 * @returns address by address
 */
export function standIns(overlay: OverlayState, gone: readonly string[]): Array<readonly [string, string]> {
  const elsewhere = new Set(overlay.peers.map(({ nodeId }) => nodeId));
  const left = new Map(
    withoutGone(overlay, gone)
      .endpoints.filter(({ nodeId }) => !elsewhere.has(nodeId))
      .map((endpoint) => [endpoint.id, endpoint]),
  );
  const endpoints = new Map(overlay.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  return gone.flatMap((id, index) => {
    const service = overlay.services.find(({ ready }) => ready.includes(id));
    const others = service!.ready.flatMap((other) => left.get(other) ?? []);
    const instead = others.length > 0 ? others[index % others.length]!.addresses : [];
    return endpoints.get(id)!.addresses.map((address) => {
      const same = instead.find((other) => isV6(other) === isV6(address));
      return [address, same ?? address] as const;
    });
  });
}

/** Addresses of the endpoints with those ids. */
function addressesOf(overlay: OverlayState, ids: readonly string[]): string[] {
  const wanted = new Set(ids);
  return overlay.endpoints.filter(({ id }) => wanted.has(id)).flatMap(({ addresses }) => addresses);
}

/** The state without them, in balancers, names and published ports. @param gone ids of endpoints by network */
export function presentState(
  state: NetworkState,
  gone: ReadonlyMap<string, readonly string[]>,
): NetworkState {
  if (gone.size === 0) return state;
  const networks = state.networks.map((overlay) => withoutGone(overlay, gone.get(overlay.id) ?? []));
  const ingress = state.networks.find((overlay) => overlay.ingress);
  const unpublished = new Set(ingress && addressesOf(ingress, gone.get(ingress.id) ?? []));
  const published = state.published.map((port) => ({
    ...port,
    targets: port.targets.filter((target) => !unpublished.has(target)),
  }));
  return { ...state, networks, published };
}
