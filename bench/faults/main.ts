/**
 * Requests at a steady rate through the published port of a service while hosts, daemons and rules fail, from a host that
 * runs none of its tasks. After each fault every name, virtual address, published port and neighbour has to become right on
 * every host by itself, and then no request may fail any more. Meanwhile only those may that are on their way to what is
 * gone without warning, and only until that is noticed. At last 200 forced replacements, which may fail none.
 */
import { execute } from '../../test/support/lab.ts';
import { Swarm } from '../../test/support/swarm.ts';
import { HEADER, Load, lines, MOUNTS, program } from '../traffic/load.ts';
import { Truth } from '../traffic/truth.ts';

const RATE = Number(process.env.RATE ?? 200);
const REPLACEMENTS = Number(process.env.REPLACEMENTS ?? 200);
const ONLY = new RegExp(process.env.ONLY ?? '');
const AWAY_S = Number(process.env.AWAY_S ?? 60);
const REPLICAS = 6;
const PORT = 8080;
const CALM_MS = 5_000;
const PATIENCE = 120_000;
/** Everything of the swarm is told of a lost host within 2 s; a request that waits for it gives up after 5 s. */
const UNNOTICED_MS = 6_000;
/** The manager, two workers, and the one that asks. */
const [MANAGER, B, C, CLIENT] = ['bfa', 'bfb', 'bfc', 'bfd'] as const;
const HOSTS = [MANAGER, B, C, CLIENT] as const;

interface Fault {
  name: string;
  /** Hosts whose addresses are not asked: they are not there. */
  without: readonly string[];
  /** Requests sent that long after the begin may fail (ms). */
  allowed: number;
  /** The most of those that may, of 1. */
  share: number;
  happens(): Promise<unknown>;
}

await using swarm = await Swarm.on(...HOSTS);
const { lab } = swarm;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const kill = (host: string, part: 'essaim' | 'engine', signal: string): Promise<string> =>
  lab.ssh(host, `kill -${signal} $(cut -d" " -f1 /run/${part}.process)`);
const create = (...args: string[]): Promise<string> =>
  swarm.docker('service', 'create', '--detach', '--no-resolve-image', '-e', 'PATH=/bin:/usr/bin', ...args);

await swarm.docker('network', 'create', '-d', 'overlay', 'app');
await create(
  '--name',
  'asker',
  '--mode',
  'global',
  '--network',
  'app',
  ...MOUNTS,
  'busybox',
  'sleep',
  '1000000',
);
await create(
  ...[
    '--name',
    'web',
    '--network',
    'app',
    '-p',
    `${PORT}:${PORT}`,
    '--replicas',
    String(REPLICAS),
    ...MOUNTS,
  ],
  ...['--constraint', `node.hostname!=${CLIENT}`, '--restart-delay', '0s', '--update-parallelism', '2'],
  ...['--health-cmd', `wget -q -O /dev/null http://127.0.0.1:${PORT}/`, '--health-interval', '1s'],
  ...[
    '--health-retries',
    '10',
    '--update-monitor',
    '100ms',
    'busybox',
    ...program('server', String(PORT), 'finish'),
  ],
);
await swarm.converge('web', REPLICAS);
const addresses = new Map<string, string>();
for (const host of HOSTS) addresses.set(host, await lab.address(host));
using truth = new Truth(swarm, {
  service: 'web',
  replicas: REPLICAS,
  network: 'app',
  port: PORT,
  asker: 'asker',
});
await truth.until(PATIENCE);

/** Kills so many containers of the service on workers, as a crash would. */
async function crash(count: number): Promise<void> {
  const engine = async (host: string, ...args: string[]): Promise<string> =>
    (await execute('docker', ['-H', `unix://${lab.engineSocket(host)}`, ...args], process.env)).stdout;
  let left = count;
  for (const host of [B, C]) {
    const ids = (await engine(host, 'ps', '-q', '--filter', 'label=com.docker.swarm.service.name=web')).split(
      '\n',
    );
    const chosen = ids.filter(Boolean).slice(0, left);
    if (chosen.length > 0) await engine(host, 'kill', ...chosen);
    left -= chosen.length;
  }
  if (left > 0) throw new Error('too few containers run there');
}

/** A host goes, in order or at once, and comes back. */
async function off(how: 'stop' | 'kill', host: string): Promise<void> {
  await lab.must(how, host);
  await pause(8_000);
  await lab.must('start', host);
}

/** In order, and whatever else of the host does not run. */
async function restartEngine(host: string): Promise<void> {
  await lab.stopEngine(host);
  await lab.must('start', host);
}

const faults: Fault[] = [
  {
    name: 'a host is cut off for 15 s',
    ...{ without: [B], allowed: UNNOTICED_MS, share: 1 },
    async happens() {
      await lab.ssh(B, 'ip link set eth0 down');
      await pause(15_000);
      await lab.ssh(B, 'ip link set eth0 up');
    },
  },
  {
    name: 'a host is shut down in order, and started again',
    ...{ without: [B], allowed: 0, share: 0 },
    happens: () => off('stop', B),
  },
  {
    name: 'the manager is shut down in order, and started again',
    ...{ without: [MANAGER], allowed: 0, share: 0 },
    happens: () => off('stop', MANAGER),
  },
  {
    name: 'a host loses its power, and is started again',
    ...{ without: [B], allowed: UNNOTICED_MS, share: 1 },
    happens: () => off('kill', B),
  },
  {
    name: 'the engine is restarted on one host',
    ...{ without: [], allowed: 0, share: 0 },
    happens: () => restartEngine(B),
  },
  {
    name: 'daemon killed, engine restarted, on one host',
    // The engine ends all its containers, and nobody tells the manager: until it sees that the daemon is away.
    ...{ without: [B], allowed: 3_000, share: 0.6 },
    async happens() {
      await kill(B, 'essaim', 'KILL');
      await restartEngine(B);
    },
  },
  {
    name: `the manager is away for ${AWAY_S} s, two of six containers crash`,
    ...{ without: [], allowed: AWAY_S * 1000 + 20_000, share: 0.45 },
    async happens() {
      await kill(MANAGER, 'essaim', 'KILL');
      await crash(2);
      await pause(AWAY_S * 1000);
      await lab.must('start', MANAGER);
    },
  },
  {
    name: 'nft flush ruleset by hand on a host that is asked',
    ...{ without: [], allowed: 5_000, share: 1 },
    happens: () => lab.ssh(C, 'nft flush ruleset'),
  },
];

let wrong = 0;
const complain = (text: string): void => {
  wrong++;
  console.log(`  WRONG: ${text}`);
};
console.log(`${RATE} requests/s from ${CLIENT} to ${REPLICAS} replicas on the other three hosts\n${HEADER}`);
for (const { name, without, allowed, share, happens } of faults) {
  if (!ONLY.test(name)) continue;
  const asked = HOSTS.filter((host) => !without.includes(host));
  const urls = asked.map((host) => `http://${addresses.get(host)}:${PORT}/`);
  await using load = new Load(lab, CLIENT, RATE, 'close', urls);
  let right = 0;
  const during = await load.during(name, async () => {
    await happens();
    right = await truth.until(PATIENCE);
  });
  console.log(lines(during).join('\n'));
  console.log(`  all right on every host ${(right / 1000).toFixed(1)} s after it was over`);
  const late = during.failures.filter(({ atMs }) => atMs > allowed);
  if (late.length > 0)
    complain(`${late.length} failed that were sent later than ${allowed} ms after the fault`);
  const sent = (during.requests * Math.min(allowed, during.seconds * 1000)) / (during.seconds * 1000);
  if (during.failures.length > sent * share)
    complain('more have failed than were on the way to what was gone');
  const calm = await load.during('  afterwards', () => pause(CALM_MS));
  console.log(lines(calm).join('\n'));
  if (calm.failures.length > 0) complain('requests fail although all is over');
}

{
  const urls = [...addresses.values()].map((address) => `http://${address}:${PORT}/`);
  await using load = new Load(lab, CLIENT, RATE, 'close', urls);
  for (const host of HOSTS) await kill(host, 'essaim', 'USR2');
  const loop = await load.during(`${REPLACEMENTS} forced replacements`, async () => {
    for (let done = 0; done < REPLACEMENTS; done += REPLICAS)
      await swarm.docker('service', 'update', '--quiet', '--force', '--no-resolve-image', 'web');
    await truth.until(PATIENCE);
  });
  for (const host of HOSTS) await kill(host, 'essaim', 'USR2');
  console.log(lines(loop).join('\n'));
  if (loop.failures.length > 0) {
    complain('replacements have failed requests');
  }
  await pause(1_000);
  for (const host of HOSTS) {
    const line = (await lab.log(host, 'essaim'))
      .split('\n')
      .findLast((one) => one.includes('turns of the event loop'));
    const { busyMs, delayMs, delayP99Ms } = JSON.parse(line ?? '{}') as Record<string, number>;
    console.log(
      `  ${host}: a turn of the daemon's event loop took at most ${busyMs?.toFixed(0)} ms of processor time, ` +
        `${delayMs?.toFixed(0)} ms on the clock (p99 ${delayP99Ms?.toFixed(0)} ms)`,
    );
    if (!(busyMs! <= 50) && host !== MANAGER) complain('that is more than 50 ms');
  }
}
console.log(wrong === 0 ? '\nall as it should be' : `\n${wrong} things are not as they should be`);
if (wrong > 0) process.exitCode = 1;
