/**
 * One stack of many services with the stock docker CLI on three lab hosts: how long until all run, how long until a
 * `stack rm` has left nothing behind. Fails unless every host is as it was before: containers, volumes, networks, links,
 * network namespaces, nft tables, files of secrets; and unless a second stack gets the addresses and ports of the first.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../test/support/lab.ts';
import { Swarm } from '../../test/support/swarm.ts';

const SERVICES = Number(process.env.SERVICES ?? 500);
const HOSTS = ['sa', 'sb', 'sc'];
/** For each of the long steps (ms). */
const PATIENCE = 1_200_000;
const COMMAND = ['sh', '-c', "trap 'exit 0' TERM; sleep 1000000 & wait"];

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Every tenth service has files, an unnamed volume and a published port; all are in one network, as by default. */
function compose(): string {
  const services: Record<string, unknown> = {};
  for (let i = 0; i < SERVICES; i++) {
    const rich = {
      secrets: ['secret'],
      configs: ['config'],
      volumes: ['/unnamed'],
      ports: [`${20_000 + i}:80`],
    };
    services[`s${i}`] = { image: 'busybox', command: COMMAND, ...(i % 10 === 0 && rich) };
  }
  const file = { file: './content' };
  // JSON is YAML.
  return JSON.stringify({
    version: '3.8',
    services,
    // The usual /24 has room for 250 addresses.
    networks: { default: { ipam: { config: [{ subnet: '10.200.0.0/16' }] } } },
    secrets: { secret: file },
    configs: { config: file },
  });
}

/** But for what engines make at the first need, once and for all. */
const INVENTORY = `{
docker -H unix:///run/engine.sock ps -aq | sed 's/^/container /'
docker -H unix:///run/engine.sock volume ls -q | sed 's/^/volume /'
docker -H unix:///run/engine.sock network ls --format 'network {{.Name}}'
ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/link \\1/'
ip netns | sed -E 's/^([^ ]+).*/namespace \\1/'
nft list tables | grep essaim
find "$DATA/files" -type f 2>/dev/null
} | grep -v docker_gwbridge; true`;

await using swarm = await Swarm.on(...HOSTS);
const folder = await mkdtemp('/var/tmp/essaim-stack-');
try {
  const inventory = async (): Promise<Record<string, string[]>> => {
    const lists = await Promise.all(
      HOSTS.map(async (host) => {
        const data = join(swarm.lab.home, 'machines', host, 'daemon');
        const text = await swarm.lab.ssh(host, `DATA=${data}; ${INVENTORY}`);
        return [host, text.split('\n').filter(Boolean).sort()] as const;
      }),
    );
    return Object.fromEntries(lists);
  };
  const file = join(folder, 'compose.yaml');
  await writeFile(file, compose());
  await writeFile(join(folder, 'content'), 'content\n');
  const stack = async (name: string): Promise<void> => {
    const began = performance.now();
    await swarm.docker('stack', 'deploy', '--detach', '--resolve-image', 'never', '-c', file, name);
    const deployed = seconds(began);
    await eventually(
      'all services run',
      PATIENCE,
      async () => {
        const text = await swarm.docker('service', 'ls', '--format', '{{.Replicas}}');
        return text.split('\n').filter((replicas) => replicas === '1/1').length === SERVICES;
      },
      () => swarm.explain(),
    );
    console.log(`${SERVICES} services: deployed in ${deployed}, all run after ${seconds(began)}`);
  };
  const empty = await inventory();
  /** Nothing but what was there before; waits for it. */
  const nothingLeft = async (): Promise<void> => {
    let now = await inventory();
    await eventually(
      'nothing is left',
      PATIENCE,
      async () => {
        now = await inventory();
        return JSON.stringify(now) === JSON.stringify(empty);
      },
      async () =>
        HOSTS.map((host) => {
          const left = now[host]!.filter((line) => !empty[host]!.includes(line));
          const gone = empty[host]!.filter((line) => !now[host]!.includes(line));
          return `${host}: left ${left.slice(0, 20).join(', ')}; missing ${gone.join(', ')}`;
        }).join('\n'),
    );
  };
  for (const name of ['one', 'two']) {
    await stack(name);
    const began = performance.now();
    await swarm.docker('stack', 'rm', name);
    const asked = seconds(began);
    await nothingLeft();
    console.log(`removed in ${asked}, nothing left after ${seconds(began)}`);
    for (const what of ['service', 'secret', 'config'])
      assert.equal(await swarm.docker(what, 'ls', '-q'), '');
  }
} finally {
  await rm(folder, { recursive: true });
}
