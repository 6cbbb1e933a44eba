/** What every driver must do with what is decided on the view; a part of conformance.ts. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { assertUnchanged, ids, put, record, type StoreTest, service } from './conformance-support.ts';
import { ATTEMPTS, ConflictError, type Decision, type Store, type View } from './contract.ts';

class Taken extends Error {}

/** Creates a service of that name unless there is one. */
function named(id: string, name: string): (view: View) => Decision<string> {
  return (view) => {
    if (view.byName('service', name).length > 0) throw new Taken(`${name} is taken`);
    return { ...put(service(id, name)), result: id };
  };
}

/** Adds one to a number that is kept in a service's label. */
function counted(view: View): Decision<number> {
  const present = view.get('service', 'counter') ?? service('counter');
  const n = Number(present.Spec.Labels?.n ?? 0) + 1;
  return { ...put({ ...present, Spec: { ...present.Spec, Labels: { n: String(n) } } }), result: n };
}

const numbers = (length: number): number[] => Array.from({ length }, (_, index) => index);

export function decideConformance(name: string, it: StoreTest): void {
  describe(`${name}: decisions`, () => {
    it('tells what was decided, and the revision', async (store) => {
      const { revision, result } = await store.commit(named('a', 'web'));
      assert.equal(result, 'a');
      assert.equal(store.view.get('service', 'a')?.Version.Index, revision);
      assert.equal((await store.commit({ changes: [] })).result, undefined);
      assert.deepEqual(await store.commit(() => ({ changes: [], result: 'none' })), {
        revision,
        result: 'none',
      });
    });

    it('lets one of two take a name that both saw free', async (store, reopen) => {
      assert.equal(store.view.byName('service', 'web').length, 0);
      const results = await Promise.allSettled([
        store.commit(named('a', 'web')),
        store.commit(named('b', 'web')),
      ]);
      const [first, second] = results;
      assert.ok(first?.status === 'fulfilled' && first.value.result === 'a');
      assert.ok(second?.status === 'rejected' && second.reason instanceof Taken);
      const again = await reopen();
      assert.deepEqual(ids(again.view.byName('service', 'web')), ['a']);
    });

    it('lets no more through than a count allows', async (store) => {
      const limited = (id: string) =>
        store.commit((view) => {
          if (view.count('service') >= 3) throw new Taken('no more');
          return put(service(id));
        });
      const results = await Promise.allSettled(numbers(8).map((n) => limited(`s${n}`)));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
      assert.equal(store.view.count('service'), 3);
    });

    it('loses no change when many change one object at once', async (store) => {
      const results = await Promise.all(numbers(20).map(() => store.commit(counted)));
      assert.deepEqual(
        results.map(({ result }) => result),
        numbers(20).map((n) => n + 1),
      );
      assert.equal(store.view.get('service', 'counter')?.Spec.Labels?.n, '20');
    });

    it('decides each on a view that shows all commits before it', async (store) => {
      const commits = record(store);
      const made = await Promise.all(
        numbers(10).map((n) =>
          store.commit((view) => ({
            ...put(service(`s${n}`)),
            result: { n, before: ids([...view.all('service')]) },
          })),
        ),
      );
      const order = commits.flatMap(({ events }) => events.map(({ id }) => id));
      for (const { result } of made) {
        assert.deepEqual(result.before, order.slice(0, order.indexOf(`s${result.n}`)).sort());
      }
    });

    it('commits in the order in which it was asked, decisions and transactions alike', async (store) => {
      const commits = record(store);
      await Promise.all(
        numbers(9).map((n) =>
          store.commit(n % 2 === 0 ? put(service(`s${n}`)) : () => put(service(`s${n}`))),
        ),
      );
      assert.deepEqual(
        commits.map(({ events }) => events[0]?.id),
        numbers(9).map((n) => `s${n}`),
      );
    });

    it('has a transaction made before, and overtaken since, refused and not decided again', async (store) => {
      await store.commit(put(service('a')));
      const stale = store.view.get('service', 'a')!;
      const first = store.commit(counted);
      const second = store.commit(put({ ...stale, UpdatedAt: 'first' }));
      const third = store.commit(put({ ...stale, UpdatedAt: 'second' }));
      await Promise.all([first, second]);
      await assert.rejects(third, ConflictError);
      assert.equal(store.view.get('service', 'a')?.UpdatedAt, 'first');
    });

    it('gives what deciding throws as the answer, and writes nothing', async (store) => {
      await store.commit(put(service('a')));
      let calls = 0;
      await assertUnchanged(store, () =>
        assert.rejects(
          store.commit(() => {
            calls++;
            throw new Taken('as it is');
          }),
          (error) => error instanceof Taken && error.message === 'as it is',
        ),
      );
      assert.equal(calls, 1);
      await store.commit(put(service('b')));
    });

    it('holds a decision to what it compares, once: the view that it was made on is the newest', async (store) => {
      await store.commit(put(service('a')));
      let calls = 0;
      await assertUnchanged(store, () =>
        assert.rejects(
          store.commit(() => {
            calls++;
            return { ...put(service('b')), require: [{ kind: 'service', id: 'a', revision: 999_999 }] };
          }),
          ConflictError,
        ),
      );
      assert.equal(calls, 1);
    });

    it('has it decided again when deciding sets off another commit that comes before', async (store) => {
      let inner: Promise<Array<PromiseSettledResult<unknown>>> | undefined;
      const outer = store.commit((view) => {
        const decision = named('outer', 'web')(view);
        inner ??= Promise.allSettled([store.commit(named('inner', 'web'))]);
        return decision;
      });
      const results = [...(await Promise.allSettled([outer])), ...(await inner!)];
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.equal(store.view.byName('service', 'web').length, 1);
      for (const result of results)
        if (result.status === 'rejected') assert.ok(result.reason instanceof Taken);
    });

    it('ends with an error that says so, if others come before each time', async (store) => {
      await assertEnds(store);
      await store.commit(put(service('afterwards')));
    });

    it('decides nothing once it is closed', async (store) => {
      await store.close();
      await assert.rejects(
        store.commit(() => assert.fail('called')),
        /closed/,
      );
    });
  });
}

/** A driver that lets commits come between has to give up some time; another one has written. Both leave it whole. */
async function assertEnds(store: Store): Promise<void> {
  const others: Array<Promise<unknown>> = [];
  const outcome = await store
    .commit(() => {
      others.push(store.commit(put(service(`other${others.length}`))));
      return put(service('a'));
    })
    .then(
      () => 'written',
      (error: Error) => error.message,
    );
  await Promise.all(others);
  assert.ok(others.length <= ATTEMPTS);
  assert.equal(store.view.get('service', 'a') !== undefined, outcome === 'written');
  if (outcome !== 'written') assert.match(outcome, /changed too fast by others, try again/);
  assert.equal(store.view.count('service'), others.length + (outcome === 'written' ? 1 : 0));
}
