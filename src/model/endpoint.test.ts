import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf } from './endpoint.ts';
import type { ServiceSpec } from './spec.ts';

test('an endpoint without ports and addresses is empty until it has had some, then it says what was asked for', () => {
  const before = endpointOf({
    EndpointSpec: { Mode: 'vip', Ports: [{ TargetPort: 80, PublishedPort: 80 }] },
  });
  const plain: ServiceSpec = { EndpointSpec: { Mode: 'dnsrr' } };
  assert.deepEqual(endpointOf(plain), { Spec: {} });
  assert.deepEqual(endpointOf(plain, before), { Spec: { Mode: 'dnsrr' } });
});
