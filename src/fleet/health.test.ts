import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health, type Outcome } from './health.ts';

const after = (retry: number, ...outcomes: Outcome[]): Health => {
  const health = new Health(retry);
  for (const outcome of outcomes) health.note(outcome);
  return health;
};

test('a host is lost after so many looks in a row that found nobody', () => {
  assert.equal(after(3, 'gone', 'gone').isLost, false);
  assert.equal(after(3, 'gone', 'gone', 'gone').isLost, true);
  assert.equal(after(3, 'gone', 'gone', 'well', 'gone').isLost, false);
  assert.equal(after(1, 'gone').isLost, true);
});

test('one that only has much to do is given four times that', () => {
  const busy = Array<Outcome>(11).fill('busy');
  assert.equal(after(3, ...busy).isLost, false);
  assert.equal(after(3, ...busy, 'busy').isLost, true);
  assert.equal(after(5, ...busy, 'busy').failures, 2);
});

test('one answer that is late says nothing of a host, one that is refused does', () => {
  assert.equal(after(3, 'silent').failures, 0);
  assert.equal(after(3, 'silent', 'silent').failures, 1);
  assert.equal(after(3, 'silent', 'silent', 'silent').isLost, true);
  assert.equal(after(3, 'gone').failures, 1);
  assert.equal(after(3, 'silent', 'gone').failures, 2);
});
