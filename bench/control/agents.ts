/**
 * A process of agents: the real ones, with the real link, each joined with the token and a certificate of its own; only
 * the engine under them is simulated.
 */
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { runAgent } from '../../src/agent/agent.ts';
import { createManagerLink } from '../../src/agent/link.ts';
import { callOnce, NoAnswerError } from '../../src/agent/wire.ts';
import { createRequest } from '../../src/identity/authority.ts';
import { type Credentials, createIdentity, type NodeIdentity } from '../../src/identity/node-identity.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { CaAnswer, IssueAnswer } from '../../src/model/protocol.ts';
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

async function run({ remote, joinToken, first, agents, directory }: AgentsStart): Promise<void> {
  const signal = AbortSignal.timeout(300_000);
  const numbers = Array.from({ length: agents }, (_, index) => first + index);
  await inParallel(numbers, async (number) => {
    const credentials = await patiently(() => joinCluster(remote, joinToken, signal));
    const identity = await createIdentity(join(directory, `host${number}`), credentials);
    start(remote, identity, `host${number}`);
  });
  report({ type: 'joined' });
}

/** Again while the manager is too busy to answer, as a host does it. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
    }
  }
}

/** As a host does, but for the token's proof of who the manager is. */
async function joinCluster(address: string, token: string, signal: AbortSignal): Promise<Credentials> {
  const { roots } = (await callOnce(
    { address, expect: { kind: 'anybody' }, signal },
    'GET',
    '/ca',
  )) as CaAnswer;
  const { csr, key } = await createRequest();
  const expect = { kind: 'manager', roots } as const;
  const body = { csr, token };
  const answer = (await callOnce({ address, expect, signal }, 'POST', '/ca/issue', body)) as IssueAnswer;
  return { key, certificate: answer.certificate, roots: answer.roots };
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
