import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkEngine } from '../contract.ts';
import { kernelHasIPv6 } from '../kernel/ipv6.ts';
import { testOverlay } from '../testing/overlay.ts';
import {
  EngineNetworks,
  engineNetworkRequest,
  type ListedNetwork,
  NETWORK_OPTION,
} from './engine-networks.ts';

const overlay = testOverlay();
const ingress = testOverlay({ ingress: true });

/** An engine that has these networks, and makes more. */
function networksOf(...listed: ListedNetwork[]): EngineNetworks {
  const json = async (method: string): Promise<unknown> => (method === 'GET' ? listed : { Id: 'made' });
  return new EngineNetworks({ json } as NetworkEngine, () => true);
}

test('of IPv6 the engine is told everywhere but on the ingress network', () => {
  const { EnableIPv6, IPAM } = engineNetworkRequest(overlay, 'backend');
  const v4 = { Subnet: '10.0.1.0/24', Gateway: '10.0.1.1' };
  assert.deepEqual(
    { EnableIPv6, IPAM },
    {
      EnableIPv6: true,
      IPAM: { Driver: 'default', Config: [v4, { Subnet: 'fd01::/64', Gateway: 'fd01::1' }] },
    },
  );
  const told = engineNetworkRequest(ingress, 'ingress');
  assert.deepEqual([told.EnableIPv6, told.IPAM], [false, { Driver: 'default', Config: [v4] }]);
});

test('containers get their IPv6 address of the data plane where the engine knows none', async () => {
  const signs = async (networks: EngineNetworks, of = ingress): Promise<[string, boolean]> => {
    const { engineNetworkId, laysIPv6 } = await networks.ensure(of);
    return [engineNetworkId, laysIPv6];
  };
  const before = { Id: 'before', Name: 'ingress', Labels: { [NETWORK_OPTION]: ingress.id } };
  assert.deepEqual(await signs(networksOf()), ['made', kernelHasIPv6()]);
  assert.deepEqual(await signs(networksOf(), overlay), ['made', false]);
  assert.deepEqual(await signs(networksOf({ ...before, EnableIPv6: false })), ['before', kernelHasIPv6()]);
  assert.deepEqual(await signs(networksOf({ ...before, EnableIPv6: true })), ['before', false]);
});
