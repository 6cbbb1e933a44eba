import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Looks } from './looks.ts';

const never = new AbortController().signal;

test('what is there is found at once, what is not at a later look', async () => {
  const looks = new Looks();
  let there: string | undefined;
  const found = looks.until(() => there, never);
  let done = false;
  void found.then(() => (done = true));
  looks.again();
  await new Promise(setImmediate);
  there = 'it';
  await new Promise(setImmediate);
  // Nobody has said that there is something to look for.
  assert.equal(done, false);
  looks.again();
  assert.equal(await found, 'it');
  assert.equal(await looks.until(() => there, never), 'it');
});

test('who has waited for long enough is told why, and what goes wrong in looking is told', async () => {
  const looks = new Looks();
  const over = new AbortController();
  const waiting = looks.until(() => undefined, over.signal);
  over.abort(new Error('late'));
  await assert.rejects(waiting, /late/);
  await assert.rejects(
    looks.until(() => 'it', over.signal),
    /late/,
  );
  const failing = (): undefined => {
    throw new Error('cannot');
  };
  await assert.rejects(looks.until(failing, never), /cannot/);
});
