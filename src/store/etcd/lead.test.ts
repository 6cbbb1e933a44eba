import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sampleService } from '../samples.ts';
import { NotLeadingError } from '../store-error.ts';
import { EtcdFixture } from '../testing/etcd.ts';
import { HeldClient } from '../testing/etcd-clients.ts';
import { DeposedError, readLead, takeLead } from './lead.ts';

const fixture = new EtcdFixture();
const put = (id: string) => ({
  changes: [{ op: 'put', kind: 'service', object: sampleService(id) } as const],
});

describe("the leader's key", () => {
  before(() => fixture.start());
  after(() => fixture.stop());

  test('is had by the one who has written it last', async () => {
    const { client } = fixture;
    assert.equal(await readLead(client, '/key1'), undefined);
    const first = await takeLead(client, '/key1', 'one');
    assert.deepEqual(await readLead(client, '/key1'), { ...first, holder: 'one', raftTerm: 0 });
    const second = await takeLead(client, '/key1', 'two');
    assert.ok(first && second && second.revision > first.revision);
    assert.deepEqual(await readLead(client, '/key1'), { ...second, holder: 'two', raftTerm: 0 });
  });

  test('goes to one of those who reach for it at once', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const taken = await Promise.all(names.map((name) => takeLead(fixture.client, '/key2', name)));
    const present = await readLead(fixture.client, '/key2');
    const last = taken
      .filter((each) => each !== undefined)
      .sort((a, b) => a.revision - b.revision)
      .at(-1);
    assert.equal(present?.revision, last?.revision);
    assert.equal(present?.holder, names[taken.indexOf(last)]);
  });

  test('who was put off changes nothing any more, and says who leads', async () => {
    const place = await fixture.place();
    const old = await place.open();
    await old.commit(put('before'));
    const lead = await takeLead(fixture.client, place.lead.key, 'two');
    await assert.rejects(
      old.commit(put('lost')),
      (error) => error instanceof DeposedError && /manager two leads/.test(error.message),
    );

    const next = await place.open();
    next.lead(lead);
    const { revision } = await next.commit(put('after'));
    while (old.view.revision < revision)
      await new Promise((resolve) => old.watch(old.view.revision, resolve));
    await assert.rejects(old.commit(put('lost')), DeposedError);
    for (const store of [old, next, await place.open()]) {
      assert.deepEqual(
        [...store.view.all('service')].map(({ ID }) => ID),
        ['before', 'after'],
      );
      await store.close();
    }
  });

  test('who was put off refuses nothing either, by what it knew', async () => {
    const place = await fixture.place();
    const old = await place.open();
    await old.commit(put('before'));
    const refused = (): never => {
      throw new Error('there is one of that name');
    };
    await assert.rejects(old.commit(refused), /there is one of that name/);
    await takeLead(fixture.client, place.lead.key, 'two');
    await assert.rejects(old.commit(refused), DeposedError);
    old.lead(undefined);
    await assert.rejects(old.commit(refused), NotLeadingError);
    await old.close();
  });

  test('what was on its way while another took over is not written when it arrives', async () => {
    const client = new HeldClient(fixture.etcd.socket);
    const place = await fixture.place();
    const old = await place.open({ client });
    client.hold();
    const held = old.commit(put('held'));
    const lead = await takeLead(fixture.client, place.lead.key, 'two');
    const next = await place.open();
    next.lead(lead);
    client.release();
    await assert.rejects(held, DeposedError);
    await next.commit(put('after'));
    assert.equal(next.view.get('service', 'held'), undefined);
    await old.close();
    await next.close();
    client.close();
  });

  test('who never led writes nothing, and reads', async () => {
    const place = await fixture.place();
    const leader = await place.open();
    const follower = await place.open();
    follower.lead(undefined);
    await assert.rejects(follower.commit(put('a')), /does not lead.*Ask the leader/);
    const told = new Promise<string>((resolve) => {
      follower.watch(follower.view.revision, ({ events }) => resolve(events[0]!.id));
    });
    await leader.commit(put('b'));
    assert.equal(await told, 'b');
    assert.deepEqual(follower.view.get('service', 'b'), leader.view.get('service', 'b'));
    await leader.close();
    await follower.close();
  });
});
