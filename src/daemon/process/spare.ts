/**
 * Gives back what a busy time has left of the heap, once the process is idle: V8 keeps pages for objects that might come, and
 * looks for garbage only when much more has been made, which on an idle host is hours away.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Clock, pause } from '../../model/clock.ts';

/** How often it is looked, and collected at most (ms). */
const LOOK_EVERY = 20_000;
/** Idle is who does nothing for so much of the time between two looks. */
const IDLE = 0.9;
/** It takes 3 ms for each MB in use, in one turn of the event loop: a large heap is left alone. */
const MOST_USED = 48 << 20;
/** What has to have come since the last time (bytes). */
const LEAST = 1 << 20;

/** Bytes. */
export interface Heap {
  readonly used: number;
  /** From the system. */
  readonly taken: number;
}

/** @param lately what was taken after the last time, 0 if there was none. @param idle part of the time since the last look */
export function isWorthIt({ used, taken }: Heap, lately: number, idle: number): boolean {
  return idle >= IDLE && used <= MOST_USED && taken >= lately + LEAST;
}

/** Looks until aborted. Needs a process that was started with --expose-gc, as bin/essaim does. */
export async function giveBack(clock: Clock, signal: AbortSignal): Promise<void> {
  let lately = 0;
  let before = performance.eventLoopUtilization();
  for (;;) {
    await pause(clock, LOOK_EVERY, signal);
    if (signal.aborted) return;
    const { utilization } = performance.eventLoopUtilization(before);
    if (isWorthIt(heap(), lately, 1 - utilization)) {
      globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      lately = heap().taken;
    }
    before = performance.eventLoopUtilization();
  }
}

function heap(): Heap {
  const { used_heap_size: used, total_physical_size: taken } = getHeapStatistics();
  return { used, taken };
}
