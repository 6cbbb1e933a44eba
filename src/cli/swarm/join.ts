/** `swarm join`, `list` and `create`. */
import { setTimeout as delay } from 'node:timers/promises';
import { findDiscovery } from '../../discovery/parse.ts';
import { createToken, defaultService } from '../../discovery/token.ts';
import type { Logger } from '../../fleet/contract.ts';
import { messageOf } from '../../model/errors.ts';
import { FlagError, type Values } from './flags.ts';
import { checkAddress, discoveryOptions } from './shared.ts';

/** Makes an engine known until the signal ends it. @throws FlagError, DiscoveryError */
export async function join(values: Values, url: string, log: Logger, signal: AbortSignal): Promise<void> {
  const address = values.text('advertise');
  if (address === '') throw new FlagError('missing mandatory --advertise flag');
  if (!checkAddress(address))
    throw new FlagError('--advertise should be of the form ip:port or hostname:port');
  const delayed = values.duration('delay');
  if (delayed < 0) throw new FlagError('--delay should not be a negative number');
  const heartbeat = values.duration('heartbeat');
  if (heartbeat < 1) throw new FlagError('--heartbeat should be at least one second');
  const ttl = values.duration('ttl');
  if (ttl <= heartbeat) throw new FlagError('--ttl must be strictly superior to the heartbeat value');
  const failed = (error: Error): void => log.error({}, error.message);
  const { discovery } = findDiscovery(url, { heartbeat, options: discoveryOptions(values), failed });
  const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined);
  if (delayed > 0) {
    const wait = Math.random() * delayed;
    log.info({}, `Add a random delay ${wait.toFixed(3)}s to avoid synchronized registration`);
    await pause(wait * 1000);
  }
  while (!signal.aborted) {
    log.info(
      { addr: address, discovery: url },
      `Registering on the discovery service every ${values.text('heartbeat')}...`,
    );
    await discovery.register(address, ttl, signal).catch((error: unknown) => {
      if (!signal.aborted) log.error({}, messageOf(error));
    });
    await pause(heartbeat * 1000);
  }
}

/** Prints the engines that are known. @throws FlagError, DiscoveryError, what is wrong with the service, or that it took too long */
export async function list(values: Values, url: string): Promise<void> {
  const timeout = values.duration('timeout');
  if (timeout <= 0) throw new FlagError('--timeout should be a positive number');
  const heartbeat = 60;
  const over = new AbortController();
  const failed = (error: Error): void => over.abort(error);
  const { discovery } = findDiscovery(url, { heartbeat, options: discoveryOptions(values), failed });
  const late = setTimeout(() => over.abort(new FlagError('Timed out')), timeout * 1000);
  try {
    for await (const entries of discovery.watch(over.signal)) {
      process.stdout.write(entries.map((entry) => `${entry}\n`).join(''));
      return;
    }
  } finally {
    clearTimeout(late);
  }
  throw over.signal.reason;
}

/** As classic Swarm says it. */
const DEPRECATED = [
  'Token based discovery is now deprecated and might be removed in the future.',
  'It will be replaced by a default discovery backed by Docker Swarm Mode.',
  'Other mechanisms such as consul and etcd will continue to work as expected.',
].join('\n');

/** Prints a new token of a token service. @throws DiscoveryError */
export async function create(): Promise<void> {
  const token = await createToken(defaultService());
  process.stderr.write(`${DEPRECATED}\n`);
  process.stdout.write(`${token}\n`);
}
