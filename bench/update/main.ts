/**
 * Requests at a steady rate through the published port of a service while it is updated, rolled back and scaled down,
 * from a host that runs none of its tasks, to every host's address in turn. The peer: the same requests with no change.
 * What a request has to do to count: be answered with 200 within 5 s, in one try.
 */
import { eventually } from '../../test/support/lab.ts';
import { Swarm } from '../../test/support/swarm.ts';
import { HEADER, Load, lines, MOUNTS, program } from '../traffic/load.ts';

const RATE = Number(process.env.RATE ?? 1_000);
const REPLICAS = 4;
const QUIET_MS = 10_000;
const HOSTS = ['bua', 'bub', 'buc'] as const;
const CLIENT = 'bud';
const PORT = 8080;
const WAYS = [
  { how: 'close', server: 'finish', goal: true },
  { how: 'close', server: 'exit', goal: true },
  { how: 'keep', server: 'finish', goal: true },
  // Whoever exits with connections open cuts off what is on them: no goal, but to be known.
  { how: 'keep', server: 'exit', goal: false },
] as const;

await using swarm = await Swarm.on(...HOSTS, CLIENT);
await swarm.docker('node', 'update', '--availability', 'drain', CLIENT);
const addresses = await Promise.all([...HOSTS, CLIENT].map((host) => swarm.lab.address(host)));
const urls = addresses.map((address) => `http://${address}:${PORT}/`);
let failed = 0;

async function answering(): Promise<void> {
  for (const url of urls)
    await eventually(`${url} answers`, 30_000, () =>
      fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(2_000) }).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
}

console.log(`${RATE} requests/s from ${CLIENT}, which runs no task, to ${REPLICAS} replicas on three hosts`);
for (const { how, server, goal } of WAYS) {
  const check = `wget -q -O /dev/null http://127.0.0.1:${PORT}/`;
  await swarm.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', 'web', '-p', `${PORT}:${PORT}`],
    ...['--replicas', String(REPLICAS), '-e', 'PATH=/bin:/usr/bin', ...MOUNTS],
    ...['--health-cmd', check, '--health-interval', '1s', '--health-retries', '5'],
    ...['--update-monitor', '1s', '--rollback-monitor', '1s'],
    ...['busybox', ...program('server', String(PORT), server)],
  );
  await swarm.converge('web', REPLICAS);
  await answering();
  const title = `connections ${how === 'keep' ? 'kept' : 'closed'}, server ${server === 'exit' ? 'exits at once' : 'finishes'}`;
  console.log(`\n${title}${goal ? ' (goal: none fails)' : ''}\n${HEADER}`);
  await using load = new Load(swarm.lab, CLIENT, RATE, how, urls);
  const update = (...args: string[]) =>
    swarm.docker('service', 'update', '--quiet', '--no-resolve-image', ...args, 'web');
  const phases: Array<[string, () => Promise<unknown>]> = [
    ['no change', () => new Promise((resolve) => setTimeout(resolve, QUIET_MS))],
    ['rolling update, one by one, stop-first', () => update('--env-add', 'A=1')],
    ['roll-back', () => swarm.docker('service', 'rollback', '--quiet', 'web')],
    [
      'rolling update, two by two, start-first',
      () => update('--env-add', 'A=2', '--update-parallelism', '2', '--update-order', 'start-first'),
    ],
    [
      'scale-down from 4 to 1',
      async () => {
        await swarm.docker('service', 'scale', '--detach', 'web=1');
        await eventually('three are gone', 60_000, async () => {
          const left = await Promise.all(HOSTS.map((host) => swarm.containers(host, 'web')));
          return left.flat().length === 1;
        });
      },
    ],
  ];
  for (const [name, work] of phases) {
    const phase = await load.during(name, work);
    console.log(lines(phase).join('\n'));
    if (goal) failed += phase.failures.length;
  }
  await swarm.docker('service', 'rm', 'web');
  await eventually('the service is gone', 60_000, async () => {
    const left = await Promise.all(HOSTS.map((host) => swarm.containers(host, 'web')));
    return left.flat().length === 0;
  });
}
console.log(`\n${failed} failed where none may`);
if (failed > 0) process.exitCode = 1;
