/**
 * The cluster under thousands of random schedules. SEED=n replays one, SEEDS=n runs as many (from FROM, or 1), LOG=1
 * shows all that happened in a replayed one.
 */
import { test } from 'node:test';
import { runSeed, SeedFailure } from './run.ts';

const { SEED, SEEDS = '200', FROM = '1', LOG } = process.env;

const from = Number(SEED ?? FROM);
const count = SEED === undefined ? Number(SEEDS) : 1;

test(`${count} seeds from ${from}`, async () => {
  for (let seed = from; seed < from + count; seed++) {
    try {
      await runSeed(seed);
    } catch (error) {
      if (LOG && error instanceof SeedFailure) console.log(error.world.lines.join('\n'));
      throw error;
    }
  }
});
