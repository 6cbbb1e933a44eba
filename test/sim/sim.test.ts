/**
 * The cluster under thousands of random schedules. SEED=n replays one, SEEDS=n runs as many (from FROM, or 1), LOG=1
 * shows all that happened in a replayed one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excessiveService } from './random-service.ts';
import { SeedRange } from './seed-threads.ts';
import { World } from './world.ts';

const range = new SeedRange(300);

test(`${range.count} seeds from ${range.from}`, async (t) => {
  const slowest = await range.run(false);
  t.diagnostic(`all was as wanted at most ${slowest / 1000} s (virtual) after the last fault`);
});

test('nothing of a service that is gone is placed, however long its removal takes', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = new World(seed, { slow: true });
    await world.begin();
    await world.user.create(excessiveService('s', world.random));
    await world.run(20_000);
    await world.user.remove(world.services()[0]!);
    // Places become free long before the last of its tasks is gone.
    await world.run(60_000);
    assert.equal(world.view.count('task'), 0);
  }
});
