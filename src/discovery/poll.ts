/** Watching what has to be asked again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import { sameEntries } from './entries.ts';

/** Seconds until the next look where hosts are expected. */
const SOON = 2;

/**
 * Asks at once, then every `heartbeat` seconds at least: hosts come one soon after the other, so it asks every two seconds
 * while there are none, and ever later once there are some, or nothing can be asked. Yields what has changed.
 * @param failed told what asking threw; what is known stays
 */
export async function* polled(
  ask: (signal: AbortSignal) => Promise<readonly string[]>,
  heartbeat: number,
  failed: (error: Error) => void,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  let known: readonly string[] | undefined;
  let wait = SOON;
  while (!signal.aborted) {
    try {
      const entries = await ask(signal);
      if (!sameEntries(known, entries)) {
        known = entries;
        wait = SOON;
        yield entries;
      }
    } catch (error) {
      if (!signal.aborted) failed(error as Error);
    }
    await delay(Math.min(wait, heartbeat) * 1000, undefined, { signal }).catch(() => undefined);
    if (known?.length !== 0) wait *= 2;
  }
}
