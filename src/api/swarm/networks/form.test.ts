import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Network } from '../../../model/objects.ts';
import { hostEndpoint } from './form.ts';

const network = (Spec: Network['Spec']): Network => ({
  ...{ ID: 'n', Version: { Index: 1 }, CreatedAt: '', UpdatedAt: '' },
  Spec,
  internal: {},
});

test("a host's own endpoint is called as Docker calls that of its balancer", () => {
  assert.equal(hostEndpoint(network({ Name: 'app' })), null);
  const shown = Object.entries(hostEndpoint(network({ Name: 'app' }), ['10.0.1.4/24']) ?? {});
  assert.equal(shown.length, 1);
  const [key, { EndpointID, ...endpoint }] = shown[0] as [string, { EndpointID: string }];
  assert.equal(key, 'lb-app');
  assert.match(EndpointID, /^[0-9a-f]{64}$/);
  assert.deepEqual(endpoint, {
    Name: 'app-endpoint',
    MacAddress: '02:42:0a:00:01:04',
    IPv4Address: '10.0.1.4/24',
    IPv6Address: '',
  });
  const ingress = hostEndpoint(network({ Name: 'ingress', Ingress: true }), ['10.0.0.2/24', 'fd00::2/64']);
  assert.deepEqual(Object.keys(ingress ?? {}), ['ingress-sbox']);
  assert.match(JSON.stringify(ingress), /"IPv6Address":"fd00::2\/64"/);
});
