import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockWarning, outOfDate } from './clocks.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const date = (ms: number): string => new Date(NOW + ms).toUTCString();

test('clocks that differ by half a minute are told of, with which one is ahead', () => {
  for (const ms of [0, 1000, -29_000, 29_000]) assert.equal(clockWarning(date(ms), NOW), undefined);
  assert.match(clockWarning(date(300_000), NOW)!, /this host is 300 s behind the manager's/);
  assert.match(clockWarning(date(-7_200_000), NOW)!, /this host is 7200 s ahead of the manager's/);
});

test('an answer without a date, or with another text, says nothing of clocks', () => {
  for (const text of [undefined, '', 'yesterday']) assert.equal(clockWarning(text, NOW), undefined);
});

test('a certificate that is refused for its dates is explained with the time here', () => {
  assert.match(outOfDate('CERT_NOT_YET_VALID', NOW)!, /not valid yet .*2026-03-01T12:00:00.000Z/);
  assert.match(outOfDate('CERT_HAS_EXPIRED', NOW)!, /has expired .*2026-03-01T12:00:00.000Z/);
  assert.equal(outOfDate('DEPTH_ZERO_SELF_SIGNED_CERT', NOW), undefined);
});
