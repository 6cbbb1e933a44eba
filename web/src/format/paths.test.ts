import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { partOf, stackPage } from './paths.ts';

test('whatever a stack is called, its page knows its name', () => {
  const names = fc.string({ minLength: 1, unit: fc.constantFrom(...'ab ü/?#&=+$,;:@"\'<>🐝') });
  fc.assert(
    fc.property(names, (name) => {
      // As wouter reads an address.
      const read = decodeURI(new URL(stackPage(name, '?tab=logs'), 'https://host').pathname);
      assert.equal(partOf(read.split('/')[2]), name);
    }),
  );
});
