/** States of networks for the tests of names. */
import type { NetworkState, OverlayState } from '../../model/network-state.ts';

interface TestOverlay {
  id: string;
  name: string;
  number?: number;
  internal?: boolean;
  ingress?: boolean;
  endpoints: Array<{ id: string; addresses: string[]; names: string[] }>;
  services: OverlayState['services'];
}

/** A network of 10.0.<number>.0/24 and fd0<number>::/64. */
export function overlay(given: TestOverlay): OverlayState {
  const { number = 1, internal = false, ingress = false, endpoints, ...rest } = given;
  return {
    ...rest,
    internal,
    ingress,
    vni: 4096 + number,
    mtu: 1450,
    encrypted: false,
    subnets: [
      { subnet: `10.0.${number}.0/24`, gateway: `10.0.${number}.1` },
      { subnet: `fd0${number}::/64`, gateway: `fd0${number}::1` },
    ],
    addresses: [`10.0.${number}.254/24`],
    peers: [],
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, nodeId: 'n', mac: '02:42:00:00:00:00' })),
  };
}

export function stateOf(...networks: OverlayState[]): NetworkState {
  return { revision: 1, dataPathPort: 4789, networks, published: [] };
}
