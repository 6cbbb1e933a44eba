import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newUnlockKey, parseUnlockKey } from './unlock-key.ts';

test('a key as Docker makes it', () => {
  const key = newUnlockKey();
  assert.match(key, /^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
  assert.equal(parseUnlockKey(key)?.length, 32);
  assert.notEqual(newUnlockKey(), key);
  const docker = parseUnlockKey('SWMKEY-1-8h4Cg5FeRQAa03Fg7qmpMIHLw2TLT7uA+ugtUZUG0r0');
  assert.equal(docker?.toString('hex').slice(0, 8), 'f21e0283');
});

test('what has the form of a key, and what has not', () => {
  assert.equal(parseUnlockKey('SWMKEY-1-nonsense')?.length, 6);
  for (const text of ['', 'nonsense', 'SWMKEY-2-nonsense', 'SWMKEY-1-a', 'SWMKEY-1-nonsense=', 'SWMKEY-1-?'])
    assert.equal(parseUnlockKey(text), undefined, text);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const bytes = parseUnlockKey(`SWMKEY-1-${text}`);
      assert.ok(bytes === undefined || bytes.toString('base64').startsWith(text));
    }),
  );
});
