import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Etcd } from '../../../test/support/etcd.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { EtcdClient } from '../../store/etcd/client.ts';
import { eventually } from './testing/hosts.ts';
import { Upkeep } from './upkeep.ts';

const MIB = 1024 * 1024;
const QUOTA = 32 * MIB;

function put(client: EtcdClient, key: string, bytes: number): Promise<unknown> {
  const request_put = { key, value: Buffer.alloc(bytes, Math.random().toString()) };
  return client.txn({ compare: [], success: [{ request_put }], failure: [] });
}

async function withEtcd(flags: readonly string[], use: (client: EtcdClient) => Promise<void>): Promise<void> {
  const etcd = await Etcd.start(flags);
  const client = etcd.client();
  try {
    await use(client);
  } finally {
    client.close();
    await etcd.stop();
  }
}

function upkeepOf(client: EtcdClient, quota: number, needed = () => Number.POSITIVE_INFINITY) {
  const told: Array<readonly string[]> = [];
  const log = { info: () => {}, warn: (_: object, message: string) => assert.fail(message) };
  return { told, upkeep: new Upkeep({ client, quota, needed, onAlarms: (texts) => told.push(texts), log }) };
}

describe('upkeep of etcd', () => {
  test('a file that is full is emptied, made smaller, and can be written again', async () => {
    await withEtcd([`--quota-backend-bytes=${QUOTA}`], async (client) => {
      let needed = 1;
      const { upkeep, told } = upkeepOf(client, QUOTA, () => needed);
      await upkeep.round();
      await put(client, 'same', MIB / 2);
      const first = (await client.range({ key: 'same' })).kvs[0]!.mod_revision;
      needed = first;
      await assert.rejects(async () => {
        for (let turn = 0; turn < 200; turn++) await put(client, 'same', MIB / 2);
      }, /database space exceeded/);
      await upkeep.round();
      assert.deepEqual(
        told.map((texts) => texts.length),
        [1],
      );
      assert.match(told[0]![0]!, /manager one has reached 32 MiB/);
      // A view is behind yet: what it has not seen is kept.
      await upkeep.round();
      assert.equal((await client.range({ key: 'same', revision: first })).kvs.length, 1);
      needed = Number.POSITIVE_INFINITY;
      await eventually(async () => {
        await upkeep.round();
        assert.deepEqual(await client.alarms(), []);
        await put(client, 'same', MIB / 2);
        assert.ok((await client.status()).dbSize < QUOTA / 4);
      });
      await upkeep.round();
      assert.deepEqual(told.at(-1), []);
    });
  });

  test('an old alarm ends when there is more room', async () => {
    await withEtcd([`--quota-backend-bytes=${QUOTA}`], async (client) => {
      const { upkeep, told } = upkeepOf(client, 10 * QUOTA);
      await assert.rejects(async () => {
        for (let turn = 0; turn < 200; turn++) await put(client, `key${turn}`, MIB / 2);
      }, /database space exceeded/);
      await upkeep.round();
      await upkeep.round();
      assert.deepEqual(
        told.map((texts) => texts.length),
        [1, 0],
      );
      assert.deepEqual(await client.alarms(), []);
    });
  });

  test('a large file that is mostly empty is made smaller, unless another member is at it', async () => {
    await withEtcd([], async (client) => {
      const { upkeep } = upkeepOf(client, 8192 * MIB);
      for (let turn = 0; turn < 66; turn++) await put(client, 'large', 4 * MIB);
      for (let turn = 0; turn < 10_000; turn += 1000) await many(client, 1000);
      const { ID } = await client.grant({ TTL: 60 });
      const lock = { key: '/essaim-defragmenting', value: Buffer.alloc(0), lease: ID };
      await client.txn({ compare: [], success: [{ request_put: lock }], failure: [] });
      const before = (await client.status()).dbSize;
      assert.ok(before > 256 * MIB);
      await upkeep.round();
      await upkeep.round();
      await eventually(async () => {
        // What is forgotten counts as free from the next write on.
        await put(client, 'small', 10);
        assert.ok((await client.status()).dbSizeInUse < 64 * MIB);
      });
      await upkeep.round();
      assert.equal((await client.status()).dbSize, before);
      await client.revoke({ ID });
      await upkeep.round();
      assert.ok((await client.status()).dbSize < 64 * MIB);
      assert.equal((await client.range({ key: lock.key })).kvs.length, 0);
    });
  });

  test('a round comes each minute, and ends with the daemon', async () => {
    await withEtcd([], async (client) => {
      const { upkeep } = upkeepOf(client, QUOTA);
      const clock = new VirtualClock();
      const ending = new AbortController();
      let rounds = 0;
      upkeep.round = async () => {
        rounds++;
      };
      const running = upkeep.run(clock, ending.signal);
      await clock.advance(180_000);
      assert.equal(rounds, 3);
      ending.abort();
      await running;
    });
  });
});

/** So many revisions, some at a time. */
async function many(client: EtcdClient, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => put(client, `small${index % 10}`, 10)));
}
