import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { peerUrl } from '../members/flags.ts';
import {
  addLearner,
  changeAddress,
  handOver,
  promoteWhenReady,
  removeMember,
  removeOthers,
  untilVoting,
} from './steps.ts';
import { eventually, type MemberHost, MemberHosts, PORT } from './testing/hosts.ts';

const names = async (host: MemberHost): Promise<string[]> =>
  (await host.member.client.memberList({ linearizable: true })).map(({ name }) => name).sort();
const put = ({ member }: MemberHost) =>
  member.client.txn({
    compare: [],
    success: [{ request_put: { key: 'k', value: Buffer.from('v') } }],
    failure: [],
  });
const leaderOf = async (host: MemberHost): Promise<string> => (await host.member.client.status()).leader;

describe('changes of members', () => {
  let hosts: MemberHosts;
  let one: MemberHost;
  let two: MemberHost;
  let three: MemberHost;
  before(async () => {
    hosts = await MemberHosts.create();
  });
  after(() => hosts.close());

  test('a joining member may be added, started and promoted as often as it takes', async () => {
    one = await hosts.found();
    two = await hosts.host();
    const other = await hosts.host();
    const { client } = one.member;
    await assert.rejects(addLearner(client, one.url), /manager node1 has the address https:\S+ already/);
    const first = await addLearner(client, two.url);
    const again = await addLearner(client, two.url);
    assert.equal(again.member.ID, first.member.ID);
    assert.equal(again.members.length, 2);
    await assert.rejects(addLearner(client, other.url), /is about to join, and only one can at a time/);

    // It is asked for before the member has even started.
    const promoted = promoteWhenReady(client, first.member.ID);
    await two.start({ mode: 'join', memberId: first.member.ID, members: first.members });
    await promoted;
    await untilVoting(two.member.client);
    await promoteWhenReady(client, first.member.ID);
    await put(two);
    await assert.rejects(addLearner(client, two.url), /manager node2 has the address/);
    await assert.rejects(promoteWhenReady(client, 'abc'), /no member abc any more/);
    await assert.rejects(
      promoteWhenReady(client, (await addLearner(client, other.url)).member.ID, { patience: 300 }),
      /in sync with leader/,
    );
    await removeMember(client, (await addLearner(client, other.url)).member.ID);
    assert.deepEqual(await names(one), ['node1', 'node2']);
    await assert.rejects(addLearner(client, other.url, { signal: AbortSignal.abort() }), /aborted/);
  });

  test('the lead is handed on within a moment, to whom it is meant for', async () => {
    three = await hosts.grow(one);
    const all = [one, two, three];
    for (const to of [three, two, one]) {
      const from = all.find(({ member }) => member.memberId !== to.member.memberId)!;
      const leader = await leaderOf(from);
      const leading = all.find(({ member }) => member.memberId === leader)!;
      if (leading === to) continue;
      const begin = performance.now();
      assert.equal(await handOver(leading.member.client, [to.member.memberId]), to.member.memberId);
      const took = performance.now() - begin;
      assert.ok(took < 1000, `it took ${took} ms`);
      await put(to);
    }
    // Who does not lead has nothing to hand on.
    assert.equal(await handOver(two.member.client), one.member.memberId);
    // Two of three: the one that is not there does not take it.
    await two.signal('SIGSTOP');
    try {
      assert.equal(
        await handOver(one.member.client, [two.member.memberId], { patience: 10_000 }),
        three.member.memberId,
      );
    } finally {
      await two.signal('SIGCONT');
    }
  });

  test('nobody is removed whom the others cannot do without; one that is lost is', async () => {
    await handOver(three.member.client, [one.member.memberId]);
    two.endDaemon();
    await two.signal('SIGKILL');
    await eventually(() =>
      assert.rejects(
        removeMember(one.member.client, three.member.memberId, { patience: 300 }),
        /unhealthy cluster/,
      ),
    );
    await removeMember(one.member.client, two.member.memberId);
    await removeMember(one.member.client, two.member.memberId);
    assert.deepEqual(await names(one), ['node1', 'node4']);
    await two.start({ mode: 'again' });
    assert.equal((await two.member.ended).reason, 'removed');
  });

  test('who leads and is to go hands the lead on first; the last one stays', async () => {
    assert.equal(await leaderOf(one), one.member.memberId);
    await assert.rejects(
      removeMember(three.member.client, one.member.memberId),
      /has to hand the lead on first/,
    );
    await removeMember(one.member.client, one.member.memberId);
    assert.equal((await one.member.ended).reason, 'removed');
    await eventually(async () => assert.deepEqual(await names(three), ['node4']));
    await put(three);
    await assert.rejects(removeMember(three.member.client, three.member.memberId), /last manager’s etcd/);
    await assert.rejects(handOver(three.member.client), /no other manager’s etcd takes the lead/);
  });

  test('a member takes its place again at another address', async () => {
    two = await hosts.grow(three);
    const { memberId } = two.member;
    const moved = two.address.replace(/\.\d+$/, '.200');
    await two.certify(moved);
    await two.member.restart({ peerHost: moved });
    await two.member.ready();
    await changeAddress(two.member.client, memberId, peerUrl(moved, PORT));
    await changeAddress(two.member.client, memberId, peerUrl(moved, PORT));
    // etcd 3.4 lists the members as the one that is asked knows them.
    await eventually(async () => {
      const members = await three.member.client.memberList({ linearizable: true });
      const known = members.find(({ ID }) => ID === memberId);
      assert.deepEqual(known?.peerURLs, [`https://${moved}:${PORT}`]);
    });
    await assert.rejects(
      changeAddress(two.member.client, memberId, three.url),
      /manager node4 has the address/,
    );
    await assert.rejects(changeAddress(two.member.client, 'abc', three.url), /no member abc/);
    // The other one finds it there.
    await three.member.restart();
    await three.member.ready();
    await put(three);

    // The only one of which the others do not know the address, and leads.
    await handOver(three.member.client, [memberId]);
    const back = two.address;
    await two.certify(back);
    await two.member.restart({ peerHost: back });
    await two.member.ready();
    await changeAddress(two.member.client, memberId, peerUrl(back, PORT));
    await put(three);
  });

  test('two members that have changed places take theirs again', async () => {
    const four = await hosts.grow(three);
    const moved = async (host: MemberHost, address: string): Promise<void> => {
      await host.certify(address);
      await host.member.restart({ peerHost: address });
      await host.member.ready();
    };
    const [first, second] = [two.address, four.address];
    // Nobody is told of the place between.
    await moved(two, first.replace(/\.\d+$/, '.201'));
    await moved(four, first);
    await moved(two, second);
    const told = ({ member }: MemberHost, address: string) =>
      eventually(() => changeAddress(member.client, member.memberId, peerUrl(address, PORT)));
    await Promise.all([told(two, second), told(four, first)]);
    await eventually(async () => {
      const members = await three.member.client.memberList({ linearizable: true });
      const urlOf = (host: MemberHost) => members.find(({ ID }) => ID === host.member.memberId)?.peerURLs;
      assert.deepEqual([urlOf(two), urlOf(four)], [[four.url], [two.url]]);
    });
    for (const host of [two, three, four]) await put(host);
    // Its place is given up to nobody who is there.
    await assert.rejects(
      changeAddress(two.member.client, two.member.memberId, three.url),
      /manager node4 has the address/,
    );
    await told(two, second);

    await eventually(() => removeMember(three.member.client, four.member.memberId));
    await moved(two, first);
    await told(two, first);
  });

  test('whoever goes on alone has no others left, and takes in new ones', async () => {
    const third = await hosts.host();
    const { member, members } = await addLearner(three.member.client, third.url);
    await third.start({ mode: 'join', memberId: member.ID, members });
    await put(three);
    // What is in its database by then may not be said to be agreed on in its log, which is written later.
    await delay(500);
    for (const host of [two, third, three]) {
      host.endDaemon();
      await host.signal('SIGKILL');
    }
    await three.start({ mode: 'forceNew' });
    await removeOthers(three.member.client);
    assert.deepEqual(await names(three), ['node4']);
    await put(three);
    const four = await hosts.grow(three);
    await put(four);
    const [old, recent] = await Promise.all(
      [three, four].map(async ({ member }) => (await member.client.status()).header?.revision),
    );
    assert.equal(recent, old, 'the new one has all that the old one has');
  });
});
