import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../model/clock.ts';
import { storeConformance } from './conformance.ts';
import type { Commit } from './contract.ts';
import { copyState } from './etcd/copy.ts';
import { Keys } from './etcd/keys.ts';
import { takeLead } from './etcd/lead.ts';
import { openEtcdStore } from './etcd/store.ts';
import { openMemoryStore } from './memory.ts';
import { MovableStore } from './movable.ts';
import { snapshot } from './naive.ts';
import { sampleConfig, sampleSecret, sampleService, sampleTask } from './samples.ts';
import { openSqliteStore } from './sqlite/store.ts';
import { dataKey, EtcdFixture } from './testing/etcd.ts';
import { freshDirectory } from './testing/sqlite.ts';

const fixture = new EtcdFixture();
let places = 0;

/** To etcd. */
async function moveOn(store: MovableStore): Promise<void> {
  const { client } = fixture;
  const prefix = `/move${places++}/`;
  await store.move(async (view) => {
    await copyState(client, { keys: new Keys(prefix), dataKey, view });
    const next = await openEtcdStore({
      ...{ client, prefix, dataKey, patience: 20_000, onTrouble: () => {} },
      clock: systemClock,
    });
    next.lead(await takeLead(client, `/lead${prefix}`, 'one'));
    return next;
  });
}

describe('a store that moves', () => {
  before(() => fixture.start());
  after(() => fixture.stop());

  test('has everything as it was, in order, with its versions', async () => {
    const store = new MovableStore(openMemoryStore());
    const services = Array.from({ length: 250 }, (_, i) => sampleService(`s${(i * 7919) % 250}`));
    for (const object of services) await store.commit({ changes: [{ op: 'put', kind: 'service', object }] });
    await store.commit({
      changes: [
        { op: 'put', kind: 'task', object: sampleTask('t1', services[1]!) },
        { op: 'put', kind: 'task', object: sampleTask('t0', services[1]!) },
        { op: 'put', kind: 'secret', object: sampleSecret('x', 'eA==') },
        { op: 'put', kind: 'config', object: sampleConfig('y', 'eQ==') },
      ],
    });
    const before = snapshot(store.view);
    const { revision } = store.view;
    await moveOn(store);
    assert.deepEqual({ ...(snapshot(store.view) as object), revision }, { ...(before as object), revision });
    assert.ok(store.view.revision > revision);
    const seven = store.view.get('service', 's7')!;
    const written = await store.commit({ changes: [{ op: 'put', kind: 'service', object: seven }] });
    assert.ok(written.revision > revision);
    assert.equal(store.view.get('service', 's7')?.Version.Index, written.revision);
    await store.close();
  });

  test('loses nothing that is written meanwhile, and its watchers see each commit once', async () => {
    const store = new MovableStore(openMemoryStore());
    const seen: Commit[] = [];
    store.watch(0, (commit) => seen.push(commit));
    const acknowledged: string[] = [];
    let next = 0;
    let going = true;
    const writing = Promise.all(
      [1, 2, 3].map(async () => {
        while (going) {
          const object = sampleService(`w${next++}`);
          await store.commit(() => ({ changes: [{ op: 'put', kind: 'service', object }] }));
          acknowledged.push(object.ID);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    await moveOn(store);
    const during = acknowledged.length;
    while (acknowledged.length < during + 20) await new Promise((resolve) => setImmediate(resolve));
    going = false;
    await writing;
    const told = seen.flatMap(({ events }) => events.map(({ id }) => id));
    assert.deepEqual([...told].sort(), [...acknowledged].sort());
    assert.deepEqual([...store.view.all('service')].map(({ ID }) => ID).sort(), [...acknowledged].sort());
    await store.close();
  });

  test('stays where it is if it cannot move', async () => {
    const store = new MovableStore(openMemoryStore());
    const moving = store.move(() => Promise.reject(new Error('no room')));
    const commit = store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService('a') }] });
    await assert.rejects(moving, /no room/);
    await commit;
    assert.ok(store.view.get('service', 'a'));
    await store.close();
  });
});

storeConformance('SQLite, which may be moved', async () => {
  const path = join(freshDirectory(), 'state.db');
  let store = new MovableStore(await openSqliteStore({ path }));
  return {
    store,
    async reopen() {
      await store.close();
      store = new MovableStore(await openSqliteStore({ path }));
      return store;
    },
  };
});
