/** Rounds of loss. ROUNDS of each kind on Essaim, every SHARE-th of them on Docker Swarm too; SIDES and ONLY choose; DETAIL=1 prints each. */
import { loadavg } from 'node:os';
import { cutOff, cutOffFor, plugIn, powerCut, powerOn } from '../failover/strike.ts';
import { Cluster, until } from './cluster.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 10);
const SHARE = Number(process.env.SHARE ?? 4);
const SIDES = new RegExp(process.env.SIDES ?? '');
const ONLY = new RegExp(process.env.ONLY ?? '');
const DETAIL = process.env.DETAIL !== undefined;
/** So long (ms) a host may be out of reach without losing its tasks, and so long it is looked whether it has. */
const BRIEF = 1_500;
const TOLERANCE = 100;
const AFTER_BRIEF = 3_000;

interface Loss {
  down: number;
  elsewhere: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const FAULTS = {
  power: { strike: powerCut, mend: powerOn },
  'cut off': { strike: cutOff, mend: plugIn },
} as const;

async function loss(cluster: Cluster, host: string, fault: keyof typeof FAULTS): Promise<Loss> {
  const { lab } = cluster;
  await cluster.spread();
  const { ID } = (await cluster.nodes()).find(({ Description }) => Description.Hostname === host)!;
  const strike = await FAULTS[fault].strike(lab, host);
  // The time of the last check is another one in each round.
  await pause(Math.random() * 1_000);
  const begun = performance.now();
  await strike();
  await until(`${cluster.name}: ${host} is Down`, async () => {
    const nodes = await cluster.nodes();
    return nodes.find((node) => node.ID === ID)?.Status.State === 'down';
  });
  const down = performance.now() - begun;
  await until(`${cluster.name}: the tasks of ${host} run elsewhere`, () => cluster.runs(ID));
  const elsewhere = performance.now() - begun;
  await FAULTS[fault].mend(lab, host);
  await cluster.settle();
  return { down, elsewhere };
}

/** How many tasks are others afterwards, or run no more; and how long (ms) the host was cut off in truth. */
async function brief(cluster: Cluster, host: string): Promise<{ moved: number; ms: number }> {
  await cluster.spread();
  const before = await cluster.tasks();
  const strike = await cutOffFor(cluster.lab, host, BRIEF);
  await pause(Math.random() * 1_000);
  const ms = await strike();
  await pause(AFTER_BRIEF);
  const running = (await cluster.tasks()).filter(({ Status }) => Status.State === 'running');
  const kept = new Set(running.map(({ ID }) => ID));
  await cluster.settle();
  return { moved: before.filter(({ ID }) => !kept.has(ID)).length, ms };
}

function summary(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? NaN;
  return [0.5, 0.99].map((part) => (at(part) / 1000).toFixed(2).padStart(6)).join(' ');
}

export async function losses(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const clusters: Cluster[] = [];
  for (const [kind, hosts] of [
    ['essaim', ['lea', 'leb', 'lec']],
    ['docker swarm', ['lsa', 'lsb', 'lsc']],
  ] as const)
    if (SIDES.test(kind)) clusters.push(stack.use(await Cluster.on(kind, hosts)));
  for (const cluster of clusters) await cluster.settle();

  console.log('s, median and p99                    Down            tasks elsewhere');
  for (const fault of Object.keys(FAULTS) as (keyof typeof FAULTS)[]) {
    if (!ONLY.test(fault)) continue;
    const results = new Map<Cluster, Loss[]>(clusters.map((cluster) => [cluster, []]));
    for (let i = 0; i < ROUNDS; i++)
      for (const [cluster, all] of results) {
        if (cluster.name !== 'essaim' && i % SHARE !== 0) continue;
        const result = await loss(cluster, cluster.workers[i % cluster.workers.length]!, fault);
        all.push(result);
        if (DETAIL)
          console.log(cluster.name, fault, JSON.stringify(result), 'load', loadavg()[0]!.toFixed(1));
      }
    for (const [{ name }, all] of results) {
      const head = `${fault.padEnd(8)} ${name.padEnd(12)} ${String(all.length).padStart(4)} rounds`;
      console.log(
        `${head} ${summary(all.map(({ down }) => down))}   ${summary(all.map((each) => each.elsewhere))}`,
      );
    }
  }
  if (!ONLY.test('brief')) return;
  for (const cluster of clusters.filter(({ name }) => name === 'essaim')) {
    const results: Awaited<ReturnType<typeof brief>>[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const result = await brief(cluster, cluster.workers[i % cluster.workers.length]!);
      results.push(result);
      if (DETAIL) console.log(JSON.stringify(result), 'load', loadavg()[0]!.toFixed(1));
    }
    // Where the machine was so busy that it was longer, it is another matter.
    const counted = results.filter(({ ms }) => ms <= BRIEF + TOLERANCE);
    const lost = counted.reduce((sum, { moved }) => sum + moved, 0);
    console.log(
      `cut off for ${BRIEF} to ${BRIEF + TOLERANCE} ms, ${counted.length} of ${ROUNDS} rounds: ${lost} tasks were lost to it (0 wanted)`,
    );
  }
}
