import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ATTEMPTS, type Change, type View } from '../contract.ts';
import { sampleConfig, sampleService, sampleTask } from '../samples.ts';
import { EtcdFixture } from '../testing/etcd.ts';
import { type Fate, FatefulClient, lost, unheard } from '../testing/etcd-clients.ts';
import type { EtcdStore } from './store.ts';

const fixture = new EtcdFixture();
const put = (id: string) => ({
  changes: [{ op: 'put', kind: 'service', object: sampleService(id) } as const],
});
const names = ({ view }: { view: View }) => [...view.all('service')].map(({ ID }) => ID);

/** A store whose transactions meet fates, another one of the same term that writes too, and a third that looks. */
async function threeStores() {
  const client = new FatefulClient(fixture.etcd.socket);
  const place = await fixture.place();
  const [store, rival] = [await place.open({ client, patience: 3000 }), await place.open()];
  const ended = async (expected: string[]) => {
    const fresh = await place.open();
    assert.deepEqual(names(fresh), expected);
    assert.deepEqual(names(store), expected);
    assert.equal(fresh.view.revision, store.view.revision);
    for (const each of [store, rival, fresh]) await each.close();
    client.close();
  };
  return { client, place, store, rival, ended };
}

/** Somebody else writes while the transaction is on its way. */
const overtakenBy =
  (rival: EtcdStore, id: string): Fate =>
  async (carry) => {
    await rival.commit(put(id));
    return carry();
  };

describe('etcd store', () => {
  before(() => fixture.start());
  after(() => fixture.stop());

  test('has it decided again, with the newer view, when somebody else has written', async () => {
    const { client, store, rival, ended } = await threeStores();
    client.fates = [overtakenBy(rival, 'r1'), overtakenBy(rival, 'r2')];
    const seen: string[][] = [];
    await store.commit((view) => {
      seen.push([...view.all('service')].map(({ ID }) => ID));
      return put('a');
    });
    assert.deepEqual(seen, [[], ['r1'], ['r1', 'r2']]);
    await ended(['r1', 'r2', 'a']);
  });

  test('gives a name to one of two who both saw it free', async () => {
    const { client, store, rival, ended } = await threeStores();
    client.fates = [overtakenBy(rival, 'web')];
    const taken = store.commit((view) => {
      if (view.byName('service', 'web').length > 0) throw new Error('web is taken');
      return { changes: [{ op: 'put', kind: 'service', object: sampleService('mine', 'web') }] };
    });
    await assert.rejects(taken, /web is taken/);
    await ended(['web']);
  });

  test('begins a term of office with all that was written before it', async () => {
    const { client, place, store, rival, ended } = await threeStores();
    client.cutWatch();
    await rival.commit(put('before'));
    store.lead(place.lead);
    const decided = store.commit((view) => {
      if (!view.get('service', 'before')) throw new Error('there is none');
      return put('a');
    });
    client.mendWatch();
    await decided;
    await ended(['before', 'a']);
  });

  test('gives up when others are faster each time', async () => {
    const { client, store, rival, ended } = await threeStores();
    const ids = Array.from({ length: ATTEMPTS }, (_, index) => `r${index}`);
    client.fates = ids.map((id) => overtakenBy(rival, id));
    let calls = 0;
    const refused = store.commit(() => {
      calls++;
      return put('a');
    });
    await assert.rejects(refused, /changed too fast by others, try again/);
    assert.equal(calls, ATTEMPTS);
    await ended(ids);
  });

  test('finds out that a transaction without an answer was written', async () => {
    for (const watching of [true, false]) {
      const { client, store, ended } = await threeStores();
      if (!watching) client.cutWatch();
      client.fates = [unheard];
      const seen: number[] = [];
      store.watch(store.view.revision, ({ revision }) => seen.push(revision));
      const { revision } = await store.commit(put('a'));
      assert.equal(store.view.get('service', 'a')?.Version.Index, revision);
      await store.commit(put('b'));
      client.mendWatch();
      await store.commit(put('c'));
      assert.equal(seen.length, 3);
      await ended(['a', 'b', 'c']);
    }
  });

  test('has it decided again when a transaction without an answer was not written, and then it never is', async () => {
    const { client, store, ended } = await threeStores();
    let late: Parameters<Fate>[0] | undefined;
    client.fates = [
      (carry, request) => {
        late = carry;
        return lost(carry, request);
      },
    ];
    let calls = 0;
    const answer = store.commit(() => {
      if (++calls === 2) throw new Error('not any more');
      return put('a');
    });
    await assert.rejects(answer, /not any more/);
    assert.equal((await late!()).succeeded, false);
    await store.commit(put('b'));
    await ended(['b']);
  });

  test('says so when it cannot find out in time', async () => {
    const { client, store, ended } = await threeStores();
    client.fates = Array.from({ length: 100 }, () => lost);
    const begin = performance.now();
    await assert.rejects(store.commit(put('a')), /no answer; .*may have been written or not: look before/);
    assert.ok(performance.now() - begin < 10_000);
    await assert.rejects(store.commit(put('b')), /may have been written or not/);
    client.fates = [];
    await store.commit(put('c'));
    await ended(['c']);
  });

  test('takes up what was written meanwhile, also when etcd has forgotten how it came about', async () => {
    const { client, store, rival, ended } = await threeStores();
    await rival.commit({ changes: ['gone', 'kept'].flatMap((id) => put(id).changes) });
    const first = await store.commit(put('first'));
    client.cutWatch();
    const gone = rival.view.get('service', 'gone')!.Version.Index;
    await rival.commit({ changes: [{ op: 'delete', kind: 'service', id: 'gone', revision: gone }] });
    await rival.commit({
      changes: [
        { op: 'put', kind: 'service', object: { ...rival.view.get('service', 'kept')!, UpdatedAt: 'later' } },
      ],
    });
    await rival.commit(put('new'));
    const { header } = await fixture.client.range({ key: 'any' });
    await fixture.client.compact({ revision: header!.revision });
    const seen: string[][] = [];
    const told = new Promise<void>((resolve) => {
      store.watch(first.revision, ({ events }) => {
        seen.push(
          events.map(({ id, before, after }) => `${before ? 'had' : ''} ${id} ${after ? 'has' : ''}`).sort(),
        );
        resolve();
      });
    });
    client.mendWatch();
    await told;
    assert.deepEqual(seen, [[' new has', 'had gone ', 'had kept has']]);
    assert.equal(store.view.get('service', 'kept')?.UpdatedAt, 'later');
    await store.commit(put('last'));
    await ended(['kept', 'first', 'new', 'last']);
  });

  test('keeps the order of creation through changes by several stores', async () => {
    const { place, store, rival, ended } = await threeStores();
    await store.commit({ changes: ['z', 'y', 'x'].flatMap((id) => put(id).changes) });
    rival.lead(place.lead);
    await rival.commit((view) => ({
      changes: ['x', 'y'].map(
        (id) => ({ op: 'put', kind: 'service', object: view.get('service', id)! }) as Change,
      ),
    }));
    await store.commit(put('a'));
    await ended(['z', 'y', 'x', 'a']);
  });

  test('refuses what etcd does not take at once, with what to do, and writes nothing of it', async () => {
    const { store, ended } = await threeStores();
    const many = Array.from({ length: 1024 }, (_, index) => put(`s${index}`).changes[0]!);
    await assert.rejects(store.commit({ changes: many }), /1024 changes.*Nothing was written; change less/);
    const large = ['c1', 'c2'].map((id) => sampleConfig(id, 'x'.repeat(5_000_000)));
    const changes = large.map((object) => ({ op: 'put', kind: 'config', object }) as const);
    await assert.rejects(store.commit({ changes }), /2 changes.*bytes.*Nothing was written/);
    await store.commit({ changes: changes.slice(0, 1) });
    await store.commit({ changes: many.slice(0, 1023) });
    assert.equal(store.view.count('service'), 1023);
    await ended(many.slice(0, 1023).map(({ object }) => object.ID));
  });

  test('keeps the spec of tasks once, and as long as there is one that has it', async () => {
    const place = await fixture.place();
    const store = await place.open();
    const prefix = `${place.options.prefix}digest/`;
    const count = async () =>
      (await fixture.client.range({ key: prefix, range_end: `${prefix}~` })).kvs.length;
    const service = sampleService('s');
    const other = { ...service.Spec.TaskTemplate!, ForceUpdate: 1 };
    const task = (id: string) => ({ op: 'put', kind: 'task', object: sampleTask(id, service) }) as const;
    await store.commit({ changes: [task('t1'), task('t2'), task('t3')] });
    assert.equal(await count(), 1);
    await store.commit((view) => ({
      changes: [{ op: 'put', kind: 'task', object: { ...view.get('task', 't1')!, Spec: other } }],
    }));
    assert.equal(await count(), 2);
    const again = await place.open();
    const remove = ({ view }: EtcdStore, id: string) =>
      ({ op: 'delete', kind: 'task', id, revision: view.get('task', id)!.Version.Index }) as const;
    await again.commit({ changes: [remove(again, 't1'), remove(again, 't2')] });
    assert.equal(await count(), 1);
    await again.commit({ changes: [remove(again, 't3')] });
    assert.equal(await count(), 0);
    await again.commit({ changes: [task('t4')] });
    const fresh = await place.open();
    for (const each of [again, fresh]) {
      assert.deepEqual(each.view.get('task', 't4')?.Spec, service.Spec.TaskTemplate);
      await each.close();
    }
    await store.close();
  });
});
