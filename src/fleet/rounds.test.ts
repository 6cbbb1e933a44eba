import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Rounds } from './rounds.ts';

test('what is asked for while a round runs is done in one more, once', async () => {
  const rounds: string[][] = [];
  const gates: Array<() => void> = [];
  const work = new Rounds<string>((asked) => {
    rounds.push([...asked]);
    return new Promise((resolve) => gates.push(resolve));
  });
  let [first, second] = [false, false];
  void work.ask('a').then(() => {
    first = true;
  });
  await turn();
  void work.ask('b', 'c').then(() => {
    second = true;
  });
  void work.ask('b');
  await turn();
  assert.deepEqual(rounds, [['a']]);
  gates.shift()!();
  await turn();
  assert.deepEqual([first, second], [true, false]);
  assert.deepEqual(rounds, [['a'], ['b', 'c']]);
  gates.shift()!();
  await turn();
  assert.equal(second, true);
});

test('a round that fails fails nobody, and the next one is done', async () => {
  let rounds = 0;
  const work = new Rounds<string>(() =>
    ++rounds === 1 ? Promise.reject(new Error('no')) : Promise.resolve(),
  );
  await work.ask('a');
  await work.ask('a');
  assert.equal(rounds, 2);
});
