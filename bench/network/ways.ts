/** Bytes and connections a second through a virtual address and a published port, beside container to container. */
import { execute } from '../../test/support/lab.ts';
import type { Swarm } from '../../test/support/swarm.ts';
import { MOUNTS, NODE } from '../traffic/load.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MILLISECONDS = Number(process.env.MILLISECONDS ?? 2_000);
const PORT = 7000;
export const PEER = new URL('peer.ts', import.meta.url).pathname;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

interface Way {
  place: string;
  way: string;
  address: string;
  port: number;
  /** The container that asks. */
  asker: string;
}

/** Prints the table; takes two hosts, one for who asks and one for who is asked elsewhere. */
export async function measureWays(swarm: Swarm, here: string, there: string): Promise<void> {
  const { lab } = swarm;
  await swarm.docker('network', 'create', '-d', 'overlay', 'ways');
  const create = (name: string, host: string, ...args: string[]): Promise<string> =>
    swarm.docker(
      ...['service', 'create', '--detach', '--no-resolve-image', '--name', name, '--network', 'ways'],
      ...['--constraint', `node.hostname==${host}`, '-e', 'PATH=/bin:/usr/bin', ...MOUNTS, ...args],
    );
  const serve = ['busybox', NODE, PEER, 'serve', String(PORT)];
  await create('near', here, '-p', `7001:${PORT}`, ...serve);
  await create('far', there, '-p', `7002:${PORT}`, ...serve);
  // One for each way: who comes by another way from a port that it has just used for the same container is taken for late
  // packets of the connection before, and has to try again a second later.
  const askers = ['by-address', 'by-service', 'by-port'];
  for (const name of askers) await create(name, here, 'busybox', 'sleep', '1000000');
  for (const name of ['near', 'far', ...askers]) await swarm.converge(name, 1);
  const engine = async (host: string, ...args: string[]): Promise<string> => {
    const socket = `unix://${lab.engineSocket(host)}`;
    const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const container = async (host: string, service: string): Promise<string> =>
    engine(host, 'ps', '-q', '--filter', `label=com.docker.swarm.service.name=${service}`);
  const [byAddress, byService, byPort] = (await Promise.all(askers.map((name) => container(here, name)))) as [
    string,
    string,
    string,
  ];
  const address = await lab.must('ip', here);
  const ways: Way[] = [];
  for (const [place, service, host, port] of [
    ['same host', 'near', here, 7001],
    ['other host', 'far', there, 7002],
  ] as const) {
    const id = await container(host, service);
    const format = '{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{$n.IPAddress}},{{end}}';
    const networks = (await engine(host, 'inspect', '-f', format, id)).split(',');
    const direct = networks.find((one) => one.startsWith('ways '))!.split(' ')[1]!;
    const endpoints = '{{range .Endpoint.VirtualIPs}}{{.NetworkID}} {{.Addr}},{{end}}';
    const networkId = await swarm.docker('network', 'inspect', '-f', '{{.ID}}', 'ways');
    const vips = (await swarm.docker('service', 'inspect', '-f', endpoints, service)).split(',');
    const vip = vips
      .find((one) => one.startsWith(networkId))!
      .split(' ')[1]!
      .split('/')[0]!;
    ways.push({ place, way: 'container to container', address: direct, port: PORT, asker: byAddress });
    ways.push({ place, way: 'virtual address', address: vip, port: PORT, asker: byService });
    ways.push({ place, way: 'published port', address, port, asker: byPort });
  }
  const ask = async (mode: string, way: Way, ms: number): Promise<number> => {
    const args = [mode, way.address, String(way.port), String(ms)];
    return Number(await engine(here, 'exec', '-e', 'PATH=/bin:/usr/bin', way.asker, NODE, PEER, ...args));
  };
  const results = ways.map(() => ({ bytes: [] as number[], requests: [] as number[] }));
  for (const way of ways) await ask('requests', way, 200);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, way] of ways.entries())
      for (const mode of ['bytes', 'requests'] as const)
        results[index]![mode].push(await ask(mode, way, MILLISECONDS));
  console.log(
    `medians of ${ROUNDS} rounds of ${MILLISECONDS} ms; ratios to container to container at that place`,
  );
  console.log('place       way                      MB/s  ratio  connections/s  ratio');
  for (const [index, { place, way }] of ways.entries()) {
    const direct = results[index - (index % 3)]!;
    const own = results[index]!;
    const ratio = (mode: 'bytes' | 'requests'): string =>
      (median(own[mode]) / median(direct[mode])).toFixed(2).padStart(6);
    const rate = (median(own.bytes) / 1e6).toFixed(0).padStart(6);
    const connections = median(own.requests).toFixed(0).padStart(14);
    console.log(
      `${place.padEnd(11)} ${way.padEnd(22)} ${rate} ${ratio('bytes')} ${connections} ${ratio('requests')}`,
    );
  }
  await swarm.docker('service', 'rm', 'near', 'far', ...askers);
}
