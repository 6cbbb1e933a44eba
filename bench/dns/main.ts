/**
 * Questions for names per second and their latency, in turn in one run on one lab host: a container's name on a plain
 * bridge network (Docker's embedded server alone), a service's name on an overlay asked in the same way (the embedded
 * server passes it on to Essaim's), and asked of Essaim's server directly. The same client asks in a container each time.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execute } from '../../test/support/lab.ts';
import { Swarm } from '../../test/support/swarm.ts';
import type { Result } from './client.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MILLISECONDS = Number(process.env.MILLISECONDS ?? 3_000);
const CONCURRENCY = (process.env.CONCURRENCY ?? '1,16').split(',').map(Number);
const HOST = 'bn';
const EMBEDDED = '127.0.0.11';
const root = fileURLToPath(new URL('../../', import.meta.url));
/** What Node needs to run in a container. */
const FOLDERS = ['/usr', '/lib', '/lib64', root, realpathSync(`${root}node_modules`)];

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

await using swarm = await Swarm.on(HOST);
const engine = async (...args: string[]): Promise<string> => {
  const socket = `unix://${swarm.lab.engineSocket(HOST)}`;
  const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const sleeper = ['busybox', 'sleep', '1000000'];
await engine('network', 'create', 'plain');
await engine('run', '-d', '--network', 'plain', '--name', 'target', ...sleeper);
const volumes = FOLDERS.flatMap((path) => ['-v', `${path}:${path}:ro`]);
await engine('run', '-d', '--network', 'plain', '--name', 'plain-asker', ...volumes, ...sleeper);
await swarm.docker('network', 'create', '-d', 'overlay', 'app');
const create = ['service', 'create', '--detach', '--no-resolve-image', '--network', 'app', '--name'];
const mounts = FOLDERS.flatMap((path) => ['--mount', `type=bind,source=${path},target=${path},readonly`]);
await swarm.docker(...create, 'web', '--replicas', '3', ...sleeper);
await swarm.docker(...create, 'asker', ...mounts, ...sleeper);
await swarm.converge('web', 3);
await swarm.converge('asker', 1);
const [asker] = await swarm.containers(HOST, 'asker');
const [own] = JSON.parse(await engine('inspect', '-f', '{{json .HostConfig.Dns}}', asker!)) as string[];

const ways = [
  { what: 'bridge, embedded server', container: 'plain-asker', server: EMBEDDED, name: 'target' },
  { what: 'overlay, through embedded server', container: asker!, server: EMBEDDED, name: 'web' },
  { what: 'overlay, asked directly', container: asker!, server: own!, name: 'web' },
  { what: 'overlay, asked directly, tasks.web', container: asker!, server: own!, name: 'tasks.web' },
];
console.log(`medians of ${ROUNDS} rounds of ${MILLISECONDS} ms; ratios to the first line`);
for (const concurrency of CONCURRENCY) {
  const results = ways.map((): Result[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, { container, server, name }] of ways.entries()) {
      const program = [`${root}node_modules/.bin/node`, `${root}bench/dns/client.ts`];
      const args = [server, name, String(MILLISECONDS), String(concurrency)];
      const text = await engine('exec', '-e', 'PATH=/bin:/usr/bin', container, ...program, ...args);
      results[index]!.push(JSON.parse(text) as Result);
    }
  console.log(`\n${concurrency} at once`.padEnd(37), 'per second  p50 ms  p99 ms  lost   rate    p99');
  const first = results[0]!;
  for (const [index, { what }] of ways.entries()) {
    const of = (key: keyof Result, list = results[index]!): number =>
      median(list.map((result) => result[key]));
    const cells = [
      what.padEnd(36),
      of('perSecond').toFixed(0).padStart(10),
      of('p50').toFixed(2).padStart(7),
      of('p99').toFixed(2).padStart(7),
      of('lost').toFixed(0).padStart(5),
      (of('perSecond') / of('perSecond', first)).toFixed(2).padStart(6),
      (of('p99') / of('p99', first)).toFixed(2).padStart(6),
    ];
    console.log(cells.join(' '));
  }
}
