/** What a store does when its member of etcd is killed, stopped, and comes back. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Committed, Decision, View } from '../contract.ts';
import { sampleSecret, sampleService } from '../samples.ts';
import { StoreError } from '../store-error.ts';
import { EtcdFixture } from '../testing/etcd.ts';
import type { EtcdStore } from './store.ts';

const fixture = new EtcdFixture();
const KILLS = 4;
const put = (id: string) => ({
  changes: [{ op: 'put', kind: 'service', object: sampleService(id) } as const],
});

/** Moves a counter on and leaves a secret of that number, which nobody has if the counter is as it is read. */
function next(view: View): Decision<number> {
  const present = view.get('service', 'counter') ?? sampleService('counter');
  const n = Number(present.Spec.Labels?.n ?? 0) + 1;
  const counter = { ...present, Spec: { ...present.Spec, Labels: { n: String(n) } } };
  return {
    changes: [
      { op: 'put', kind: 'service', object: counter },
      { op: 'put', kind: 'secret', object: sampleSecret(`secret${n}`, `data ${n}`) },
    ],
    result: n,
  };
}

function count({ view }: { view: View }): number {
  return Number(view.get('service', 'counter')?.Spec.Labels?.n ?? 0);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, `waited in vain: ${what}`);
    await delay(10);
  }
}

describe('etcd store, faults', () => {
  before(() => fixture.start());
  after(() => fixture.stop());

  test('nothing acknowledged is lost when etcd is killed at any moment, and nothing is done twice', async () => {
    const place = await fixture.place();
    const client = fixture.etcd.client(2000);
    const store = await place.open({ client, patience: 30_000 });
    const follower = await place.open();
    const acknowledged: Array<Committed<number>> = [];
    const unknown: string[] = [];
    let stop = false;
    const writer = (async () => {
      while (!stop) {
        await store.commit(next).then(
          (committed) => acknowledged.push(committed),
          (error: Error) => {
            assert.ok(error instanceof StoreError, String(error.stack));
            if (!error.message.includes('nothing was written')) unknown.push(error.message);
          },
        );
      }
    })();
    const more = () => {
      const begin = acknowledged.length;
      return until('commits go on', () => acknowledged.length > begin + 5);
    };
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        await more();
        await delay(Math.random() * 100);
        await fixture.etcd.kill();
        await fixture.etcd.start();
      }
      await more();
    } finally {
      stop = true;
      await writer;
    }

    // With that much patience each outcome was found out.
    assert.deepEqual(unknown, []);
    const numbers = acknowledged.map(({ result }) => result);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
    const fresh = await place.open();
    await until('the follower has all of it', () => count(follower) === numbers.length);
    for (const each of [store, follower, fresh]) {
      assert.equal(count(each), numbers.length);
      assert.deepEqual(
        [...each.view.all('secret')].map(({ Spec }) => Spec.Data),
        numbers.map((n) => `data ${n}`),
      );
      assert.equal(each.view.revision, acknowledged.at(-1)?.revision);
      await each.close();
    }
    client.close();
  });

  test('a watch goes on over a restart of etcd, and misses nothing', async () => {
    const place = await fixture.place();
    const troubles: boolean[] = [];
    const follower = await place.open({ onTrouble: (error) => troubles.push(error !== undefined) });
    const store = await place.open();
    const seen: string[] = [];
    follower.watch(follower.view.revision, ({ events }) => seen.push(...events.map(({ id }) => id)));
    await store.commit(put('before'));
    await until('it is told', () => seen.length === 1);
    await fixture.etcd.kill();
    await until('it is noticed', () => troubles.length === 1);
    await fixture.etcd.start();
    await store.commit(put('after'));
    await until('it is told', () => seen.length === 2);
    assert.deepEqual(seen, ['before', 'after']);
    assert.deepEqual(troubles, [true, false]);
    await follower.close();
    await store.close();
  });

  test('a commit fails in time while etcd stands still, and its outcome is settled afterwards', async () => {
    const place = await fixture.place();
    const client = fixture.etcd.client(1500);
    const store: EtcdStore = await place.open({ client, patience: 2000 });
    await store.commit(put('before'));
    await fixture.etcd.pause();
    const begin = performance.now();
    try {
      const [first, second] = [store.commit(put('first')), store.commit(put('second'))];
      await assert.rejects(first, /no answer for 1500 ms.*may have been written or not/);
      await assert.rejects(second, /within 2000 ms: too few managers may be online.*nothing was written/);
    } finally {
      fixture.etcd.resume();
    }
    const took = performance.now() - begin;
    assert.ok(took < 15_000, `it took ${took} ms`);

    await store.commit(put('after'));
    const fresh = await place.open();
    const names = [...fresh.view.all('service')].map(({ ID }) => ID);
    assert.deepEqual(
      names.filter((id) => id !== 'first'),
      ['before', 'after'],
    );
    assert.deepEqual(
      [...store.view.all('service')].map(({ ID }) => ID),
      names,
    );
    await fresh.close();
    await store.close();
    client.close();
  });

  test('without etcd a commit says so at once, and that nothing was written', async () => {
    const place = await fixture.place();
    const store = await place.open({ patience: 2000 });
    await fixture.etcd.kill();
    try {
      const client = fixture.etcd.client(500);
      await assert.rejects(client.range({ key: 'a' }), /nobody answers/);
      client.close();
      // The first one may yet go to the connection that was lost.
      const answer = store.commit(put('a')).catch(() => store.commit(put('a')));
      await assert.rejects(answer, /localhost:2379: nobody answers; nothing was written/);
    } finally {
      await fixture.etcd.start();
    }
    await store.commit(put('b'));
    await store.close();
  });
});
