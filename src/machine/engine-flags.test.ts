import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownFlags } from './engine-flags.ts';

test('flags are looked up in the help of the engine', () => {
  const help =
    '      --label list       Set key=value labels\n  -l, --log-level string   Set the logging level';
  assert.deepEqual(unknownFlags(help, { options: ['label=a=b', 'log-level=warn'] }), []);
  assert.deepEqual(unknownFlags(help, { options: ['labels=a', 'log=1'] }), ['labels', 'log']);
  assert.deepEqual(unknownFlags(help, {}), []);
});
