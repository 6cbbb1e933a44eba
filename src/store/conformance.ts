/** What every driver of the store must do. A driver's test calls this with a way to open an empty store. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decideConformance } from './conformance-decide.ts';
import {
  assertConflict,
  assertUnchanged,
  ids,
  put,
  record,
  type StoreTest,
  service,
} from './conformance-support.ts';
import { watchConformance } from './conformance-watch.ts';
import { type Commit, ConflictError, type Store, type Transaction } from './contract.ts';
import { assertSameView, indexSteps, NaiveStore, randomTransaction, snapshot } from './naive.ts';
import {
  sampleAccessToken,
  sampleAuditEntry,
  sampleKeepsake,
  sampleNode,
  sampleRegistryKey,
  sampleRegistrySession,
  sampleSecret,
  sampleSession,
  sampleStackRevision,
  sampleTask,
  sampleUser,
} from './samples.ts';

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
  const it: StoreTest = (title, work) => test(title, () => withStore(work));

  describe(`${name}: transactions`, () => {
    it('gives objects the revision of their commit, and only those', async (store) => {
      const { revision: first } = await store.commit(put(service('a'), service('b')));
      const { revision: second } = await store.commit(
        put({ ...store.view.get('service', 'a')!, UpdatedAt: 'later' }),
      );
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
      const { revision: before } = await store.commit(put(service('a')));
      const seen = record(store);
      assert.equal((await store.commit({ changes: [] })).revision, before);
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
      const { revision } = await store.commit(put(service('a')));
      const stale = store.view.get('service', 'a')!;
      await store.commit({ changes: [{ op: 'delete', kind: 'service', id: 'a', revision }] });
      await assertConflict(store, put(stale));
    });

    it('refuses to delete another revision than the one read', async (store) => {
      const { revision } = await store.commit(put(service('a')));
      await store.commit(put(store.view.get('service', 'a')!));
      await assertConflict(store, { changes: [{ op: 'delete', kind: 'service', id: 'a', revision }] });
      await assertConflict(store, { changes: [{ op: 'delete', kind: 'service', id: 'none', revision: 1 }] });
    });

    it('holds a transaction to what it requires', async (store) => {
      const { revision } = await store.commit(put(service('a')));
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

    it('has accounts and what belongs to them again after reopening', async (store, reopen) => {
      await store.commit({
        changes: [
          { op: 'put', kind: 'user', object: sampleUser('ann', 'argon2id$…') },
          { op: 'put', kind: 'session', object: sampleSession('digest 1', 'ann') },
          { op: 'put', kind: 'accessToken', object: sampleAccessToken('digest 2', 'ann') },
          { op: 'put', kind: 'auditEntry', object: sampleAuditEntry('a', 'ann') },
          { op: 'put', kind: 'stackRevision', object: sampleStackRevision('r', 'services: {}') },
          { op: 'put', kind: 'registryKey', object: sampleRegistryKey('docker/nodes/a b', 'dmFsdWU=') },
          { op: 'put', kind: 'registrySession', object: sampleRegistrySession('s') },
          { op: 'put', kind: 'keepsake', object: sampleKeepsake('k') },
        ],
      });
      const before = snapshot(store.view);
      const again = await reopen();
      assert.deepEqual(snapshot(again.view), before);
      const revision = again.view.get('session', 'digest 1')!.Version.Index;
      await again.commit({ changes: [{ op: 'delete', kind: 'session', id: 'digest 1', revision }] });
      assert.equal(again.view.count('session'), 0);
      assert.equal(again.view.get('user', 'ann')?.internal.password, 'argon2id$…');
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
      const { revision } = await store.commit(put(service('a')));
      const { revision: last } = await store.commit({
        changes: [{ op: 'delete', kind: 'service', id: 'a', revision }],
      });
      assert.ok(last > revision);
      const again = await reopen();
      assert.ok(again.view.revision >= last);
      assert.ok((await again.commit(put(service('a')))).revision > last);
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

  decideConformance(name, it);
  watchConformance(name, it);

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
  const { revision } = await store.commit(transaction);
  const changed = model.apply(transaction, revision);
  if (changed.length === 0) {
    assert.deepEqual(snapshot(store.view), before);
    assert.equal(watched.length, already);
  } else {
    assert.deepEqual(watched.slice(already), [{ revision, events: changed }]);
  }
}
