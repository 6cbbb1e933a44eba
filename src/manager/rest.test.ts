import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { restFor } from './rest.ts';

test('a rest gives others many turns while they need them', async () => {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns++;
    next = setImmediate(turn);
  });
  const begin = performance.now();
  await restFor(10);
  clearImmediate(next);
  assert.ok(performance.now() - begin >= 10);
  assert.ok(turns > 2, `${turns} turns`);
});

test('a rest is over when nobody needs the process', async () => {
  const idle = () => performance.eventLoopUtilization().idle;
  const before = idle();
  for (let i = 0; i < 20; i++) await restFor(20);
  assert.ok(idle() - before < 300, 'it has waited for nothing');
});
