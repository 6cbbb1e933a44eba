import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limiter } from './limiter.ts';

test('five tries are free, then the pauses grow up to a minute', () => {
  const limiter = new Limiter();
  let now = 1_000_000;
  for (let i = 0; i < 5; i++) assert.equal(limiter.begin('ann', 'a', now), 0);
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const wait = limiter.begin('ann', 'a', now);
    pauses.push(wait / 1_000);
    now += wait;
    assert.equal(limiter.begin('ann', 'a', now), 0);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
});

test('a try that waits is none: nobody is locked out by others', () => {
  const limiter = new Limiter();
  for (let i = 0; i < 5; i++) limiter.begin('ann', 'bad', 0);
  const wait = limiter.begin('ann', 'bad', 1);
  for (let i = 0; i < 100; i++) limiter.begin('ann', 'bad', 2);
  assert.ok(limiter.begin('ann', 'good', 1 + wait) === 0);
});

test('who was right begins anew; the address that tries all names does not', () => {
  const limiter = new Limiter();
  for (let i = 0; i < 4; i++) limiter.begin('ann', 'a', 0);
  limiter.begin('ann', 'a', 0);
  limiter.right('ann', 'a');
  assert.equal(limiter.begin('ann', 'a', 1), 0);

  for (let i = 0; i < 20; i++) limiter.begin(`name${i}`, 'b', 0);
  assert.ok(limiter.begin('another', 'b', 1) > 0);
  limiter.right('name3', 'b');
  assert.equal(limiter.begin('another', 'b', 1), 0);
  assert.ok(limiter.begin('one more', 'b', 2) > 0);
});

test('many at once are as many', () => {
  const limiter = new Limiter();
  const started = Array.from({ length: 50 }, () => limiter.begin('ann', 'a', 0)).filter((wait) => wait === 0);
  assert.equal(started.length, 5);
});

test('all is forgotten after a while, and the memory has an end', () => {
  const limiter = new Limiter();
  for (let i = 0; i < 9; i++) limiter.begin('ann', 'a', i * 100_000);
  assert.equal(limiter.begin('ann', 'a', 800_000 + 15 * 60_000), 0);
  for (let i = 0; i < 30_000; i++) limiter.begin(`name${i}`, `address${i}`, 0);
});
