import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { newCluster } from '../ca/cluster.ts';
import { certifyMember, newNode } from '../ca/issue.ts';
import { forgetPeer, type PeerPlace, protectPeer, savePeer, takeUpPeer } from './kept-peer.ts';
import { type PeerCertificate, requestPeer } from './peer-files.ts';

const now = Date.now();
const network = { DefaultAddrPool: [], SubnetSize: 24, DataPathPort: 4789 };
const cluster = await newCluster({ ...network, id: 'c1', spec: {}, now });
const manager = newNode({ id: 'n1', role: 'manager', addr: '10.0.0.1', now });
const { csr, key } = await requestPeer();
const issued = await certifyMember(cluster, manager, { csr, address: '10.0.0.1' }, now);
const certificate: PeerCertificate = { certificate: issued.certificate, key, roots: issued.roots };

let folder: string;
let fileKey: Buffer | undefined;
let place: PeerPlace;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kept-'));
  fileKey = undefined;
  place = { live: join(folder, 'live'), kept: join(folder, 'peer.json'), fileKey: () => fileKey };
});
afterEach(async () => {
  await forgetPeer(place);
  await rm(folder, { recursive: true });
});
const onDisk = () => readFile(place.kept, 'utf8');
/** As when the host has been switched off and on. */
const forgetMemory = () => forgetPeer({ ...place, kept: join(folder, 'none') });

test('is in memory again after the host was switched off', async () => {
  assert.equal(await takeUpPeer(place), undefined);
  await savePeer(place, certificate);
  await forgetMemory();
  assert.deepEqual(await takeUpPeer(place), certificate);
  assert.match(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(` ${place.live} .* tmpfs `));
});

test('lies encrypted on the disk of a locked manager, and is opened by its key alone', async () => {
  await savePeer(place, certificate);
  assert.match(await onDisk(), /PRIVATE KEY/);
  const lock = randomBytes(32);
  await protectPeer(place.kept, lock, undefined);
  assert.doesNotMatch(await onDisk(), /PRIVATE KEY/);
  // Nothing to do the second time.
  const before = await onDisk();
  await protectPeer(place.kept, lock, undefined);
  assert.equal(await onDisk(), before);
  await forgetMemory();
  assert.equal(await takeUpPeer(place), undefined);
  fileKey = randomBytes(32);
  assert.equal(await takeUpPeer(place), undefined);
  fileKey = lock;
  assert.deepEqual(await takeUpPeer(place), certificate);
  await savePeer(place, certificate);
  assert.doesNotMatch(await onDisk(), /PRIVATE KEY/);
  await protectPeer(place.kept, undefined, lock);
  assert.match(await onDisk(), /PRIVATE KEY/);
});

test('is not left in the clear by a lock that is put on while it is written', async () => {
  const lock = randomBytes(32);
  const saved = savePeer(place, certificate);
  setImmediate(() => {
    fileKey = lock;
  });
  await saved;
  assert.equal(/PRIVATE KEY/.test(await onDisk()), fileKey === undefined);
});

test('a damaged file is as good as none', async () => {
  await writeFile(place.kept, '{');
  assert.equal(await takeUpPeer(place), undefined);
  await savePeer(place, certificate);
  assert.deepEqual(await takeUpPeer(place), certificate);
});
