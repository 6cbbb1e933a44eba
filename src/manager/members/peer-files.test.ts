import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRoot } from '../../identity/authority.ts';
import type { Cluster } from '../../model/objects.ts';
import { newCluster } from '../ca/cluster.ts';
import { certifyMember, newNode } from '../ca/issue.ts';
import { peerFiles, peerRenewal, readPeer, requestPeer, writePeer } from './peer-files.ts';

const NOW = Date.now();
const DAY = 24 * 3_600_000;
const cluster: Cluster = await newCluster({
  id: 'c1',
  spec: {},
  DefaultAddrPool: [],
  SubnetSize: 24,
  DataPathPort: 4789,
  now: NOW,
});
const manager = newNode({ id: 'n1', role: 'manager', addr: '10.0.0.1', now: NOW });

test('a manager’s etcd is certified at its address, and asks again in time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'peer-'));
  try {
    const { csr, key } = await requestPeer();
    const { certificate, roots } = await certifyMember(cluster, manager, { csr, address: '10.0.0.1' }, NOW);
    assert.equal(await readPeer(folder), undefined);
    await writePeer(folder, { certificate, key, roots });
    const present = await readPeer(folder);
    assert.deepEqual(present, { certificate, key, roots });
    assert.equal((await stat(peerFiles(folder).key)).mode & 0o777, 0o600);
    const leaf = new X509Certificate(certificate);
    assert.match(leaf.subjectAltName ?? '', /DNS:swarm-manager.*IP Address:10\.0\.0\.1/);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);

    const wanted = { nodeId: 'n1', clusterId: 'c1', address: '10.0.0.1', root: cluster.internal.caCert };
    const at = peerRenewal(present, wanted, 0);
    assert.ok(at > NOW + 44 * DAY && at < NOW + 46 * DAY);
    const other = (await createRoot(NOW)).cert;
    for (const change of [{ address: '10.0.0.2' }, { nodeId: 'n2' }, { clusterId: 'c2' }, { root: other }]) {
      assert.equal(peerRenewal(present, { ...wanted, ...change }, 0), 0);
    }
    assert.equal(peerRenewal(undefined, wanted, 0), 0);

    const second = await requestPeer();
    await assert.rejects(writePeer(folder, { certificate, key: second.key, roots }), /the key is not/);
    await assert.rejects(writePeer(folder, { certificate, key, roots: '' }), /there is no root/);
    assert.deepEqual(await readPeer(folder), present);
    await writeFile(peerFiles(folder).cert, certificate);
    assert.equal(await readPeer(folder), undefined);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a worker’s is not, nor one at a name', async () => {
  const { csr } = await requestPeer();
  const worker = newNode({ id: 'w1', role: 'worker', addr: '10.0.0.9', now: NOW });
  await assert.rejects(
    certifyMember(cluster, worker, { csr, address: '10.0.0.9' }, NOW),
    /w1 is not a manager/,
  );
  await assert.rejects(certifyMember(cluster, manager, { csr, address: 'host' }, NOW), /"host" is not an IP/);
});
