/**
 * A process of agents: the real ones, with the real link, each joined with the token and a certificate of its own; only
 * the engine under them is simulated.
 */
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { runAgent } from '../../src/agent/agent.ts';
import { joinCluster } from '../../src/agent/join.ts';
import { createManagerLink } from '../../src/agent/link.ts';
import { createIdentity, type NodeIdentity } from '../../src/identity/node-identity.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { AgentsReport, AgentsStart } from './messages.ts';
import { SimulatedEngine } from './simulated-engine.ts';

/** How many hosts join at a time, of those of one process. */
const AT_ONCE = 16;

// Hosts have processors of their own: here they take what the manager and its clients leave.
setPriority(Math.min(19, getPriority() + 10));

process.once('message', (start: AgentsStart) => {
  run(start).catch(failed);
});
process.once('disconnect', () => process.exit());

async function run({ remote, joinToken: token, first, agents, directory }: AgentsStart): Promise<void> {
  const signal = AbortSignal.timeout(300_000);
  const numbers = Array.from({ length: agents }, (_, index) => first + index);
  await inParallel(numbers, async (number) => {
    const { credentials } = await joinCluster({ remote, token, signal });
    const identity = await createIdentity(join(directory, `host${number}`), credentials);
    start(remote, identity, `host${number}`);
  });
  report({ type: 'joined' });
}

function start(remote: string, identity: NodeIdentity, hostname: string): void {
  const link = createManagerLink({
    identity,
    managers: () => [remote],
    learned: () => {},
    isEarlier: () => false,
    connectEngine: () => {
      throw new Error('nobody asks for this engine');
    },
    checkNetworks: () => Promise.reject(new Error('not here')),
    renew: () => failed(new Error('no certificate is old enough to be renewed')),
    onError: failed,
  });
  runAgent({
    link,
    engine: new SimulatedEngine(hostname),
    networks: { apply: async () => {} },
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    log: (message) => report({ type: 'log', message: `${hostname}: ${message}` }),
    tlsInfo: () => identity.tlsInfo(),
  }).catch(failed);
}

async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function report(message: AgentsReport): void {
  process.send?.(message);
}

function failed(error: unknown): void {
  report({ type: 'failed', message: error instanceof Error ? String(error.stack) : String(error) });
}
