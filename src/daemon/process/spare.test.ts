import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWorthIt } from './spare.ts';

const MB = 1 << 20;

test('the heap is collected once there is something to give back, while nobody waits, if it is soon done', () => {
  const grown = { used: 14 * MB, taken: 20 * MB };
  assert.equal(isWorthIt(grown, 0, 0.99), true, 'after the start');
  assert.equal(isWorthIt(grown, 12 * MB, 0.99), true, 'after a busy time');
  assert.equal(isWorthIt(grown, 19.5 * MB, 0.99), false, 'little has come');
  assert.equal(isWorthIt(grown, 12 * MB, 0.5), false, 'busy');
  assert.equal(isWorthIt({ used: 400 * MB, taken: 600 * MB }, 0, 0.99), false, 'a long pause');
});
