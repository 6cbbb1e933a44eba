/** What every driver's watch must do; a part of conformance.ts. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Task } from '../model/objects.ts';
import { assertConflict, put, record, type StoreTest, service } from './conformance-support.ts';
import { type Commit, type Committed, CompactedError } from './contract.ts';
import { sampleTask } from './samples.ts';

export function watchConformance(name: string, it: StoreTest): void {
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
      const { revision } = await store.commit(put(service('a')));
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
      const { revision: first } = await store.commit(put(service('a')));
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
      const { revision: first } = await store.commit(put(service('a')));
      await store.commit(put(service('b')));
      assert.deepEqual(seen, [first]);
    });

    it('keeps the order for everyone when a listener commits', async (store) => {
      const reaction: Array<Promise<Committed<unknown>>> = [];
      const early: number[] = [];
      const late: number[] = [];
      store.watch(store.view.revision, ({ revision, events }) => {
        early.push(revision);
        if (events[0]!.id === 'a') reaction.push(store.commit(put(service('b'))));
      });
      store.watch(store.view.revision, ({ revision }) => late.push(revision));
      const { revision: first } = await store.commit(put(service('a')));
      const { revision: second } = await reaction[0]!;
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
}
