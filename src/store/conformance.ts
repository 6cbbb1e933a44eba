/** What every driver of the store must do. A driver's test calls this with a way to open an empty store. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Task } from '../model/objects.ts';
import {
  type Commit,
  CompactedError,
  ConflictError,
  type Store,
  type Transaction,
  type View,
} from './contract.ts';
import { assertSameView, indexSteps, NaiveStore, randomTransaction, snapshot } from './naive.ts';
import { sampleNode, sampleSecret, sampleService, sampleTask } from './samples.ts';

export interface OpenedStore {
  store: Store;
  /** Closes the store and opens its state again. */
  reopen(): Promise<Store>;
}

export function storeConformance(name: string, open: () => Promise<OpenedStore>): void {
  const withStore = async (work: (store: Store, reopen: () => Promise<Store>) => Promise<void>) => {
    const opened = await open();
    let current = opened.store;
    try {
      await work(opened.store, async () => {
        current = await opened.reopen();
        return current;
      });
    } finally {
      await current.close();
    }
  };
  const it = (title: string, work: (store: Store, reopen: () => Promise<Store>) => Promise<void>) =>
    test(title, () => withStore(work));

  describe(`${name}: transactions`, () => {
    it('gives objects the revision of their commit, and only those', async (store) => {
      const first = await store.commit(put(service('a'), service('b')));
      const second = await store.commit(put({ ...store.view.get('service', 'a')!, UpdatedAt: 'later' }));
      assert.ok(second > first);
      assert.equal(store.view.revision, second);
      assert.equal(store.view.get('service', 'a')?.Version.Index, second);
      assert.equal(store.view.get('service', 'a')?.UpdatedAt, 'later');
      assert.equal(store.view.get('service', 'b')?.Version.Index, first);
    });

    it('leaves the object that was handed in as it is', async (store) => {
      const given = service('a');
      await store.commit(put(given));
      assert.equal(given.Version.Index, 0);
    });

    it('does nothing for an empty transaction', async (store) => {
      const before = await store.commit(put(service('a')));
      const seen = record(store);
      assert.equal(await store.commit({ changes: [] }), before);
      assert.equal(store.view.revision, before);
      assert.deepEqual(seen, []);
    });

    it('keeps an empty transaction to what it requires', async (store) => {
      await assertConflict(store, { changes: [], require: [{ kind: 'node', id: 'n', revision: 1 }] });
    });

    it('refuses to create what exists', async (store) => {
      await store.commit(put(service('a')));
      await assertConflict(store, put(service('a', 'other')));
    });

    it('refuses to put over another revision than the one read', async (store) => {
      await store.commit(put(service('a')));
      const stale = store.view.get('service', 'a')!;
      await store.commit(put(stale));
      await assertConflict(store, put(stale));
    });

    it('refuses to put back what was deleted', async (store) => {
      const revision = await store.commit(put(service('a')));
      const stale = store.view.get('service', 'a')!;
      await store.commit({ changes: [{ op: 'delete', kind: 'service', id: 'a', revision }] });
      await assertConflict(store, put(stale));
    });

    it('refuses to delete another revision than the one read', async (store) => {
      const revision = await store.commit(put(service('a')));
      await store.commit(put(store.view.get('service', 'a')!));
      await assertConflict(store, { changes: [{ op: 'delete', kind: 'service', id: 'a', revision }] });
      await assertConflict(store, { changes: [{ op: 'delete', kind: 'service', id: 'none', revision: 1 }] });
    });

    it('holds a transaction to what it requires', async (store) => {
      const revision = await store.commit(put(service('a')));
      const require = (id: string, at: number): Transaction => ({
        ...put(service(`new-${id}-${at}`)),
        require: [{ kind: 'service', id, revision: at }],
      });
      await assertConflict(store, require('a', revision + 1));
      await assertConflict(store, require('a', 0));
      await assertConflict(store, require('none', revision));
      await store.commit(require('a', revision));
      await store.commit(require('none', 0));
    });

    it('writes all or nothing', async (store, reopen) => {
      await store.commit(put(service('a')));
      await assertConflict(store, put(service('b'), service('a'), service('c')));
      const again = await reopen();
      assert.deepEqual(
        [...again.view.all('service')].map((each) => each.ID),
        ['a'],
      );
    });

    it('refuses two changes of one object, and the deletion of nothing', async (store) => {
      await assertUnchanged(store, () =>
        assert.rejects(store.commit(put(service('a'), service('a'))), /twice/),
      );
      const nothing: Transaction = { changes: [{ op: 'delete', kind: 'task', id: 't', revision: 0 }] };
      await assertUnchanged(store, () => assert.rejects(store.commit(nothing), /does not exist/));
    });

    it('lets exactly one of two commits made from the same revision win', async (store) => {
      await store.commit(put(service('a')));
      const base = store.view.get('service', 'a')!;
      const results = await Promise.allSettled(
        ['x', 'y', 'z'].map((UpdatedAt) => store.commit(put({ ...base, UpdatedAt }))),
      );
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(result.reason instanceof ConflictError);
      }
    });

    it('refuses to commit once it is closed', async (store) => {
      await store.close();
      await assert.rejects(store.commit(put(service('a'))), /closed/);
    });
  });

  describe(`${name}: what is kept`, () => {
    it('has everything again after reopening, in order of creation', async (store, reopen) => {
      const a = service('z-first');
      await store.commit(put(a, service('a-second')));
      await store.commit(put(service('m-third')));
      await store.commit({
        changes: [
          { op: 'put', kind: 'secret', object: sampleSecret('s', 'c2VjcmV0') },
          { op: 'put', kind: 'task', object: sampleTask('t2', a) },
          { op: 'put', kind: 'task', object: sampleTask('t1', a) },
        ],
      });
      await store.commit(put(store.view.get('service', 'z-first')!));
      const before = snapshot(store.view);
      const again = await reopen();
      assert.deepEqual(snapshot(again.view), before);
      assert.deepEqual(
        [...again.view.all('service')].map((each) => each.ID),
        ['z-first', 'a-second', 'm-third'],
      );
      assert.deepEqual(
        [...again.view.unassigned()].map((each) => each.ID),
        ['t2', 't1'],
      );
    });

    it('keeps text of every kind as it is', async (store, reopen) => {
      const text = 'é 🐝 \u0000 \u2028 "\\ \ud800';
      await store.commit({
        changes: [
          {
            op: 'put',
            kind: 'service',
            object: { ...service('a'), Spec: { Name: 'a', Labels: { [text]: text } } },
          },
          { op: 'put', kind: 'secret', object: sampleSecret('s', text) },
        ],
      });
      const { view } = await reopen();
      assert.deepEqual(view.get('service', 'a')?.Spec.Labels, { [text]: text });
      assert.equal(view.get('secret', 's')?.Spec.Data, text);
    });

    it('never gives a revision twice, also if the last commits only deleted', async (store, reopen) => {
      const revision = await store.commit(put(service('a')));
      const last = await store.commit({ changes: [{ op: 'delete', kind: 'service', id: 'a', revision }] });
      assert.ok(last > revision);
      const again = await reopen();
      assert.ok(again.view.revision >= last);
      assert.ok((await again.commit(put(service('a')))) > last);
    });

    it('commits and watches on after reopening', async (store, reopen) => {
      await store.commit(put(service('a')));
      const again = await reopen();
      const seen = record(again);
      await again.commit(put({ ...again.view.get('service', 'a')!, UpdatedAt: 'later' }));
      assert.deepEqual(
        seen.map((commit) => commit.events.map((event) => event.id)),
        [['a']],
      );
    });
  });

  describe(`${name}: watch`, () => {
    it('shows every commit once and in order, with what was before and after', async (store) => {
      const seen = record(store);
      await store.commit(put(service('a'), service('b')));
      const created = store.view.get('service', 'a')!;
      await store.commit(put({ ...created, UpdatedAt: 'later' }));
      const updated = store.view.get('service', 'a')!;
      const revision = updated.Version.Index;
      await store.commit({ changes: [{ op: 'delete', kind: 'service', id: 'a', revision }] });

      assert.equal(seen.length, 3);
      assert.deepEqual(
        seen[0]!.events.map(({ id }) => id),
        ['a', 'b'],
      );
      assert.ok(!('before' in seen[0]!.events[0]!));
      assert.deepEqual(seen[0]!.events[0]!.after, created);
      assert.deepEqual(seen[1]!.events, [{ kind: 'service', id: 'a', before: created, after: updated }]);
      assert.deepEqual(seen[2]!.events, [{ kind: 'service', id: 'a', before: updated }]);
      assert.ok(seen[0]!.revision < seen[1]!.revision && seen[1]!.revision < seen[2]!.revision);
      assert.equal(seen[1]!.revision, revision);
    });

    it('has called the watchers, with the view moved on, when the commit resolves', async (store) => {
      const seen: Array<[number, number]> = [];
      store.watch(store.view.revision, (commit) => seen.push([commit.revision, store.view.revision]));
      const revision = await store.commit(put(service('a')));
      assert.deepEqual(seen, [[revision, revision]]);
    });

    it('shows nothing of a commit that failed', async (store) => {
      await store.commit(put(service('a')));
      const seen = record(store);
      await assertConflict(store, put(service('b'), service('a')));
      assert.deepEqual(seen, []);
    });

    it('begins with the commits already past', async (store) => {
      const start = store.view.revision;
      const all = record(store);
      const first = await store.commit(put(service('a')));
      await store.commit(put(service('b')));
      const fromStart: Commit[] = [];
      store.watch(start, (commit) => fromStart.push(commit));
      const fromFirst: Commit[] = [];
      store.watch(first, (commit) => fromFirst.push(commit));
      await store.commit(put(service('c')));
      assert.deepEqual(fromStart, all);
      assert.deepEqual(fromFirst, all.slice(1));
    });

    it('ends when told to, also by its own listener', async (store) => {
      const seen: number[] = [];
      const end = store.watch(store.view.revision, (commit) => {
        seen.push(commit.revision);
        end();
      });
      const first = await store.commit(put(service('a')));
      await store.commit(put(service('b')));
      assert.deepEqual(seen, [first]);
    });

    it('keeps the order for everyone when a listener commits', async (store) => {
      const reaction: Array<Promise<number>> = [];
      const early: number[] = [];
      const late: number[] = [];
      store.watch(store.view.revision, ({ revision, events }) => {
        early.push(revision);
        if (events[0]!.id === 'a') reaction.push(store.commit(put(service('b'))));
      });
      store.watch(store.view.revision, ({ revision }) => late.push(revision));
      const first = await store.commit(put(service('a')));
      const second = await reaction[0]!;
      assert.deepEqual(early, [first, second]);
      assert.deepEqual(late, [first, second]);
    });

    it('says so when what is asked for is no longer remembered', async (store, reopen) => {
      await store.commit(put(service('a')));
      const old = store.view.revision;
      let last: Task | undefined;
      const owner = store.view.get('service', 'a')!;
      for (let round = 0; round < 60; round++) {
        const tasks = Array.from({ length: 1000 }, (_, index) => sampleTask(`t${round}-${index}`, owner));
        await store.commit({ changes: tasks.map((object) => ({ op: 'put', kind: 'task', object })) });
        last = tasks.at(-1);
      }
      assert.throws(() => store.watch(old, () => assert.fail('called')), CompactedError);
      assert.ok(store.view.get('task', last!.ID));
      const again = await reopen();
      assert.equal(again.view.count('task'), 60_000);
    });
  });

  describe(`${name}: view`, () => {
    it('finds by name without regard to case, and a node by its host name', async (store) => {
      await store.commit({
        changes: [
          { op: 'put', kind: 'service', object: service('a', 'Web') },
          { op: 'put', kind: 'node', object: sampleNode('n1', 'Host') },
          { op: 'put', kind: 'node', object: sampleNode('n2', 'host') },
          { op: 'put', kind: 'node', object: { ...sampleNode('n3'), Description: undefined } },
        ],
      });
      assert.deepEqual(ids(store.view.byName('service', 'wEB')), ['a']);
      assert.deepEqual(ids(store.view.byName('node', 'HOST')), ['n1', 'n2']);
      assert.deepEqual(ids(store.view.byName('network', 'web')), []);
      const renamed = { ...store.view.get('service', 'a')!, Spec: { Name: 'api' } };
      await store.commit(put(renamed));
      assert.deepEqual(ids(store.view.byName('service', 'web')), []);
      assert.deepEqual(ids(store.view.byName('service', 'API')), ['a']);
    });

    it('agrees with a naive model through random transactions and reopenings', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(indexSteps, { minLength: 1, maxLength: 40 }), async (steps) => {
          await withStore(async (first, reopen) => {
            let store = first;
            const model = new NaiveStore(store.view.revision);
            let watched = record(store);
            for (const step of steps) {
              if (step.type === 'reopen') {
                store = await reopen();
                watched = record(store);
              } else {
                await commitToBoth(store, model, randomTransaction(model, step), watched);
              }
              assertSameView(store.view, model);
            }
          });
        }),
        { numRuns: 100 },
      );
    });
  });
}

/** Commits and checks that store and model come to the same end, and that watchers saw what changed. */
async function commitToBoth(store: Store, model: NaiveStore, transaction: Transaction, watched: Commit[]) {
  const already = watched.length;
  const expected = model.check(transaction);
  if (expected === 'conflict') {
    await assert.rejects(store.commit(transaction), ConflictError);
    assert.equal(watched.length, already);
    return;
  }
  const before = snapshot(store.view);
  const revision = await store.commit(transaction);
  const changed = model.apply(transaction, revision);
  if (changed.length === 0) {
    assert.deepEqual(snapshot(store.view), before);
    assert.equal(watched.length, already);
  } else {
    assert.deepEqual(watched.slice(already), [{ revision, events: changed }]);
  }
}

function service(id: string, name?: string) {
  return sampleService(id, name);
}

function put(...objects: Array<ReturnType<typeof sampleService>>): Transaction {
  return { changes: objects.map((object) => ({ op: 'put', kind: 'service', object })) };
}

function ids(objects: Array<{ ID: string }>): string[] {
  return objects.map((object) => object.ID).sort();
}

function record(store: Store): Commit[] {
  const seen: Commit[] = [];
  store.watch(store.view.revision, (commit) => seen.push(commit));
  return seen;
}

async function assertConflict(store: Store, transaction: Transaction): Promise<void> {
  await assertUnchanged(store, () => assert.rejects(store.commit(transaction), ConflictError));
}

async function assertUnchanged(store: { view: View }, work: () => Promise<void>): Promise<void> {
  const before = snapshot(store.view);
  await work();
  assert.deepEqual(snapshot(store.view), before);
}
