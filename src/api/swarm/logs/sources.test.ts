import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from './sources.ts';

test('the moment after a line, in seconds', () => {
  assert.equal(after('2026-01-02T03:04:05.123456789Z'), '1767323045.123456790');
  assert.equal(after('2026-01-02T03:04:05.999999999Z'), '1767323046.000000000');
  assert.equal(after('2026-01-02T03:04:05Z'), '1767323045.000000001');
  assert.equal(after('2026-01-02T03:04:05.5Z'), '1767323045.500000001');
  for (const none of ['', 'Z', 'hello', '2026-13-45T99:00:00Z']) assert.equal(after(none), undefined, none);
});
