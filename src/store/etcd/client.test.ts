import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EtcdFixture } from '../testing/etcd.ts';
import { EtcdError } from './client.ts';
import type { LeaseResponse } from './lease-messages.ts';
import { NOSPACE, type SnapshotResponse } from './maintenance-messages.ts';
import type { PutRequest } from './messages.ts';

const fixture = new EtcdFixture();
before(() => fixture.start());
after(() => fixture.stop());

async function put(request: PutRequest): Promise<void> {
  await fixture.client.txn({ compare: [], success: [{ request_put: request }], failure: [] });
}

async function has(key: string): Promise<boolean> {
  const { kvs } = await fixture.client.range({ key });
  return kvs.length > 0;
}

test('a member tells how it does, and who the members are', async () => {
  const status = await fixture.client.status();
  assert.match(status.version, /^3\.\d+\.\d+$/);
  assert.match(status.leader, /^[0-9a-f]{8,16}$/);
  assert.equal(status.header?.member_id, status.leader);
  assert.match(status.header?.cluster_id ?? '', /^[0-9a-f]{8,16}$/);
  assert.ok(status.dbSize >= status.dbSizeInUse && status.dbSizeInUse > 0 && status.raftTerm > 0);
  assert.deepEqual(status.errors, []);
  assert.equal(status.isLearner, false);
  for (const linearizable of [true, false]) {
    assert.deepEqual(await fixture.client.memberList({ linearizable }), [
      { ID: status.leader, name: 'one', peerURLs: ['unix://localhost:2380'], isLearner: false },
    ]);
  }
});

test('a member is added as a learner, is not promoted before it has started, gets another address, is removed', async () => {
  const { client } = fixture;
  const { member, members } = await client.memberAdd({
    peerURLs: ['http://127.0.0.9:2380'],
    isLearner: true,
  });
  assert.ok(member);
  assert.equal(members.length, 2);
  assert.deepEqual([member.isLearner, member.name], [true, '']);
  await assert.rejects(client.memberPromote({ ID: member.ID }), (error) => {
    assert.ok(error instanceof EtcdError);
    assert.match(error.message, /in sync with leader/);
    return error.refused;
  });
  const peerURLs = ['http://127.0.0.9:2381'];
  assert.deepEqual(
    (await client.memberUpdate({ ID: member.ID, peerURLs })).find(({ ID }) => ID === member.ID)?.peerURLs,
    peerURLs,
  );
  assert.deepEqual(
    (await client.memberRemove({ ID: member.ID })).map(({ name }) => name),
    ['one'],
  );
});

test('keys go with their lease, which lives as long as it is kept alive', async () => {
  const { client } = fixture;
  const { ID, TTL } = await client.grant({ TTL: 60 });
  assert.equal(TTL, 60);
  await put({ key: '/lease/a', value: Buffer.from('x'), lease: ID });
  const answer = Promise.withResolvers<LeaseResponse>();
  const call = client.keepAlive(answer.resolve, answer.reject);
  call.send({ ID });
  assert.deepEqual(await answer.promise, { ID, TTL: 60 });
  call.cancel();
  assert.equal(await has('/lease/a'), true);
  await client.revoke({ ID });
  assert.equal(await has('/lease/a'), false);
  await assert.rejects(client.revoke({ ID }), /lease not found/);

  const gone = Promise.withResolvers<LeaseResponse>();
  const second = client.keepAlive(gone.resolve, gone.reject);
  second.send({ ID });
  assert.deepEqual(await gone.promise, { ID, TTL: 0 });
  second.cancel();
});

test('an alarm is none until there is one, and to end none is no error', async () => {
  assert.deepEqual(await fixture.client.alarms(), []);
  const { leader } = await fixture.client.status();
  await fixture.client.disarm({ memberID: leader, alarm: NOSPACE });
});

test('a file is made smaller, once what was in it is forgotten', async () => {
  const { client } = fixture;
  for (let turn = 0; turn < 20; turn++) await put({ key: '/large', value: Buffer.alloc(500_000) });
  const { header } = await client.range({ key: '/large' });
  await client.compact({ revision: header!.revision });
  const before = await client.status();
  await client.defragment(30_000);
  const { dbSize } = await client.status();
  assert.ok(dbSize < before.dbSize / 2, `${before.dbSize} bytes are ${dbSize}`);
});

test('a snapshot comes whole, however slowly it is read, and may be given up', async () => {
  const { client } = fixture;
  for (let turn = 0; turn < 4; turn++) await put({ key: `/part${turn}`, value: Buffer.alloc(1_000_000) });
  let bytes = 0;
  let first: number | undefined;
  for await (const part of client.snapshot()) {
    const { blob, remaining_bytes } = part as SnapshotResponse;
    first ??= blob.length + remaining_bytes;
    bytes += blob.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  // A checksum comes after the file.
  assert.ok(first! > 4_000_000 && bytes >= first!, `${bytes} of ${first} bytes`);

  for await (const _ of client.snapshot()) break;
  await client.status();
});

test('only the leader gives the lead away, and to a member', async () => {
  await assert.rejects(fixture.client.moveLeader({ targetID: 'abc' }), /bad leader transferee/);
});

test('a client that is closed while it connects takes nothing along', async () => {
  for (let i = 0; i < 10; i++) {
    const client = fixture.etcd.client();
    const asked = client.status();
    process.nextTick(() => client.close());
    await assert.rejects(asked, EtcdError);
    await new Promise((resolve) => setImmediate(resolve));
  }
});
