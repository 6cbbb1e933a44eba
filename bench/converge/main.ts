/**
 * How long from `service create` until all replicas run: Essaim, Docker Swarm on engines of the same kind, and the
 * engines alone (parallel `create` and `start`, nothing on top), in turn in one run on three lab hosts each. Twice: plain
 * services, and ones on an overlay network with a published port, as most are; for those the engines alone have a network of
 * their own each, a bridge, and publish nothing: no orchestrator can ask less of them.
 */
import type { EngineClient } from '../../src/engine/client.ts';
import { removeAlone, startAll } from '../beside/alone.ts';
import { empty, median, Side, until } from '../beside/sides.ts';

const SIZES = (process.env.REPLICAS ?? '3,30,150').split(',').map(Number);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const KINDS = (process.env.KINDS ?? 'plain,network').split(',');
const IMAGE = 'busybox:latest';
const COMMAND = ['sleep', '1000000'];
const NETWORK = 'bench';
/** What the engines alone have in its place. */
const BRIDGE = 'bench-alone';

let port = 20_000;

/** Creates a service, waits until all its tasks run, removes it and its containers. Returns the milliseconds it took. */
async function service(side: Side, replicas: number, onNetwork: boolean): Promise<number> {
  const started = performance.now();
  const { ID } = await side.api.json<{ ID: string }>('POST', '/services/create', {
    body: {
      Name: `bench-${replicas}`,
      TaskTemplate: {
        ContainerSpec: { Image: IMAGE, Command: COMMAND, StopGracePeriod: 1 },
        ...(onNetwork && { Networks: [{ Target: NETWORK }] }),
      },
      Mode: { Replicated: { Replicas: replicas } },
      ...(onNetwork && {
        EndpointSpec: { Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: port++ }] },
      }),
    },
  });
  await until('all run', async () => (await side.running(ID)) === replicas);
  const took = performance.now() - started;
  await empty(side.api, 'DELETE', `/services/${ID}`);
  await until('all are gone', async () => (await side.containers()) === 0);
  return took;
}

/** The same containers straight on the engines, all at once; on the network of that name, if one is given. */
async function alone(engines: readonly EngineClient[], replicas: number, network?: string): Promise<number> {
  const started = performance.now();
  const containers = await startAll(engines, replicas, { image: IMAGE, command: COMMAND, network });
  const took = performance.now() - started;
  await Promise.all(containers.map(removeAlone));
  return took;
}

async function main(): Promise<void> {
  await using essaim = await Side.essaim();
  await using swarm = await Side.dockerSwarm();
  console.log(`create → all running, ms, median of ${ROUNDS}; three engines each, image ${IMAGE}`);
  console.log('kind     replicas  essaim  docker swarm  engines alone  essaim/swarm  essaim/engines');
  for (const kind of KINDS) {
    const onNetwork = kind === 'network';
    if (onNetwork) {
      for (const { api } of [essaim, swarm])
        await api.json('POST', '/networks/create', { body: { Name: NETWORK, Driver: 'overlay' } });
      for (const engine of swarm.engines)
        await engine.json('POST', '/networks/create', { body: { Name: BRIDGE, Driver: 'bridge' } });
    }
    for (const replicas of SIZES) {
      const times = { essaim: [] as number[], swarm: [] as number[], alone: [] as number[] };
      for (let round = 0; round < ROUNDS; round++) {
        times.essaim.push(await service(essaim, replicas, onNetwork));
        times.swarm.push(await service(swarm, replicas, onNetwork));
        times.alone.push(await alone(swarm.engines, replicas, onNetwork ? BRIDGE : undefined));
      }
      const [e, s, a] = [median(times.essaim), median(times.swarm), median(times.alone)];
      const cells = [kind.padEnd(7), String(replicas).padStart(9), e.toFixed(0).padStart(7)];
      cells.push(s.toFixed(0).padStart(13), a.toFixed(0).padStart(14));
      cells.push((e / s).toFixed(2).padStart(13), (e / a).toFixed(2).padStart(15));
      console.log(cells.join(' '));
    }
  }
}

await main();
