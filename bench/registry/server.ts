/**
 * A registry of 100 hosts with 100 containers each, in a process of its own. Told over its channel to start or stop a container
 * besides, it does so and says when (ms since the epoch).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SimulatedEngine } from '../../src/classic/testing/simulated-engine.ts';
import { TestRegistry } from '../../src/registry/testing/registry.ts';

const HOSTS = 100;
const [services, instances] = [Number(process.argv[2]), Number(process.argv[3])];

const engines = new Map<string, SimulatedEngine>();
for (let i = 0; i < HOSTS; i++) engines.set(`host${i}`, new SimulatedEngine(`host${i}`));
const hosts = [...engines.values()];
for (let i = 0; i < instances; i++) await run(hosts[i % HOSTS]!, `c${i}`, i % services);

async function run(engine: SimulatedEngine, name: string, service: number): Promise<string> {
  const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: String(10_000 + (service % 50_000)) }] } };
  const Labels = { SERVICE_NAME: `service${service}`, SERVICE_TAGS: `blue,v${service % 10}`, app: 'bench' };
  const body = { Image: 'busybox', Labels, HostConfig };
  const { client } = engine;
  const { Id } = await client.json<{ Id: string }>('POST', '/containers/create', { query: { name }, body });
  await client.json('POST', `/containers/${Id}/start`);
  return Id;
}

const memory = async (): Promise<{ rss: number; heap: number }> => {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await delay(100);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
};

// The engines are in this process too: they are asked once for all that the registry will ask, so that what they take for it is
// not taken for the registry's.
for (const { client } of hosts) {
  const rows = await client.json<Array<{ Id: string }>>('GET', '/containers/json', { query: { all: 1 } });
  await Promise.all(rows.map(({ Id }) => client.json('GET', `/containers/${Id}/json`)));
}
const before = await memory();
const begun = performance.now();
const registry = await TestRegistry.start({ engines });
await registry.follower.known;
const took = performance.now() - begun;
const { topics } = registry.follower.catalog;
const at = (): number => performance.timeOrigin + performance.now();
let extra: { engine: SimulatedEngine; id: string } | undefined;

process.on(
  'message',
  async (asked: { kind: 'change'; service: number } | { kind: 'state' } | { kind: 'end' }) => {
    if (asked.kind === 'end') {
      await registry[Symbol.asyncDispose]();
      process.exit(0);
    }
    if (asked.kind === 'state') {
      process.send!({
        kind: 'state',
        waiting: topics.waiting,
        counts: registry.follower.catalog.counts,
        memory: await memory(),
      });
      return;
    }
    // By turns one more and one less.
    const time = at();
    if (extra) {
      await extra.engine.client.json('DELETE', `/containers/${extra.id}`, { query: { force: 1 } });
      extra = undefined;
    } else {
      const engine = hosts[asked.service % HOSTS]!;
      extra = { engine, id: await run(engine, `extra${time}`, asked.service) };
    }
    process.send!({ kind: 'changed', time });
  },
);
process.send!({ kind: 'ready', address: registry.address, before, took });
