import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withCtrl } from './terminal-keys.ts';

test('with Ctrl a letter is a control character, and what has none is sent as it is', () => {
  assert.deepEqual(['c', 'C', 'd', '[', 'ä', '1', 'ls', ''].map(withCtrl), [
    '\x03',
    '\x03',
    '\x04',
    '\x1b',
    'ä',
    '1',
    'ls',
    '',
  ]);
});
