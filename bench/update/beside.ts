/**
 * A rolling update of many replicas, several at a time, beside Docker Swarm on engines of the same kind, in turn in one run
 * on three lab hosts each: how long it takes by the stock docker CLI; and how long the engines alone take to end, remove, make
 * and start as many containers. Then the same once more on our side with requests at a steady rate to the published port, each
 * on a connection of its own, from the manager's host to every host's address in turn; Docker Swarm's published ports need IPVS, which not every kernel has, and are not asked.
 */
import type { EngineClient } from '../../src/engine/client.ts';
import { eventually } from '../../test/support/lab.ts';
import { type Alone, removeAlone, startAll, startAlone, stopAlone } from '../beside/alone.ts';
import { median, Side, until } from '../beside/sides.ts';
import { HEADER, Load, lines } from '../traffic/load.ts';

const REPLICAS = Number(process.env.REPLICAS ?? 100);
const PARALLELISM = Number(process.env.PARALLELISM ?? 10);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const RATE = Number(process.env.RATE ?? 500);
const PORT = 8080;
/**
 * Answers with a file, as a script for each request would need more processor than there is; asked to end, it goes on for a
 * second, then finishes what it has begun. (`whoami` alone is gone at once.)
 */
const SERVER = `cp /etc/hostname /www/index.html
httpd -f -p ${PORT} -h /www &
trap 'sleep 1; kill $!; while pidof httpd >/dev/null; do usleep 50000; done; exit 0' TERM
wait`;

async function create(side: Side, options: string[] = [], command: string[] = []): Promise<void> {
  await side.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', 'web', '--replicas', `${REPLICAS}`],
    ...[
      '--update-parallelism',
      `${PARALLELISM}`,
      '--update-monitor',
      '1s',
      ...options,
      'whoami:1',
      ...command,
    ],
  );
  await until('all run', async () => (await side.running('web')) === REPLICAS, { every: 100 });
}

const update = (side: Side, value: string): Promise<void> =>
  side.docker('service', 'update', '--quiet', '--no-resolve-image', '--env-add', `ROUND=${value}`, 'web');

async function remove(side: Side): Promise<void> {
  await side.docker('service', 'rm', 'web');
  await until('all are gone', async () => (await side.containers()) === 0, { every: 100 });
}

/** Replaces as many containers straight on the engines, as many at a time. Returns the seconds that took. */
async function alone(engines: readonly EngineClient[]): Promise<number> {
  const options = { image: 'whoami:1' };
  const old = await startAll(engines, REPLICAS, options);
  const began = performance.now();
  const left = old.values();
  const lane = async (): Promise<Alone[]> => {
    const made: Alone[] = [];
    for (const container of left) {
      await stopAlone(container);
      made.push(await startAlone(container.engine, options));
    }
    return made;
  };
  const made = await Promise.all(Array.from({ length: PARALLELISM }, lane));
  const took = (performance.now() - began) / 1000;
  await Promise.all(made.flat().map(removeAlone));
  return took;
}

await using essaim = await Side.essaim();
{
  await using swarm = await Side.dockerSwarm();
  console.log(`update of ${REPLICAS} replicas, ${PARALLELISM} at a time, seconds`);
  const times = new Map<Side, number[]>([
    [essaim, []],
    [swarm, []],
  ]);
  for (const side of times.keys()) await create(side);
  for (let round = 0; round < ROUNDS; round++)
    for (const [side, seen] of times) {
      const began = performance.now();
      await update(side, String(round));
      seen.push((performance.now() - began) / 1000);
      console.log(`  ${side.name}: ${seen.at(-1)!.toFixed(1)}`);
    }
  const [ours, theirs] = [...times.values()].map(median);
  for (const side of times.keys()) await remove(side);
  const engines: number[] = [];
  for (let round = 0; round < ROUNDS; round++) engines.push(await alone(swarm.engines));
  console.log(
    `essaim ${ours!.toFixed(1)}, docker swarm ${theirs!.toFixed(1)}: ${(ours! / theirs!).toFixed(2)} x; engines alone ${median(engines).toFixed(1)}`,
  );
}

await create(essaim, ['-p', `${PORT}:${PORT}`], ['sh', '-c', SERVER]);
const addresses = await Promise.all(essaim.hosts.map((host) => essaim.lab.address(host)));
const urls = addresses.map((address) => `http://${address}:${PORT}/`);
for (const url of urls) await eventually(`${url} answers`, 30_000, () => fetch(url).then(({ ok }) => ok));
console.log(`${RATE} requests/s meanwhile\n${HEADER}`);
let failed = 0;
{
  await using load = new Load(essaim.lab, essaim.hosts[0]!, RATE, 'close', urls);
  const phase = await load.during('rolling update', () => update(essaim, 'under load'));
  console.log(lines(phase).join('\n'));
  failed = phase.failures.length;
}
await remove(essaim);
console.log(`${failed} failed where none may`);
if (failed > 0) process.exitCode = 1;
