/**
 * A data plane alone, for tests: run on a lab host, it does what it is told in JSON lines on stdin and answers in JSON
 * lines on stdout. usage: node data-plane-program.ts STATE_DIR UNDERLAY_ADDRESS [no-rounds]
 * With `no-rounds` it does nothing because time has passed: only what it is told and what it hears makes it act.
 */
import { createInterface } from 'node:readline';
import { unixEngine } from '../../src/engine/client.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import type { IngressContainer } from '../../src/network/contract.ts';
import { createDataPlane } from '../../src/network/data-plane.ts';
import { processorMs } from './processor.ts';

const [stateDir, underlayAddress, mode] = process.argv.slice(2);
const note = (level: string) => (fields: object, message: string) =>
  process.stderr.write(
    `${level} ${message} ${JSON.stringify(fields, (_, v) => (v instanceof Error ? v.stack : v))}\n`,
  );
const engine = unixEngine('/run/engine.sock');
const plane = await createDataPlane({
  engine,
  stateDir: stateDir!,
  underlayAddress: underlayAddress!,
  clock: mode === 'no-rounds' ? { ...systemClock, timer: () => () => {} } : systemClock,
  log: { debug: () => {}, info: note('info'), warn: note('warn') },
});

const METHODS: Record<string, (argument: never) => unknown> = {
  apply: async (state: NetworkState) => {
    await plane.apply(state);
    return plane.counters;
  },
  ensureNetwork: (id: string) => plane.ensureNetwork(id, AbortSignal.timeout(10_000)),
  complete: (container: IngressContainer) => plane.complete(container),
  networksInUse: () => plane.networksInUse(),
  dnsServerFor: (id: string) => plane.dnsServerFor(id),
  dnsListenAddresses: () => plane.dnsListenAddresses(),
  check: () => plane.check(),
  counters: () => plane.counters,
  processorMs,
  moveTo: (underlayAddress: string) => plane.moveTo(underlayAddress),
  remove: () => plane.remove(),
};

process.stdout.write('{"id":0}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, argument } = JSON.parse(line) as { id: number; method: string; argument: never };
  Promise.resolve(METHODS[method]!(argument)).then(
    (result) => process.stdout.write(`${JSON.stringify({ id, result })}\n`),
    (error: Error) => process.stdout.write(`${JSON.stringify({ id, error: error.stack })}\n`),
  );
}
await plane.close();
engine.close();
