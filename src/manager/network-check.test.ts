import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkStateFor } from '../control/networks/tables.ts';
import { ApiError } from '../model/errors.ts';
import { type CheckReport, digestsOf } from '../model/network-check.ts';
import type { Network } from '../model/objects.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleCluster, sampleNetwork, sampleNode } from '../store/samples.ts';
import { checkNetworks, staleParts } from './network-check.ts';

async function world() {
  const store = openMemoryStore();
  const network: Network = {
    ...sampleNetwork('a', 'app'),
    internal: { allocated: { vni: 4097, subnets: [{ subnet: '10.0.1.0/24', gateway: '10.0.1.1' }] } },
  };
  const node = { ...sampleNode('n1', 'node1'), internal: { networks: { a: ['10.0.1.2/24'] } } };
  await store.commit({
    changes: [
      { op: 'put', kind: 'cluster', object: sampleCluster('c1', '', '') },
      { op: 'put', kind: 'network', object: network },
      { op: 'put', kind: 'node', object: node },
      { op: 'put', kind: 'node', object: sampleNode('n2', 'node2') },
    ],
  });
  const report = (nodeId: string): CheckReport => ({
    revision: 1,
    told: digestsOf(structuredClone(networkStateFor(store.view, nodeId))),
    differences: [],
    mended: 2,
  });
  return { store, report };
}

test('hosts that have what they should', async () => {
  const { store, report } = await world();
  const { hosts, revision } = await checkNetworks(store, async (id) => report(id));
  assert.equal(revision, store.view.revision);
  assert.deepEqual(hosts, [
    { node: 'n1', host: 'node1', networks: 1, revision: 1, differences: [], mended: 2 },
    { node: 'n2', host: 'node2', networks: 0, revision: 1, differences: [], mended: 2 },
  ]);
});

test('what a kernel has otherwise is named with its network; a host that does not answer with the reason', async () => {
  const { store, report } = await world();
  const { hosts } = await checkNetworks(store, async (id) => {
    if (id === 'n2') throw new ApiError(503, 'no session');
    const differences = [
      { network: 'a', message: 'link br0 is missing' },
      { message: 'the firewall differs' },
    ];
    return { ...report(id), differences };
  });
  assert.deepEqual(
    hosts.map(({ differences, error }) => [differences, error]),
    [
      [['network app: link br0 is missing', 'the firewall differs'], undefined],
      [[], 'does not answer: no session'],
    ],
  );
});

test('a host that was told something else is asked again, then said so', async () => {
  const { store, report } = await world();
  let asked = 0;
  const late = await checkNetworks(store, async (id) => {
    asked++;
    return asked < 3 ? { ...report(id), told: {} } : report(id);
  });
  assert.deepEqual(
    late.hosts.flatMap(({ differences }) => differences),
    [],
  );
  const wanted = { a: '1', b: '2', 'published ports': '3' };
  assert.deepEqual(staleParts(store.view, wanted, { ...wanted, c: '4' }), [
    'network c: the host has it and should not',
  ]);
  assert.deepEqual(staleParts(store.view, wanted, { b: 'x' }), [
    'network app: the host has not heard of it',
    'network b: the host has another version of it',
    'published ports: the host has not heard of it',
  ]);
});
