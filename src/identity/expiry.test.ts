import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BACKDATE, MIN_NODE_CERT_EXPIRY, renewalTime, validity } from './expiry.ts';

const DAY = 24 * 3_600_000;

test('90 days unless the cluster says otherwise, and good an hour before it is made', () => {
  assert.deepEqual(validity(1000 * DAY), { notBefore: 1000 * DAY - BACKDATE, notAfter: 1090 * DAY });
  assert.deepEqual(validity(1000 * DAY, 0), validity(1000 * DAY));
  assert.deepEqual(validity(1000 * DAY, null), validity(1000 * DAY));
  assert.equal(validity(1000 * DAY, 2 * DAY * 1e6).notAfter, 1002 * DAY);
});

test('renewal lies between 50 and 80 % of the life, back-dating not counted', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const expiry = fc.integer({ min: MIN_NODE_CERT_EXPIRY, max: 1000 * DAY * 1e6 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), expiry, random, (now, life, at) => {
      const part = (renewalTime(validity(now, life), at) - now) / (life / 1e6);
      assert.ok(part > 0.499 && part < 0.801, `${part}`);
    }),
  );
});

test('a certificate that is shorter than the back-dating is renewed before it ends', () => {
  const at = renewalTime({ notBefore: 0, notAfter: BACKDATE / 2 }, 0.5);
  assert.ok(at <= BACKDATE / 2);
});
