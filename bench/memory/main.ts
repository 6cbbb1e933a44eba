/**
 * What a daemon takes when it has nothing to do: a worker's and the manager's of three lab hosts, before and after tasks were
 * made and removed, beside a bare Node; and how long a command takes to start. Beside another build in the same run:
 * BESIDE=FOLDER, a checkout with its packages. Memory is what the kernel says of the process (RSS; what it has for itself alone).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imagesTar } from '../../test/support/images.ts';
import { eventually, execute } from '../../test/support/lab.ts';
import { daemonFlags } from '../beside/daemon-flags.ts';
import { bareNode } from './bare.ts';
import { type Memory, memoryOf } from './resident.ts';

const IDLE_MS = Number(process.env.IDLE ?? 60) * 1_000;
const ROUNDS = Number(process.env.ROUNDS ?? 1);
/** Tasks that are made and removed, so many at a time. */
const CHURN = Number(process.env.CHURN ?? 200);
const AT_ONCE = 50;
const STARTS = Number(process.env.STARTS ?? 15);
const HOSTS = ['ma', 'mb', 'mc'] as const;
const [MANAGER, WORKER] = HOSTS;
const COMMANDS = [['--help'], ['machine', 'ls']];

interface Idle {
  readonly manager: Memory;
  readonly worker: Memory;
}

const here = fileURLToPath(new URL('../../', import.meta.url));
const builds = [here, ...(process.env.BESIDE ? [process.env.BESIDE] : [])];
const names = ['this build', 'beside'];

function row(...cells: ReadonlyArray<string | number>): void {
  console.log(`| ${cells.join(' | ')} |`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** The daemon of a lab host, as this system numbers it. */
function daemonOf(home: string, host: string): number {
  const data = join(home, 'machines', host, 'daemon');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (argv.includes('daemon') && argv.includes(data)) return Number(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`${host} has no daemon`);
}

/** A swarm of three hosts of that build: idle, and idle again after its tasks have come and gone. */
async function measure(build: string): Promise<{ before: Idle; after: Idle }> {
  const home = mkdtempSync('/var/tmp/essaim-');
  const env = { ...process.env, ESSAIM_HOME: home };
  const must = async (
    file: string,
    args: readonly string[],
    more: NodeJS.ProcessEnv = {},
  ): Promise<string> => {
    const { code, stdout, stderr } = await execute(file, args, { ...env, ...more });
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const machine = (...args: string[]): Promise<string> =>
    must(join(build, 'bin/essaim'), ['machine', ...args]);
  const docker = (host: string, ...args: string[]): Promise<string> =>
    must('docker', args, { DOCKER_HOST: `unix://${home}/machines/${host}/run/docker.sock` });
  const idle = async (): Promise<Idle> => {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    return { manager: memoryOf(daemonOf(home, MANAGER)), worker: memoryOf(daemonOf(home, WORKER)) };
  };
  try {
    await machine('create', '-d', 'lab', ...HOSTS);
    await machine('load', ...HOSTS, await imagesTar());
    const address = await machine('ip', MANAGER);
    await docker(MANAGER, 'swarm', 'init', '--advertise-addr', address);
    const token = await docker(MANAGER, 'swarm', 'join-token', '-q', 'worker');
    for (const host of HOSTS.slice(1))
      await docker(host, 'swarm', 'join', '--token', token, `${address}:2377`);
    const before = await idle();
    for (let made = 0; made < CHURN; made += AT_ONCE) {
      const replicas = Math.min(AT_ONCE, CHURN - made);
      await docker(
        ...([MANAGER, 'service', 'create', '--detach', '--no-resolve-image', '--name', 'churn'] as const),
        ...['--replicas', String(replicas), 'whoami:1'],
      );
      await eventually(
        'all of them run',
        120_000,
        async () =>
          (await docker(MANAGER, 'service', 'ls', '--format', '{{.Replicas}}')) === `${replicas}/${replicas}`,
      );
      await docker(MANAGER, 'service', 'rm', 'churn');
      await eventually('all of them are gone', 120_000, async () => {
        const left = await Promise.all(HOSTS.map((host) => docker(host, 'ps', '-aq')));
        return left.join('') === '';
      });
    }
    return { before, after: CHURN > 0 ? await idle() : before };
  } finally {
    const left = (await machine('ls', '-q')).split('\n').filter((name) => name !== '');
    if (left.length > 0) await machine('rm', '-f', ...left);
    rmSync(home, { recursive: true, force: true });
  }
}

const shown = ({ rss, own }: Memory): string => `${rss.toFixed(0)} (${own.toFixed(0)})`;

const found = builds.map(() => [] as Array<{ before: Idle; after: Idle }>);
for (let round = 0; round < ROUNDS; round++)
  for (const [i, build] of builds.entries()) found[i]!.push(await measure(build));

console.log(
  `MB resident (its own alone), idle for ${IDLE_MS / 1_000} s; ${CHURN} tasks made and removed between`,
);
row('', 'worker', 'manager of three', 'worker after tasks', 'manager after tasks');
row('---', '---', '---', '---', '---');
for (const [i, rounds] of found.entries())
  for (const { before, after } of rounds)
    row(names[i]!, ...[before.worker, before.manager, after.worker, after.manager].map(shown));
const bare = shown(await bareNode(daemonFlags(), IDLE_MS));
row('a bare Node with such a connection and socket', bare, '', '', '');
const rss = (i: number, of: keyof Idle): number => median(found[i]!.map(({ before }) => before[of].rss));
if (builds.length > 1)
  row('ratio', ...(['worker', 'manager'] as const).map((of) => (rss(0, of) / rss(1, of)).toFixed(2)), '', '');

console.log(`\nms from start to end of a command, median of ${STARTS} in turn`);
row('', ...COMMANDS.map((command) => command.join(' ')));
row('---', ...COMMANDS.map(() => '---'));
const home = mkdtempSync('/var/tmp/essaim-');
const times = COMMANDS.map((command) => {
  const taken = builds.map(() => [] as number[]);
  for (let i = -1; i < STARTS; i++)
    for (const [b, build] of builds.entries()) {
      const started = performance.now();
      execFileSync(join(build, 'bin/essaim'), command, { env: { ...process.env, ESSAIM_HOME: home } });
      // The first one may have to compile.
      if (i >= 0) taken[b]!.push(performance.now() - started);
    }
  return taken.map(median);
});
rmSync(home, { recursive: true });
for (const i of builds.keys()) row(names[i]!, ...times.map((taken) => taken[i]!.toFixed(0)));
if (builds.length > 1) row('ratio', ...times.map(([mine, other]) => (mine! / other!).toFixed(2)));
