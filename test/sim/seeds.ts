/** A thread that runs some of the seeds. It posts how long (virtual ms) the slowest of them took to converge. */
import { parentPort, workerData } from 'node:worker_threads';
import { runSeed, SeedFailure } from './run.ts';

/** Seeds `from`, `from + step` and so on, below `to`. */
export interface Seeds {
  from: number;
  to: number;
  step: number;
  /** With several managers. */
  several?: boolean;
}

/** Mostly three. */
function managersOf(seed: number): number {
  return seed % 5 === 0 ? 5 : 3;
}

const { from, to, step, several } = workerData as Seeds;
let slowest = 0;
for (let seed = from; seed < to; seed += step) {
  try {
    slowest = Math.max(slowest, (await runSeed(seed, several ? managersOf(seed) : 1)).convergedAfter);
  } catch (error) {
    if (process.env.LOG && error instanceof SeedFailure) console.log(error.world.lines.join('\n'));
    // What is thrown is copied to the other thread, the world would be with it.
    throw new Error((error as Error).message);
  }
}
parentPort!.postMessage(slowest);
