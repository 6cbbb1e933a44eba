/**
 * A process of agents: the real ones, with the real link, each joined with the token and a certificate of its own; only
 * the engine under them is simulated.
 */
import { join } from 'node:path';
import { runAgent } from '../../src/agent/agent.ts';
import { joinCluster } from '../../src/agent/join.ts';
import { createManagerLink } from '../../src/agent/link.ts';
import { createIdentity, type NodeIdentity } from '../../src/identity/node-identity.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { AgentsReport, AgentsStart } from './messages.ts';
import { SimulatedEngine } from './simulated-engine.ts';

/** How many hosts join at a time. */
const AT_ONCE = 16;

process.once('message', (start: AgentsStart) => {
  run(start).catch(failed);
});
process.once('disconnect', () => process.exit());

async function run({ remote, joinToken, agents, directory }: AgentsStart): Promise<void> {
  const signal = AbortSignal.timeout(300_000);
  const numbers = Array.from({ length: agents }, (_, index) => index + 1);
  const identities = await inParallel(numbers, async (number) => {
    const { credentials } = await joinCluster({ remote, token: joinToken, signal });
    return createIdentity(join(directory, `host${number}`), credentials);
  });
  report({ type: 'joined' });
  for (const [index, identity] of identities.entries()) start(remote, identity, `host${index + 1}`);
}

function start(remote: string, identity: NodeIdentity, hostname: string): void {
  const link = createManagerLink({
    identity,
    managers: () => [remote],
    connectEngine: () => {
      throw new Error('nobody asks for this engine');
    },
    renew: () => failed(new Error('no certificate is old enough to be renewed')),
    onError: failed,
  });
  runAgent({
    link,
    engine: new SimulatedEngine(hostname),
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    log: (message) => report({ type: 'log', message: `${hostname}: ${message}` }),
    tlsInfo: () => identity.tlsInfo(),
  }).catch(failed);
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function report(message: AgentsReport): void {
  process.send?.(message);
}

function failed(error: unknown): void {
  report({ type: 'failed', message: error instanceof Error ? String(error.stack) : String(error) });
}
