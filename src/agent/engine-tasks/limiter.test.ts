import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Limiter } from './limiter.ts';

test('never more than the limit run, all do, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.constant(0), { maxLength: 20 }),
      async (limit, later, jobs) => {
        const limiter = new Limiter(limit);
        const begun: number[] = [];
        let running = 0;
        let most = 0;
        await Promise.all(
          jobs.map((_, index) =>
            limiter.run(async () => {
              begun.push(index);
              most = Math.max(most, ++running);
              await new Promise((resolve) => setImmediate(resolve));
              if (index === 3) limiter.limit = later;
              running--;
            }),
          ),
        );
        assert.deepEqual(begun, [...jobs.keys()]);
        assert.ok(most <= Math.max(limit, later));
      },
    ),
    { numRuns: 50 },
  );
});

test('one that is aborted while it waits does not begin, and gives its place on', async () => {
  const limiter = new Limiter(1);
  const end = new AbortController();
  let release = (): void => {};
  const first = limiter.run(() => new Promise<void>((resolve) => (release = resolve)));
  const second = limiter.run(async () => assert.fail('it began'), end.signal);
  const third = limiter.run(async () => 'third');
  end.abort(new Error('stopped'));
  release();
  await first;
  await assert.rejects(second, { message: 'stopped' });
  assert.equal(await third, 'third');
});
