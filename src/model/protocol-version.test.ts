import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  OWN_PROTOCOL,
  PROTOCOL_HEADER,
  parseSpoken,
  SPOKEN,
  type Spoken,
  versionProblem,
} from './protocol-version.ts';

/** Of a version that understands the one before it. */
const of = (version: number): Spoken => ({ version, oldest: version - 1 });

test('a version works with the one before it and the one after it, and with no other', () => {
  const versions = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(versions, versions, (host, manager) => {
      assert.equal(versionProblem(of(host), of(manager)) === undefined, Math.abs(host - manager) <= 1);
    }),
  );
});

test('who does not fit is told what to update', () => {
  assert.match(
    versionProblem(of(2), of(5))!,
    /too old .* there is 1 to 2, here 4 to 5\): update Essaim on the host$/,
  );
  assert.match(versionProblem(of(5), of(2))!, /too new .*: update Essaim on the managers first$/);
  assert.match(versionProblem(undefined)!, /does not say which version/);
});

test('what is said is understood', () => {
  assert.deepEqual(parseSpoken(OWN_PROTOCOL[PROTOCOL_HEADER]), SPOKEN);
  for (const nonsense of [undefined, '', '1', '1 1 1', '-1 1', 'a b', ['1 1']])
    assert.equal(parseSpoken(nonsense), undefined);
});
