/**
 * Bytes and connections a second through a virtual address and published ports, beside container to container at the same
 * distance: no wire between client and task, or one. Both ends are on one processor and one thing is done at a time, so that
 * what it takes is the processor time of the whole way, and the lower quartile that of those that nothing else disturbed.
 */
import { execute } from '../../test/support/lab.ts';
import type { Swarm } from '../../test/support/swarm.ts';
import { MOUNTS, NODE } from '../traffic/load.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MILLISECONDS = Number(process.env.MILLISECONDS ?? 1_000);
const PINNED = ['/usr/bin/taskset', '-c', '0'];
export const PEER = new URL('peer.ts', import.meta.url).pathname;
/**
 * Where the tasks listen, one for each way: who comes by another way from a port that it has just used for the same socket
 * is taken for late packets of the connection before, and has to try again a second later.
 */
const PORTS = { address: 7000, service: 7010, mesh: 7020, there: 7030, outside: 7040, sealed: 7050 };

const quartile = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 2]!;

interface Way {
  place: string;
  way: string;
  address: string;
  port: number;
  /** Who asks is the host itself, not a container on it. */
  byHost?: boolean;
}

/** Prints the table; takes two hosts, one for who asks and one for who is asked elsewhere. */
export async function measureWays(swarm: Swarm, here: string, there: string): Promise<void> {
  const { lab } = swarm;
  await swarm.docker('network', 'create', '-d', 'overlay', 'ways');
  await swarm.docker('network', 'create', '-d', 'overlay', '--opt', 'encrypted', 'sealed');
  const create = (name: string, host: string, ...args: string[]): Promise<string> =>
    swarm.docker(
      ...['service', 'create', '--detach', '--no-resolve-image', '--name', name, '--network', 'ways'],
      ...['--constraint', `node.hostname==${host}`, '-e', 'PATH=/bin:/usr/bin', ...MOUNTS, ...args],
    );
  const serve = ['busybox', ...PINNED, NODE, PEER, 'serve', ...Object.values(PORTS).map(String)];
  const publish = (offset: number): string[] =>
    [PORTS.mesh, PORTS.there, PORTS.outside].flatMap((port) => ['-p', `${port + offset}:${port}`]);
  await create('near', here, ...publish(1), ...serve);
  await create('far', there, '--network', 'sealed', ...publish(2), ...serve);
  await create('asker', here, '--network', 'sealed', 'busybox', 'sleep', '1000000');
  for (const name of ['near', 'far', 'asker']) await swarm.converge(name, 1);
  const engine = async (host: string, ...args: string[]): Promise<string> => {
    const socket = `unix://${lab.engineSocket(host)}`;
    const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const container = async (host: string, service: string): Promise<string> =>
    engine(host, 'ps', '-q', '--filter', `label=com.docker.swarm.service.name=${service}`);
  const asker = await container(here, 'asker');
  const [addressHere, addressThere] = [await lab.address(here), await lab.address(there)];
  const addresses = async (
    service: string,
    host: string,
    network = 'ways',
  ): Promise<{ direct: string; vip: string }> => {
    const networkId = await swarm.docker('network', 'inspect', '-f', '{{.ID}}', network);
    const format = '{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{$n.IPAddress}},{{end}}';
    const networks = (await engine(host, 'inspect', '-f', format, await container(host, service))).split(',');
    const endpoints = '{{range .Endpoint.VirtualIPs}}{{.NetworkID}} {{.Addr}},{{end}}';
    const vips = (await swarm.docker('service', 'inspect', '-f', endpoints, service)).split(',');
    const second = (list: string[], first: string): string =>
      list
        .find((one) => one.startsWith(first))!
        .split(' ')[1]!
        .split('/')[0]!;
    return { direct: second(networks, `${network} `), vip: second(vips, networkId) };
  };
  const near = await addresses('near', here);
  const far = await addresses('far', there);
  const sealed = await addresses('far', there, 'sealed');
  const [same, other] = ['same host', 'other host'];
  const ways: Way[] = [
    { place: same, way: 'container to container', address: near.direct, port: PORTS.address },
    { place: same, way: 'virtual address', address: near.vip, port: PORTS.service },
    { place: same, way: 'published port', address: addressHere, port: PORTS.mesh + 1 },
    { place: other, way: 'container to container', address: far.direct, port: PORTS.address },
    { place: other, way: 'virtual address', address: far.vip, port: PORTS.service },
    { place: other, way: 'the same, encrypted', address: sealed.vip, port: PORTS.sealed },
    { place: other, way: 'port of this host', address: addressHere, port: PORTS.mesh + 2 },
    { place: other, way: 'port of that host', address: addressThere, port: PORTS.there + 2 },
    // As a client outside of the cluster: a machine of its own, one wire away from the host that has the task.
    {
      ...{ place: other, way: 'the same, from no container' },
      ...{ address: addressThere, port: PORTS.outside + 2, byHost: true },
    },
  ];
  const ask = async (mode: string, { address, port, byHost }: Way, ms: number): Promise<number[]> => {
    const args = [...PINNED, NODE, PEER, mode, address, String(port), String(ms)];
    const output = byHost
      ? await lab.ssh(here, ...args)
      : await engine(here, 'exec', '-e', 'PATH=/bin:/usr/bin', asker, ...args);
    return JSON.parse(output) as number[];
  };
  const results = ways.map(() => ({ bytes: [] as number[], connections: [] as number[] }));
  for (const way of ways) await ask('connections', way, 200);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, way] of ways.entries())
      for (const mode of ['bytes', 'connections'] as const)
        results[index]![mode].push(...(await ask(mode, way, MILLISECONDS)));
  console.log(
    `lower quartiles, ${ROUNDS} rounds of ${MILLISECONDS} ms; ratios to container to container at that place`,
  );
  console.log('place       way                              MB/s  ratio  connections/s  ratio');
  for (const [index, { place, way }] of ways.entries()) {
    const direct = results[ways.findIndex((first) => first.place === place)]!;
    const own = results[index]!;
    const ratio = (mode: 'bytes' | 'connections'): string =>
      (quartile(direct[mode]) / quartile(own[mode])).toFixed(2).padStart(6);
    const rate = (1e6 / quartile(own.bytes)).toFixed(0).padStart(6);
    const connections = (1e6 / quartile(own.connections)).toFixed(0).padStart(14);
    console.log(
      `${place.padEnd(11)} ${way.padEnd(30)} ${rate} ${ratio('bytes')} ${connections} ${ratio('connections')}`,
    );
  }
  await swarm.docker('service', 'rm', 'near', 'far', 'asker');
}
