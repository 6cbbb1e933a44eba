import { performance } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';

/** However long a piece of work seems to have taken: other processes may have had the processor meanwhile. */
const LONGEST = 20;
/** Nobody needs the process that has waited for input so long (ms) in one turn. */
const IDLE = 0.5;

/**
 * Leaves the process to others for as long (ms) as something has just kept it, or until nobody needs it. A long answer
 * to a client takes many short turns of the event loop: one turn between two pieces of work is not enough.
 */
export async function restFor(ms: number): Promise<void> {
  const end = performance.now() + Math.min(ms, LONGEST);
  await setImmediate();
  while (performance.now() < end) {
    const { idle } = performance.eventLoopUtilization();
    await setTimeout(1);
    if (performance.eventLoopUtilization().idle - idle > IDLE) return;
  }
}
