import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../model/clock.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { foundAnew, foundCluster, readdressed } from './found.ts';

const interfaces = [{ name: 'eth0', addresses: ['10.9.0.1', '10.9.0.2'], external: true }];
const request = { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: '10.9.0.1' };

test('a cluster has a pool of addresses, and is founded anew with all that it has', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-found-'));
  const database = join(folder, 'cluster.db');
  const open = async () => {
    const store = await openSqliteStore({ path: database });
    try {
      return {
        cluster: [...store.view.all('cluster')][0]!,
        nodes: [...store.view.all('node')],
        ingress: [...store.view.all('network')][0]!,
      };
    } finally {
      await store.close();
    }
  };
  try {
    const record = await foundCluster(request, {
      identityFolder: join(folder, 'identity'),
      ...{ database, interfaces, clock: systemClock },
    });
    const before = await open();
    assert.deepEqual(before.cluster.DefaultAddrPool, []);
    // This host has no IPv6.
    assert.equal(before.ingress.Spec.EnableIPv6, false);

    assert.deepEqual(readdressed(record, {}, interfaces), record);
    const moved = readdressed(record, { ...request, AdvertiseAddr: '10.9.0.2:2400' }, interfaces);
    assert.deepEqual([moved.advertiseHost, moved.advertisePort], ['10.9.0.2', 2400]);
    assert.throws(
      () => readdressed(record, { AdvertiseAddr: 'eth7' }, interfaces),
      /advertise address must be/,
    );

    const store = await openSqliteStore({ path: database });
    await foundAnew(store, moved, systemClock);
    await store.close();
    const after = await open();
    assert.equal(after.cluster.ID, before.cluster.ID);
    assert.ok(after.cluster.Version.Index > before.cluster.Version.Index);
    assert.deepEqual(
      after.nodes.map(({ ID, ManagerStatus }) => [ID, ManagerStatus?.Addr]),
      [[record.nodeId, '10.9.0.2:2400']],
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('published ports are for IPv6 too where the host has it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-found-'));
  const database = join(folder, 'cluster.db');
  const loopback = { name: 'lo', addresses: ['127.0.0.1', '::1'], external: false };
  try {
    const place = { identityFolder: join(folder, 'identity'), database, clock: systemClock };
    await foundCluster(request, { ...place, interfaces: [...interfaces, loopback] });
    const store = await openSqliteStore({ path: database });
    const [ingress] = store.view.all('network');
    await store.close();
    assert.equal(ingress!.Spec.EnableIPv6, true);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('pools of addresses that cannot be are refused in words that say which', async () => {
  const options = {
    identityFolder: '/nonexistent',
    database: '/nonexistent',
    interfaces,
    clock: systemClock,
  };
  for (const [more, message] of [
    [
      { DefaultAddrPool: ['10.0.0.0/33'] },
      'invalid base pool 10.0.0.0/33: invalid CIDR address: 10.0.0.0/33',
    ],
    [{ DefaultAddrPool: ['10.0.0.0/16'], SubnetSize: 40 }, 'subnet size is out of range: 40'],
    [{ DefaultAddrPool: [], SubnetSize: 30 }, 'subnet size is out of range: 30'],
    [
      { DefaultAddrPool: ['10.0.0.0/16'], SubnetSize: 15 },
      'invalid CIDR: "10.0.0.0/16". Subnet size is too small for pool: 15',
    ],
  ] as const)
    await assert.rejects(
      foundCluster({ ...request, ...more, DefaultAddrPool: [...more.DefaultAddrPool] }, options),
      {
        status: 400,
        message,
      },
    );
});
