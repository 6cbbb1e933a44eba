import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { FairShare, waterLevel } from './fair-share.ts';

test('the shares use up what there is, and nobody who wants less than a share gets less than they want', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 50 }), (counts) => {
      const level = waterLevel(counts, 1000);
      const served = counts.reduce((sum, count) => sum + Math.min(count, level), 0);
      if (counts.reduce((sum, count) => sum + count, 0) <= 1000)
        assert.equal(level, Number.POSITIVE_INFINITY);
      else assert.ok(served <= 1000 && served > 1000 - counts.length, `${served} with ${level}`);
    }),
  );
});

test('who floods is held back as long as it lasts; others are served', async () => {
  const clock = new VirtualClock();
  const share = new FairShare(clock, 10_000);
  const ask = (source: string, times: number): number =>
    Array.from({ length: times }, () => share.admit(source)).filter((admitted) => admitted).length;
  assert.equal(ask('flood', 5000), 5000, 'nothing is known yet');
  for (let window = 0; window < 5; window++) {
    await clock.advance(100);
    const served = ask('flood', 5000);
    assert.ok(served >= 900 && served <= 1000, String(served));
    assert.equal(ask('quiet', 20), 20);
  }
  await clock.advance(100);
  ask('flood', 10);
  await clock.advance(100);
  assert.equal(ask('flood', 900), 900);
});

test('after a pause, or when the clock was put back, nobody is held back', async () => {
  const clock = new VirtualClock();
  const share = new FairShare(clock, 1000);
  for (let i = 0; i < 500; i++) share.admit('a');
  clock.pause(60_000);
  assert.ok(Array.from({ length: 500 }, () => share.admit('a')).every((admitted) => admitted));
  clock.pause(-3_600_000);
  assert.ok(Array.from({ length: 500 }, () => share.admit('a')).every((admitted) => admitted));
});
