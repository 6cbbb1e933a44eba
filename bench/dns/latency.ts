/**
 * How soon names follow what happens, on two lab hosts: from the time that a task's status says it runs, and from the
 * request that takes a task away, until the name server of each host answers accordingly. Hosts share one clock here.
 */

import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unixEngine } from '../../src/engine/client.ts';
import { eventually } from '../../test/support/lab.ts';
import { Swarm } from '../../test/support/swarm.ts';
import type { Change } from './watch.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 20);
const HOSTS = ['bla', 'blb'] as const;
const root = fileURLToPath(new URL('../../', import.meta.url));
/** What Node needs to run in a container. */
const FOLDERS = ['/usr', '/lib', '/lib64', root, realpathSync(`${root}node_modules`)];

interface Task {
  Status: { Timestamp: string; State: string };
  NetworksAttachments?: Array<{ Addresses: string[] }>;
}

await using swarm = await Swarm.on(...HOSTS);
await swarm.docker('network', 'create', '-d', 'overlay', 'app');
const create = ['service', 'create', '--detach', '--no-resolve-image', '--network', 'app', '--name'];
const mounts = FOLDERS.flatMap((path) => ['--mount', `type=bind,source=${path},target=${path},readonly`]);
const sleeper = ['busybox', 'sleep', '1000000'];
await swarm.docker(...create, 'web', '--stop-grace-period', '1s', ...sleeper);
await swarm.docker(...create, 'asker', '--mode', 'global', ...mounts, ...sleeper);
await swarm.converge('web', 1);
await swarm.converge('asker', 2);

const changes = new Map<string, Change[]>();
const watchers = await Promise.all(
  HOSTS.map(async (host) => {
    const [asker] = await swarm.containers(host, 'asker');
    const engine = 'docker -H unix:///run/engine.sock';
    const own = await swarm.lab.ssh(host, `${engine} inspect -f '{{index .HostConfig.Dns 0}}' ${asker}`);
    const program = `${root}node_modules/.bin/node ${root}bench/dns/watch.ts ${own} tasks.web`;
    const child = swarm.lab.spawn('ssh', host, `${engine} exec -i -e PATH=/bin:/usr/bin ${asker} ${program}`);
    const seen: Change[] = [];
    changes.set(host, seen);
    createInterface({ input: child.stdout! }).on('line', (line) => seen.push(JSON.parse(line) as Change));
    return child;
  }),
);
/** When each host's answers had or lost the address. */
async function seen(address: string, there: boolean, since: number): Promise<number[]> {
  return eventually(`${address} ${there ? 'comes' : 'goes'}`, 30_000, async () => {
    const found = HOSTS.map((host) =>
      changes.get(host)!.find((c) => c.address === address && c.there === there && c.at >= since),
    );
    return found.every((change) => change !== undefined) && found.map((change) => change!.at);
  });
}

const api = unixEngine(swarm.lab.socket(HOSTS[0]));
const came: number[] = [];
const went: number[] = [];
try {
  const tasks = () => api.json<Task[]>('GET', '/tasks', { query: { filters: { service: ['web'] } } });
  const running = async (count: number): Promise<Map<string, Task>> =>
    eventually(`${count} run`, 60_000, async () => {
      const list = (await tasks()).filter(({ Status }) => Status.State === 'running');
      const byAddress = list.map(
        (t) => [t.NetworksAttachments![0]!.Addresses[0]!.split('/')[0]!, t] as const,
      );
      return list.length === count && new Map(byAddress);
    });
  for (let round = 0; round < ROUNDS; round++) {
    const before = await running(1);
    const start = Date.now();
    await swarm.docker('service', 'scale', '--detach', 'web=2');
    const both = await running(2);
    const [address, task] = [...both].find(([candidate]) => !before.has(candidate))!;
    const times = await seen(address, true, start);
    came.push(...times.map((at) => at - Date.parse(task.Status.Timestamp)));
    const { ID, Version, Spec } = await api.json<{
      ID: string;
      Version: { Index: number };
      Spec: { Mode: object };
    }>('GET', '/services/web');
    const asked = Date.now();
    const body = { ...Spec, Mode: { Replicated: { Replicas: 1 } } };
    await api.json('POST', `/services/${ID}/update`, { query: { version: Version.Index }, body });
    const left = [...(await running(1)).keys()];
    const gone = [...both.keys()].find((candidate) => !left.includes(candidate))!;
    went.push(...(await seen(gone, false, asked)).map((at) => at - asked));
  }
} finally {
  api.close();
  for (const watcher of watchers) watcher.stdin!.end();
}
const line = (what: string, values: number[]): void => {
  values.sort((a, b) => a - b);
  const at = (share: number): string => values[Math.floor(values.length * share)]!.toFixed(0);
  console.log(
    `${what}: median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${values.at(-1)} ms (${values.length})`,
  );
};
line('task runs → its address is answered', came);
line('service scaled down → the address is not answered any more', went);
