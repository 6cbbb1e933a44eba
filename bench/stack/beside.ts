/**
 * One stack of many services, beside Docker Swarm on engines of the same kind, in turn in one run on three lab hosts each:
 * how long until the stock docker CLI has posted it, until all services run, and from `stack rm` until no host has a
 * container, no host a network of it, and the cluster none of its objects. And the same containers straight on the engines,
 * on a bridge of each: what is left when nobody orchestrates.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineClient } from '../../src/engine/client.ts';
import { startAll, stopAlone } from '../beside/alone.ts';
import { empty, median, Side, until } from '../beside/sides.ts';

const SERVICES = (process.env.SERVICES ?? '60').split(',').map(Number);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const COMMAND = ['sh', '-c', "trap 'exit 0' TERM; sleep 1000000 & wait"];
const STACK = 'bench';
const LOOK = { every: 100, patience: 1_200_000 };

/** All are in one network, as by default; every tenth has a secret and a config. */
function compose(count: number): string {
  const rich = { secrets: ['secret'], configs: ['config'] };
  const names = Array.from({ length: count }, (_, i) => i);
  const services = names.map((i) => [
    `s${i}`,
    { image: 'busybox', command: COMMAND, ...(i % 10 === 0 && rich) },
  ]);
  const file = { file: './content' };
  // JSON is YAML.
  return JSON.stringify({
    version: '3.8',
    services: Object.fromEntries(services),
    // The usual /24 has room for 250 addresses.
    networks: { default: { ipam: { config: [{ subnet: '10.200.0.0/16' }] } } },
    secrets: { secret: file },
    configs: { config: file },
  });
}

/** Nothing of the stack is left on any host, or in the cluster. */
async function gone(side: Side): Promise<boolean> {
  if ((await side.containers()) > 0) return false;
  for (const api of [...side.engines, side.api]) {
    const networks = await api.json<Array<{ Name: string }>>('GET', '/networks');
    if (networks.some(({ Name }) => Name.startsWith(`${STACK}_`))) return false;
  }
  const lists = await Promise.all(
    ['services', 'secrets', 'configs'].map((what) => side.api.json<unknown[]>('GET', `/${what}`)),
  );
  return lists.flat().length === 0;
}

/** Milliseconds. */
interface Times {
  posted: number;
  running: number;
  gone: number;
}

async function round(side: Side, file: string, services: number): Promise<Times> {
  const began = performance.now();
  await side.docker('stack', 'deploy', '--detach', '--resolve-image', 'never', '-c', file, STACK);
  const posted = performance.now() - began;
  await until('all services run', async () => (await side.running()) === services, LOOK);
  const running = performance.now() - began;
  const ended = performance.now();
  await side.docker('stack', 'rm', STACK);
  await until('nothing is left', () => gone(side), LOOK);
  return { posted, running, gone: performance.now() - ended };
}

/** The containers of as many services, all at once. */
async function alone(engines: readonly EngineClient[], services: number): Promise<Times> {
  const network = `${STACK}-alone`;
  const began = performance.now();
  for (const engine of engines) await engine.json('POST', '/networks/create', { body: { Name: network } });
  const containers = await startAll(engines, services, { image: 'busybox', command: COMMAND, network });
  const ended = performance.now();
  await Promise.all(containers.map(stopAlone));
  for (const engine of engines) await empty(engine, 'DELETE', `/networks/${network}`);
  return { posted: 0, running: ended - began, gone: performance.now() - ended };
}

await using essaim = await Side.essaim();
await using swarm = await Side.dockerSwarm();
const folder = await mkdtemp('/var/tmp/essaim-stack-');
try {
  const file = join(folder, 'compose.yaml');
  await writeFile(join(folder, 'content'), 'content\n');
  console.log(
    `ms, medians of ${ROUNDS} rounds in turn: essaim, docker swarm, engines alone; essaim / docker swarm`,
  );
  for (const services of SERVICES) {
    await writeFile(file, compose(services));
    const ways: ReadonlyArray<[string, () => Promise<Times>]> = [
      ['essaim', () => round(essaim, file, services)],
      ['docker swarm', () => round(swarm, file, services)],
      ['engines alone', () => alone(swarm.engines, services)],
    ];
    const times: Times[][] = ways.map(() => []);
    for (let i = 0; i < ROUNDS; i++)
      for (const [index, [name, go]] of ways.entries()) {
        const took = await go();
        times[index]!.push(took);
        const texts = Object.entries(took).map(([what, ms]) => `${what} ${ms.toFixed(0)}`);
        console.log(`  ${services} services, ${name}: ${texts.join(', ')}`);
      }
    for (const what of ['posted', 'running', 'gone'] as const) {
      const medians = times.map((seen) => median(seen.map((each) => each[what])));
      const ratio = (medians[0]! / medians[1]!).toFixed(2);
      console.log(
        `${services} services ${what}: ${medians.map((ms) => ms.toFixed(0)).join(', ')}: ${ratio} x`,
      );
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
