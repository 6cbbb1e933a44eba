/** Watching what has to be asked again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import { sameEntries } from './entries.ts';

/**
 * Asks at once, then every `heartbeat` seconds; yields what has changed.
 * @param failed told what asking threw; what is known stays
 */
export async function* polled(
  ask: (signal: AbortSignal) => Promise<readonly string[]>,
  heartbeat: number,
  failed: (error: Error) => void,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  let known: readonly string[] | undefined;
  while (!signal.aborted) {
    try {
      const entries = await ask(signal);
      if (!sameEntries(known, entries)) {
        known = entries;
        yield entries;
      }
    } catch (error) {
      if (!signal.aborted) failed(error as Error);
    }
    await delay(heartbeat * 1000, undefined, { signal }).catch(() => undefined);
  }
}
