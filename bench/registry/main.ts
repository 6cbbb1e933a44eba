/** How soon whoever waits for a service of the registry hears of a change, and what the registry costs in memory. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const number = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    services: number('1000'),
    instances: number('10000'),
    waiting: number('200'),
    changes: number('200'),
  },
});
const [services, instances, waiting, changes] = [
  values.services,
  values.instances,
  values.waiting,
  values.changes,
].map(Number) as [number, number, number, number];
/** Services that are waited for; the others are there. */
const WATCHED = 50;

interface Message {
  kind: string;
  address: string;
  time: number;
  took: number;
  before: { rss: number; heap: number };
  waiting: number;
  counts: { services: number; instances: number };
  memory: { rss: number; heap: number };
}

const at = (): number => performance.timeOrigin + performance.now();
const sorted = (all: number[]): number[] => all.toSorted((a, b) => a - b);
const quantile = (all: number[], part: number): number =>
  all[Math.min(all.length - 1, Math.floor(all.length * part))]!;
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const server: ChildProcess = fork(
  fileURLToPath(new URL('server.ts', import.meta.url)),
  [String(services), String(instances)],
  { execArgv: ['--expose-gc'] },
);
const told = async (kind: string): Promise<Message> => {
  for (;;) {
    const [message] = (await once(server, 'message')) as [Message];
    if (message.kind === kind) return message;
  }
};
const ready = await told('ready');
console.log(`load ${loadavg()[0]!.toFixed(1)} on this machine`);
const ask = (message: object, kind: string): Promise<Message> => {
  const answer = told(kind);
  server.send(message);
  return answer;
};
let state = await ask({ kind: 'state' }, 'state');
console.log(
  `${state.counts.services} services, ${state.counts.instances} instances, known after ${Math.round(ready.took)} ms`,
);
console.log(
  `memory for them: ${mb(state.memory.heap - ready.before.heap)} of heap, ${mb(state.memory.rss - ready.before.rss)} resident`,
);

/** When each of those who wait for a service was answered. */
const answered: Array<{ service: number; time: number }> = [];
let over = false;
async function wait(service: number): Promise<void> {
  let index = '0';
  while (!over) {
    const path = `/v1/health/service/service${service}?passing=1&wait=5m&index=${index}`;
    const answer = await fetch(`http://${ready.address}${path}`).catch(() => undefined);
    if (!answer) return;
    await answer.arrayBuffer();
    if (index !== '0') answered.push({ service, time: at() });
    index = answer.headers.get('x-consul-index')!;
  }
}
const clients = Array.from({ length: waiting }, (_, i) => wait(i % WATCHED));
const allWait = async (): Promise<void> => {
  do state = await ask({ kind: 'state' }, 'state');
  while (state.waiting < waiting);
};
await allWait();
console.log(
  `with ${waiting} blocked queries: ${mb(state.memory.heap - ready.before.heap)} of heap, ${mb(state.memory.rss - ready.before.rss)} resident`,
);

const perService = waiting / WATCHED;
const delays: number[] = [];
for (let i = 0; i < changes; i++) {
  // The same service twice: one more, one less.
  const service = Math.floor(i / 2) % WATCHED;
  answered.length = 0;
  const { time } = await ask({ kind: 'change', service }, 'changed');
  while (answered.filter((each) => each.service === service).length < perService)
    await new Promise((resolve) => setTimeout(resolve, 5));
  for (const each of answered) if (each.service === service) delays.push(each.time - time);
}
const all = sorted(delays);
console.log(
  `from change to answer, ${all.length} answers: p50 ${Math.round(quantile(all, 0.5))} ms, p99 ${Math.round(quantile(all, 0.99))} ms, at most ${Math.round(all.at(-1)!)} ms (goal: p99 ≤ 500 ms)`,
);
console.log(`load ${loadavg()[0]!.toFixed(1)} on this machine`);
over = true;
server.send({ kind: 'end' });
await Promise.all([once(server, 'exit'), ...clients]);
