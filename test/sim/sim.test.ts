/**
 * The cluster under thousands of random schedules. SEED=n replays one, SEEDS=n runs as many (from FROM, or 1), LOG=1
 * shows all that happened in a replayed one.
 */
import { test } from 'node:test';
import { runSeed, SeedFailure } from './run.ts';

const { SEED, SEEDS = '300', FROM = '1', LOG } = process.env;

const from = Number(SEED ?? FROM);
const count = SEED === undefined ? Number(SEEDS) : 1;

test(`${count} seeds from ${from}`, async (t) => {
  let slowest = 0;
  for (let seed = from; seed < from + count; seed++) {
    try {
      slowest = Math.max(slowest, (await runSeed(seed)).convergedAfter);
    } catch (error) {
      if (LOG && error instanceof SeedFailure) console.log(error.world.lines.join('\n'));
      throw error;
    }
  }
  t.diagnostic(`all was as wanted at most ${slowest / 1000} s (virtual) after the last fault`);
});
