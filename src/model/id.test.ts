import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from './id.ts';

test('ids are 25 characters of base 36, each another one', () => {
  const ids = Array.from({ length: 10_000 }, () => newId());
  for (const id of ids) assert.match(id, /^[0-9a-z]{25}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('the randomness of an id is what it is given', () => {
  assert.equal(
    newId((size) => new Uint8Array(size)),
    '0'.repeat(25),
  );
  assert.equal(
    newId((size) => new Uint8Array(size).fill(1, size - 1)),
    `${'0'.repeat(24)}1`,
  );
});
