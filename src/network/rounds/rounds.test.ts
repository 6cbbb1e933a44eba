import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Rounds } from './rounds.ts';

test('a step that fails keeps no other from being done, and is told once until it is another one', async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warn: (fields: object) => told.push((fields as { err: Error }).err.message),
  };
  let failing = ['first', 'second'];
  let done = 0;
  const steps = ['first', 'second', 'third'].map((name) => async () => {
    if (failing.includes(name)) throw new Error(name);
    done++;
  });
  const rounds = new Rounds({ steps, clock, log });
  rounds.next(0);
  await clock.advance(100);
  assert.equal(done, 1);
  await clock.advance(2_000);
  assert.equal(done, 2);
  assert.deepEqual(told, ['first; second']);
  failing = ['second'];
  await clock.advance(2_000);
  failing = [];
  await clock.advance(2_000);
  failing = ['second'];
  await clock.advance(4_000);
  assert.deepEqual(told, ['first; second', 'second', 'second']);
  rounds.close();
  const before = done;
  await clock.advance(20_000);
  assert.equal(done, before);
});
