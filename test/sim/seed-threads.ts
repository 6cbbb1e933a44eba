/** Runs many seeds on all processors. Which ones the environment says: SEED=n one, SEEDS=n as many from FROM, or 1. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Seeds } from './seeds.ts';

export class SeedRange {
  readonly from: number;
  readonly count: number;

  /** @param usual how many if the environment does not say */
  constructor(usual: number) {
    const { SEED, SEEDS = usual, FROM = 1 } = process.env;
    this.from = Number(SEED ?? FROM);
    this.count = SEED === undefined ? Number(SEEDS) : 1;
  }

  /** Resolves with how long (virtual ms) the slowest of them took to converge. Rejects with the first failure. */
  async run(several: boolean): Promise<number> {
    const { from, count } = this;
    const threads = Math.min(count, availableParallelism());
    const workers = Array.from({ length: threads }, (_, i) => {
      const workerData: Seeds = { from: from + i, to: from + count, step: threads, several };
      return new Worker(new URL('seeds.ts', import.meta.url), { workerData });
    });
    try {
      const slowest = await Promise.all(workers.map((worker) => once(worker, 'message')));
      return Math.max(...slowest.flat());
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  }
}
