/** A network for tests: two hosts, a service with an endpoint on each. */
import { macOf, type OverlayState } from '../../model/network-state.ts';

export function testOverlay(overrides: Partial<OverlayState> = {}): OverlayState {
  const endpoint = (id: string, nodeId: string, last: number) => ({
    id,
    nodeId,
    addresses: [`10.0.1.${last}`, `fd01::${last}`],
    mac: macOf(`10.0.1.${last}`),
    names: [],
    serviceId: 'web',
  });
  return {
    id: 'networkidnetworkidnetwork',
    name: 'backend',
    vni: 4097,
    mtu: 1450,
    internal: false,
    ingress: false,
    encrypted: false,
    subnets: [
      { subnet: '10.0.1.0/24', gateway: '10.0.1.1' },
      { subnet: 'fd01::/64', gateway: 'fd01::1' },
    ],
    addresses: ['10.0.1.2/24', 'fd01::2/64'],
    peers: [{ nodeId: 'other', underlay: '192.0.2.2', addresses: ['10.0.1.3/24', 'fd01::3/64'] }],
    endpoints: [endpoint('here', 'self', 5), endpoint('there', 'other', 6)],
    services: [
      { id: 'web', name: 'web', aliases: [], vips: ['10.0.1.9', 'fd01::9'], ready: ['here', 'there'] },
    ],
    ...overrides,
  };
}
