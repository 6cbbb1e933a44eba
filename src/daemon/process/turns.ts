/**
 * How long the turns of the event loop take: everything that the daemon does waits for the one that is being taken. Looked
 * at on demand only, as looking wakes the process all the time: `kill -USR2` begins, the next one ends and tells.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Log } from './log.ts';

/** Milliseconds between two looks; a turn shorter than that is not seen apart from its neighbours. */
const LOOK_EVERY = 5;

export interface Turns {
  /** The most processor time (ms) that the thread of the event loop took between two looks: the longest turn, at most that. */
  busyMs: number;
  /** The longest time between two looks (ms), beyond what was asked for: waiting for the disk and for a processor included. */
  delayMs: number;
  delayP99Ms: number;
}

/** Begins to look; the returned function ends it and tells. */
export function watchTurns(): () => Turns {
  const delay = monitorEventLoopDelay({ resolution: LOOK_EVERY });
  delay.enable();
  let busy = 0;
  let before = process.threadCpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(before);
    busy = Math.max(busy, user + system);
    before = process.threadCpuUsage();
  }, LOOK_EVERY);
  timer.unref();
  return () => {
    clearInterval(timer);
    delay.disable();
    const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - LOOK_EVERY);
    return { busyMs: busy / 1000, delayMs: ms(delay.max), delayP99Ms: ms(delay.percentile(99)) };
  };
}

/** Has SIGUSR2 begin and end that; the returned function ends both. */
export function turnsOnSignal(log: Log): () => void {
  let end: (() => Turns) | undefined;
  const onSignal = (): void => {
    if (end) log.info({ ...end() }, 'turns of the event loop');
    end = end ? undefined : watchTurns();
  };
  process.on('SIGUSR2', onSignal);
  return () => {
    process.off('SIGUSR2', onSignal);
    end?.();
  };
}
