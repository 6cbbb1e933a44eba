/** Makes this host known where classic Swarm's hosts made themselves known. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Discovery } from '../discovery/contract.ts';
import { findDiscovery } from '../discovery/parse.ts';
import { messageOf } from '../model/errors.ts';
import type { Log } from './process/log.ts';

/** Seconds, as classic Swarm had them. */
const HEARTBEAT = 60;
const TTL = 180;
/** How soon it is tried again where nobody was reached, seconds. */
const AGAIN = 5;

/**
 * What says again and again, until the signal, at which address the host is.
 * @throws DiscoveryError for a URL that is none, before anything is said
 */
export function keeperOf(
  { url, address }: { url: string; address: string },
  log: Log,
): (signal: AbortSignal) => Promise<void> {
  const failed = (error: Error): void => log.warn({ url, err: error }, 'cannot make this host known');
  const { discovery } = findDiscovery(url, { heartbeat: HEARTBEAT, options: {}, failed });
  return (signal) => keepKnown({ url, address, discovery }, log, signal);
}

async function keepKnown(
  { url, address, discovery }: { url: string; address: string; discovery: Discovery },
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const told = await discovery.register(address, TTL, signal).then(
      () => true,
      (error: unknown) => {
        if (!signal.aborted) log.warn({ url }, `cannot make this host known: ${messageOf(error)}`);
        return false;
      },
    );
    await delay((told ? HEARTBEAT : AGAIN) * 1000, undefined, { signal }).catch(() => undefined);
  }
}
