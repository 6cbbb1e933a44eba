/**
 * How long from `service create` until all replicas run: Essaim, Docker Swarm on engines of the same kind, and the
 * engines alone (parallel `create` and `start`, nothing on top), in turn in one run on three lab hosts each.
 */
import { type EngineClient, unixEngine } from '../../src/engine/client.ts';
import { Lab } from '../../test/support/lab.ts';

const SIZES = (process.env.REPLICAS ?? '3,30,150').split(',').map(Number);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const IMAGE = 'busybox:latest';
const COMMAND = ['sleep', '1000000'];
const LOOK_EVERY_MS = 20;

interface Service {
  ID: string;
}
interface Task {
  Status: { State: string };
}

/** Creates a service, waits until all its tasks run, removes it and its containers. Returns the milliseconds it took. */
async function service(
  api: EngineClient,
  engines: readonly EngineClient[],
  replicas: number,
): Promise<number> {
  const started = performance.now();
  const { ID } = await api.json<Service>('POST', '/services/create', {
    body: {
      Name: `bench-${replicas}`,
      TaskTemplate: { ContainerSpec: { Image: IMAGE, Command: COMMAND, StopGracePeriod: 1 } },
      Mode: { Replicated: { Replicas: replicas } },
    },
  });
  const query = { filters: { service: [ID], 'desired-state': ['running'] } };
  await until(async () => {
    const tasks = await api.json<Task[]>('GET', '/tasks', { query });
    return tasks.filter(({ Status }) => Status.State === 'running').length === replicas;
  });
  const took = performance.now() - started;
  await api.request('DELETE', `/services/${ID}`).then(({ body }) => body.resume());
  await until(async () => (await containers(engines)) === 0);
  return took;
}

/** The same containers straight on the engines, all at once. */
async function alone(engines: readonly EngineClient[], replicas: number): Promise<number> {
  const started = performance.now();
  const ids = await Promise.all(
    Array.from({ length: replicas }, async (_, i) => {
      const engine = engines[i % engines.length]!;
      const body = { Image: IMAGE, Entrypoint: COMMAND, Cmd: [] };
      const { Id } = await engine.json<{ Id: string }>('POST', '/containers/create', { body });
      await empty(engine, 'POST', `/containers/${Id}/start`);
      return { engine, Id };
    }),
  );
  const took = performance.now() - started;
  await Promise.all(ids.map(({ engine, Id }) => empty(engine, 'DELETE', `/containers/${Id}?force=1&v=1`)));
  return took;
}

async function empty(engine: EngineClient, method: string, path: string): Promise<void> {
  const { status, body } = await engine.request(method, path);
  body.resume();
  if (status >= 300) throw new Error(`${method} ${path}: ${status}`);
}

async function containers(engines: readonly EngineClient[]): Promise<number> {
  const lists = await Promise.all(
    engines.map((engine) => engine.json<unknown[]>('GET', '/containers/json', { query: { all: 1 } })),
  );
  return lists.flat().length;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 180_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('not within three minutes');
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  await using essaim = await Lab.with('ea', 'eb', 'ec');
  await using swarm = await Lab.with('sa', 'sb', 'sc');
  const apis = ['ea', 'eb', 'ec'].map((name) => unixEngine(essaim.socket(name)));
  const engines = ['sa', 'sb', 'sc'].map((name) => unixEngine(swarm.engineSocket(name)));
  const under = ['ea', 'eb', 'ec'].map((name) => unixEngine(essaim.engineSocket(name)));
  const clients = [...apis, ...engines, ...under];
  try {
    for (const [lab, all, names] of [
      [essaim, apis, ['ea', 'eb', 'ec']],
      [swarm, engines, ['sa', 'sb', 'sc']],
    ] as const) {
      const ip = await lab.must('ip', names[0]);
      await all[0]!.json('POST', '/swarm/init', { body: { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: ip } });
      const { JoinTokens } = await all[0]!.json<{ JoinTokens: { Worker: string } }>('GET', '/swarm');
      for (const api of all.slice(1)) {
        const body = {
          ListenAddr: '0.0.0.0:2377',
          RemoteAddrs: [`${ip}:2377`],
          JoinToken: JoinTokens.Worker,
        };
        const { status, body: answer } = await api.request('POST', '/swarm/join', { body });
        answer.resume();
        if (status !== 200) throw new Error(`join: ${status}`);
      }
    }
    console.log(`create → all running, ms, median of ${ROUNDS}; three engines each, image ${IMAGE}`);
    console.log('replicas  essaim  docker swarm  engines alone  essaim/swarm  essaim/engines');
    for (const replicas of SIZES) {
      const times = { essaim: [] as number[], swarm: [] as number[], alone: [] as number[] };
      for (let round = 0; round < ROUNDS; round++) {
        times.essaim.push(await service(apis[0]!, under, replicas));
        times.swarm.push(await service(engines[0]!, engines, replicas));
        times.alone.push(await alone(engines, replicas));
      }
      const [e, s, a] = [median(times.essaim), median(times.swarm), median(times.alone)];
      const cells = [String(replicas).padStart(8), e.toFixed(0).padStart(7), s.toFixed(0).padStart(13)];
      cells.push(a.toFixed(0).padStart(14), (e / s).toFixed(2).padStart(13), (e / a).toFixed(2).padStart(15));
      console.log(cells.join(' '));
    }
  } finally {
    for (const client of clients) client.close();
  }
}

await main();
