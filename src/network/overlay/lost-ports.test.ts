import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LostPorts } from './lost-ports.ts';

test("a link that stays on the host for long is nobody's any more", () => {
  const lost = new LostPorts();
  const ids = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'];
  const back = new Set(['eaaaaaaaaaaaa', 'eth0']);
  assert.deepEqual(lost.among(ids, back, 0), []);
  assert.deepEqual(lost.among(ids, back, 60_000), []);
  assert.deepEqual(lost.among(ids, back, 60_001), ['aaaaaaaaaaaaaaaa']);
  assert.deepEqual(lost.among(ids, new Set(['eth0']), 70_000), []);
  assert.deepEqual(lost.among(ids, back, 80_000), []);
});
