import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listenUnix } from '../../api/listen.ts';
import { EngineClient } from '../../engine/client.ts';
import { loadIdentity } from '../../identity/node-identity.ts';
import { createBackup } from '../../manager/backup/contents.ts';
import { systemClock } from '../../model/clock.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { foundCluster } from '../membership/found.ts';
import { restoreCluster } from './restore.ts';

const interfaces = [{ name: 'eth0', addresses: ['10.1.0.1'], external: true }];
const PASSPHRASE = 'open sesame';

describe('a swarm from its backup', () => {
  const base = mkdtempSync(join(tmpdir(), 'essaim-restore-'));
  const socket = join(base, 'engine.sock');
  /** Of the containers that the engine has. */
  let labels: Array<Record<string, string>> = [];
  const server = createServer(({ url }, response) => {
    const version = { Version: '20.10', ApiVersion: '1.41', MinAPIVersion: '1.12' };
    response.end(
      JSON.stringify(
        url?.endsWith('/version')
          ? version
          : url?.endsWith('/info')
            ? { Name: 'one' }
            : labels.map((Labels) => ({ Labels })),
      ),
    );
  });
  const engine = new EngineClient({
    name: 'engine',
    connect: async () => connect(socket),
  });
  const place = (name: string) => ({
    identityFolder: join(base, name, 'identity'),
    database: join(base, name, 'cluster.db'),
    ...{ interfaces, engine, clock: systemClock },
  });
  let archive: Buffer;
  let nodeId: string;
  let revision: number;
  before(async () => {
    await listenUnix(server, socket);
    const request = { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: '10.1.0.1' };
    nodeId = (await foundCluster(request, place('founded'))).nodeId;
    const store = await openSqliteStore({ path: place('founded').database });
    ({ revision } = store.view);
    const parts = createBackup(store.view, { nodeId: 'h', now: systemClock.now(), passphrase: PASSPHRASE });
    const all: Buffer[] = [];
    for await (const part of parts) all.push(part);
    archive = Buffer.concat(all);
    await store.close();
  });
  after(() => {
    engine.close();
    server.close();
    rmSync(base, { recursive: true, force: true });
  });

  test('is taken up with this host as its manager, which has a certificate of the old root', async () => {
    const record = await restoreCluster(
      { AdvertiseAddr: '10.1.0.1', Secret: PASSPHRASE },
      archive,
      place('new'),
    );
    assert.notEqual(record.nodeId, nodeId);
    assert.deepEqual(record.managers, [{ NodeID: record.nodeId, Addr: '10.1.0.1:2377' }]);
    assert.deepEqual([record.role, record.listenHost, record.listenPort], ['manager', '0.0.0.0', 2377]);
    const identity = await loadIdentity(place('new').identityFolder);
    const store = await openSqliteStore({ path: place('new').database });
    const [cluster] = store.view.all('cluster');
    assert.equal(identity?.certificate.nodeId, record.nodeId);
    assert.equal(identity?.certificate.role, 'manager');
    assert.equal(identity?.certificate.clusterId, cluster?.ID);
    assert.equal(identity?.credentials.roots, cluster?.internal.caCert);
    assert.deepEqual(
      [...store.view.all('node')].map(({ ID }) => ID),
      [record.nodeId],
    );
    assert.ok(cluster!.Version.Index > revision + 1_000_000);
    assert.equal(store.view.byName('network', 'ingress').length, 1);
    await store.close();
  });

  test('by the host whose engine has its tasks: it is the node that it was', async () => {
    labels = [
      { 'com.docker.swarm.node.id': 'of another swarm' },
      { 'com.docker.swarm.node.id': 'of another swarm' },
      { 'com.docker.swarm.node.id': nodeId },
    ];
    const record = await restoreCluster(
      { AdvertiseAddr: '10.1.0.1', Secret: PASSPHRASE },
      archive,
      place('same'),
    );
    assert.equal(record.nodeId, nodeId);
  });

  test('or not at all', async () => {
    const restore = (request: object, file = archive) => restoreCluster(request, file, place('none'));
    await assert.rejects(restore({ AdvertiseAddr: '10.1.0.1' }), /this is not the passphrase/);
    await assert.rejects(restore({ AdvertiseAddr: 'nonsense', Secret: PASSPHRASE }), { name: 'ApiError' });
    await assert.rejects(
      restore({ AdvertiseAddr: '10.1.0.1', Secret: PASSPHRASE }, archive.subarray(0, -9)),
      /its end is missing/,
    );
  });
});
