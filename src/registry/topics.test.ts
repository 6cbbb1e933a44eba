import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Topics } from './topics.ts';

const LONG = 60_000;
const never = (): AbortSignal => new AbortController().signal;

describe('indexes and those who wait', () => {
  test('whoever waits is woken by a change of the subject, and by no other', async () => {
    const topics = new Topics(Date.now);
    let woken = 0;
    const known = topics.indexOf('a');
    const waiting = topics.wait('a', known, LONG, never()).then(() => woken++);
    topics.change(['b']);
    await new Promise(setImmediate);
    assert.equal(woken, 0);
    topics.change(['a']);
    await waiting;
    assert.ok(topics.indexOf('a') > known);
    assert.equal(topics.waiting, 0);
  });

  test('what changed between two questions is not missed', async () => {
    const topics = new Topics(Date.now);
    const known = topics.indexOf('a');
    topics.change(['a']);
    await topics.wait('a', known, LONG, never());
  });

  test('the time passes, or the client goes away', async () => {
    const topics = new Topics(Date.now);
    await topics.wait('a', topics.indexOf('a'), 1, never());
    const gone = new AbortController();
    const waiting = topics.wait('a', topics.indexOf('a'), LONG, gone.signal);
    gone.abort();
    await waiting;
    assert.equal(topics.waiting, 0);
  });

  test('another manager whose clock is behind: the client is answered, and its index still grows', async () => {
    const ahead = new Topics(() => 2_000_000);
    ahead.change(['a']);
    const known = ahead.indexOf('a');
    const behind = new Topics(() => 1_000_000);
    await behind.wait('a', known, LONG, never());
    assert.ok(behind.indexOf('a') > known);
    let woken = false;
    const waiting = behind.wait('a', behind.indexOf('a'), LONG, never()).then(() => {
      woken = true;
    });
    await new Promise(setImmediate);
    assert.equal(woken, false);
    behind.change(['a']);
    await waiting;
  });

  test('an index of another manager is not taken for known where another subject has changed since', async () => {
    let time = 1_000_000;
    const here = new Topics(() => time, 10);
    time += 5;
    const known = new Topics(() => time, 20).indexOf('a');
    time += 5;
    here.change(['b']);
    await here.wait('a', known, LONG, never());
    assert.ok(here.indexOf('a') > known);
  });

  test('an index from nowhere moves nothing', async () => {
    const topics = new Topics(() => 1_000_000);
    const before = topics.indexOf('a');
    await topics.wait('a', Number.MAX_SAFE_INTEGER, LONG, never());
    assert.equal(topics.indexOf('a'), before);
  });

  /** A client that asks as clients do never goes on knowing something old, whatever happens on which manager. */
  test('no change is missed over restarts, other managers and clocks that differ', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('change' as const), topic: fc.constantFrom('a', 'b') }),
      fc.record({ kind: fc.constant('restart' as const), skew: fc.integer({ min: -500, max: 500 }) }),
      fc.record({ kind: fc.constant('ask' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let time = 1_000_000;
        let state = 0;
        let own = 0;
        let topics = new Topics(() => time, own);
        let client = { index: 0, state: -1 };
        for (const each of steps) {
          time++;
          if (each.kind === 'change') {
            if (each.topic === 'a') state++;
            topics.change([each.topic]);
          } else if (each.kind === 'restart') {
            const { skew } = each;
            topics = new Topics(() => time + skew, ++own * 10);
          } else {
            let answered = client.index === 0;
            const over = new AbortController();
            const waiting = topics.wait('a', client.index, LONG, over.signal).then(() => {
              answered = true;
            });
            await new Promise(setImmediate);
            if (!answered) assert.equal(client.state, state, 'it waits although something has changed');
            over.abort();
            await waiting;
            const index = topics.indexOf('a');
            assert.ok(index >= client.index, 'the index goes back');
            client = { index, state };
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
