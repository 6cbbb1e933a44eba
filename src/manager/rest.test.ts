import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { restBeside } from './rest.ts';

/** Keeps the event loop from ever waiting, and counts its turns. */
function bustle(): { turns: number } & Disposable {
  const busy = {
    turns: 0,
    [Symbol.dispose]: () => clearImmediate(next),
  };
  let next = setImmediate(function turn() {
    busy.turns++;
    next = setImmediate(turn);
  });
  return busy;
}

test('a rest gives others many turns while they need them', async () => {
  using busy = bustle();
  const { rest } = restBeside(() => false);
  const begin = performance.now();
  for (let i = 0; i < 20; i++) await rest(10);
  assert.ok(performance.now() - begin >= 200);
  assert.ok(busy.turns > 40, `${busy.turns} turns`);
});

test('a rest is over when nobody needs the process', async () => {
  const { rest } = restBeside(() => false);
  const idle = () => performance.eventLoopUtilization().idle;
  const before = idle();
  for (let i = 0; i < 20; i++) await rest(20);
  assert.ok(idle() - before < 300, 'it has waited for nothing');
});

test('a rest lasts until clients have their answers', async () => {
  using _ = bustle();
  let answering = true;
  const { rest } = restBeside(() => answering);
  let over = false;
  const resting = rest(0).then(() => {
    over = true;
  });
  await setTimeout(50);
  assert.ok(!over);
  answering = false;
  await resting;
});

test('clients who always want something leave work its share', async () => {
  using _ = bustle();
  const { rest } = restBeside(() => true);
  const begin = performance.now();
  let longest = 0;
  let rests = 0;
  while (performance.now() - begin < 2000) {
    const from = performance.now();
    await rest(0);
    longest = Math.max(longest, performance.now() - from);
    rests++;
    for (const until = performance.now() + 10; performance.now() < until; ) Math.random();
  }
  assert.ok(longest >= 300, 'they are waited for');
  assert.ok(rests >= 5, `work had ${rests} turns`);
});

test('a client that does not read is not waited for', async () => {
  const { rest } = restBeside(() => true);
  const begin = performance.eventLoopUtilization().idle;
  await rest(0);
  assert.ok(performance.eventLoopUtilization().idle - begin < 150);
});

test('those who rest at once go on one after the other', async () => {
  const { rest } = restBeside(() => false);
  let turn = 0;
  let next = setImmediate(function count() {
    turn++;
    next = setImmediate(count);
  });
  const turns = await Promise.all([1, 2, 3].map(() => rest(0).then(() => turn)));
  clearImmediate(next);
  assert.equal(new Set(turns).size, 3, `turns ${turns}`);
});

test('planning goes on in the turn of those who rest one after the other, and waits for clients as they do', async () => {
  using _ = bustle();
  let answering = false;
  const { rest, restOfPlanning } = restBeside(() => answering);
  const order: string[] = [];
  const note = (what: string) => () => order.push(what);
  await Promise.all(
    [1, 2, 3].map((at) => rest(0).then(note(`rest ${at}`))).concat(restOfPlanning().then(note('plan'))),
  );
  assert.ok(order.indexOf('plan') <= 1, order.join());
  answering = true;
  let over = false;
  const planning = restOfPlanning().then(() => {
    over = true;
  });
  await setTimeout(50);
  assert.ok(!over);
  answering = false;
  await planning;
});
