/** How soon balancers follow: from a task's status RUNNING until its first answer through the published port of each host. */
import { createInterface } from 'node:readline';
import { unixEngine } from '../../src/engine/client.ts';
import { eventually } from '../../test/support/lab.ts';
import type { Swarm } from '../../test/support/swarm.ts';
import { MOUNTS, NODE } from '../traffic/load.ts';
import { PEER } from './ways.ts';

const CHANGES = Number(process.env.CHANGES ?? 20);
const PORT = 7003;

interface Task {
  Status: { State: string; Timestamp: string; ContainerStatus?: { ContainerID?: string } };
}

export async function measureSoon(swarm: Swarm): Promise<void> {
  const { lab, hosts } = swarm;
  await swarm.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', 'soon', '-p', `${PORT}:7000`],
    ...['--stop-grace-period', '1s', '-e', 'PATH=/bin:/usr/bin', ...MOUNTS],
    // Healthy is who listens: what runs but does not answer yet would be counted against the balancer.
    ...[
      '--health-cmd',
      'echo | nc 127.0.0.1 7000 | grep -q .',
      '--health-interval',
      '500ms',
      '--health-retries',
      '20',
    ],
    ...['busybox', NODE, PEER, 'serve', '7000'],
  );
  await swarm.converge('soon', 1);
  const api = unixEngine(lab.socket(swarm.manager));
  const seen = new Map<string, Map<string, number>>();
  const watchers = await Promise.all(
    hosts.map(async (host) => {
      const times = new Map<string, number>();
      seen.set(host, times);
      const child = lab.spawn('ssh', host, NODE, PEER, 'watch', await lab.address(host), String(PORT));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const [time, name] = line.split(' ') as [string, string];
        times.set(name, Number(time));
      });
      return child;
    }),
  );
  const took: number[] = [];
  try {
    const query = { filters: { service: ['soon'], 'desired-state': ['running'] } };
    const running = async (count: number): Promise<Task[]> =>
      eventually(`${count} run`, 120_000, async () => {
        const list = (await api.json<Task[]>('GET', '/tasks', { query })).filter(
          ({ Status }) => Status.State === 'running',
        );
        return list.length === count && list;
      });
    const nameOf = ({ Status }: Task): string => Status.ContainerStatus!.ContainerID!.slice(0, 12);
    for (let change = 0; change < CHANGES; change++) {
      const before = new Set((await running(1)).map(nameOf));
      await swarm.docker('service', 'scale', '--detach', 'soon=2');
      const added = (await running(2)).find((task) => !before.has(nameOf(task)))!;
      const times = await eventually('it answers at every host', 30_000, async () => {
        const all = hosts.map((host) => seen.get(host)!.get(nameOf(added)));
        return all.every((time) => time !== undefined) && (all as number[]);
      });
      took.push(...times.map((time) => time - Date.parse(added.Status.Timestamp)));
      await swarm.docker('service', 'scale', '--detach', 'soon=1');
    }
  } finally {
    api.close();
    for (const watcher of watchers) watcher.stdin!.end();
  }
  took.sort((a, b) => a - b);
  const at = (share: number): string => took[Math.floor(took.length * share)]!.toFixed(0);
  console.log(
    `a task is healthy → it answers through each host: median ${at(0.5)} ms, p99 ${at(0.99)} ms ` +
      `(${CHANGES} changes on ${hosts.length} hosts)`,
  );
  await swarm.docker('service', 'rm', 'soon');
}
