/**
 * The cluster under thousands of random schedules. SEED=n replays one, SEEDS=n runs as many (from FROM, or 1), LOG=1
 * shows all that happened in a replayed one.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { excessiveService } from './random-service.ts';
import type { Seeds } from './seeds.ts';
import { World } from './world.ts';

const { SEED, SEEDS = '300', FROM = '1' } = process.env;

const from = Number(SEED ?? FROM);
const count = SEED === undefined ? Number(SEEDS) : 1;

test(`${count} seeds from ${from}`, async (t) => {
  const threads = Math.min(count, availableParallelism());
  const workers = Array.from({ length: threads }, (_, i) => {
    const workerData: Seeds = { from: from + i, to: from + count, step: threads };
    return new Worker(new URL('seeds.ts', import.meta.url), { workerData });
  });
  try {
    const slowest = await Promise.all(workers.map((worker) => once(worker, 'message')));
    t.diagnostic(
      `all was as wanted at most ${Math.max(...slowest.flat()) / 1000} s (virtual) after the last fault`,
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});

test('nothing of a service that is gone is placed, however long its removal takes', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = new World(seed, true);
    await world.begin();
    await world.user.create(excessiveService('s', world.random));
    await world.run(20_000);
    await world.user.remove(world.services()[0]!);
    // Places become free long before the last of its tasks is gone.
    await world.run(60_000);
    assert.equal(world.view.count('task'), 0);
  }
});
