/**
 * Under a loop of creates, scales and removes the manager daemon is killed with -9 ten times and a worker loses its
 * power. Afterwards the declared state is what was acknowledged, exactly, and every service runs as declared.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineClient, unixEngine } from '../../src/engine/client.ts';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const KILLS = 10;
const MOST_SERVICES = 6;

/** Replicas a service may have now: one value once acknowledged, more while an answer was lost. undefined: none. */
type Belief = Set<number | undefined>;

interface Service {
  ID: string;
  Version: { Index: number };
  Spec: { Name: string; Mode: { Replicated: { Replicas: number } } };
}

test('nothing acknowledged is lost by kills and a power cut', { timeout: 300_000 }, async () => {
  await using swarm = await Swarm.on('fa', 'fb', 'fc');
  const api = unixEngine(swarm.lab.socket('fa'));
  const beliefs = new Map<string, Belief>();
  const counts = { acknowledged: 0, unanswered: 0 };
  const stop = new AbortController();
  try {
    const writing = write(api, beliefs, counts, stop.signal);
    for (let kill = 0; kill < KILLS; kill++) {
      const target = counts.acknowledged + 5 + kill;
      await eventually(
        'writes go on',
        60_000,
        async () => counts.acknowledged >= target,
        () => swarm.explain(),
      );
      await swarm.lab.ssh('fa', 'kill -9 $(cut -d" " -f1 /run/essaim.process)');
      if (kill === KILLS / 2) await swarm.lab.must('kill', 'fc');
      await swarm.lab.must('start', 'fa');
    }
    stop.abort();
    await writing;
    console.log(`${counts.acknowledged} writes acknowledged, ${counts.unanswered} without an answer`);

    const services = await api.json<Service[]>('GET', '/services');
    const declared = new Map(services.map(({ Spec }) => [Spec.Name, Spec.Mode.Replicated.Replicas]));
    for (const [name, belief] of beliefs)
      assert.ok(
        belief.has(declared.get(name)),
        `${name}: ${declared.get(name)}, not ${[...belief].join(' or ')}`,
      );
    for (const name of declared.keys()) assert.ok(beliefs.has(name), `nobody created ${name}`);

    await swarm.nodeBecomes('fc', 'Down', 60_000);
    for (const [name, replicas] of declared) await swarm.converge(name, replicas, 60_000);
    await swarm.lab.must('start', 'fc');
    await swarm.nodeBecomes('fc', 'Ready', 30_000);
    await eventually(
      'as many containers as declared, none doubled',
      30_000,
      async () => {
        const names = await Promise.all(
          swarm.hosts.map((host) => swarm.lab.docker(host, 'ps', '--format', '{{.Names}}')),
        );
        const slots = names
          .join('\n')
          .split('\n')
          .filter(Boolean)
          .map((name) => name.split('.').slice(0, 2).join('.'));
        const wanted = [...declared].flatMap(([name, n]) =>
          Array.from({ length: n }, (_, i) => `${name}.${i + 1}`),
        );
        return slots.length === wanted.length && new Set(slots).size === wanted.length;
      },
      () => swarm.explain(),
    );
  } finally {
    stop.abort();
    api.close();
  }
});

/** Writes at random until aborted. What an answer is lost for may have happened or not; that is looked up next. */
async function write(
  api: EngineClient,
  beliefs: Map<string, Belief>,
  counts: { acknowledged: number; unanswered: number },
  signal: AbortSignal,
): Promise<void> {
  let serial = 0;
  while (!signal.aborted) {
    const known = [...beliefs].flatMap(([name, belief]) =>
      belief.size === 1 && !belief.has(undefined) ? [name] : [],
    );
    const choice = serial++ % 3;
    try {
      if (known.length === 0 || (choice === 0 && known.length < MOST_SERVICES)) {
        const name = `s${serial}`;
        beliefs.set(name, new Set([undefined, 1]));
        await send(api, 'POST', '/services/create', spec(name, 1));
        beliefs.set(name, new Set([1]));
      } else {
        const name = known[serial % known.length]!;
        const service = await api.json<Service>('GET', `/services/${name}`);
        const before = service.Spec.Mode.Replicated.Replicas;
        if (choice === 1) {
          beliefs.set(name, new Set([before, undefined]));
          await send(api, 'DELETE', `/services/${service.ID}`);
          beliefs.set(name, new Set([undefined]));
        } else {
          const wanted = (before % 4) + 1;
          beliefs.set(name, new Set([before, wanted]));
          await send(
            api,
            'POST',
            `/services/${service.ID}/update?version=${service.Version.Index}`,
            spec(name, wanted),
          );
          beliefs.set(name, new Set([wanted]));
        }
      }
      counts.acknowledged++;
    } catch {
      counts.unanswered++;
      // The daemon is away: whatever was under way stays open until it can be looked up.
      await settle(api, beliefs, signal);
    }
  }
}

/** Waits for the daemon and settles what was left open: from here on it must stay as it is found. */
async function settle(api: EngineClient, beliefs: Map<string, Belief>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      const services = await api.json<Service[]>('GET', '/services');
      const declared = new Map(services.map(({ Spec }) => [Spec.Name, Spec.Mode.Replicated.Replicas]));
      for (const [name, belief] of beliefs) {
        assert.ok(
          belief.has(declared.get(name)),
          `${name}: ${declared.get(name)}, not ${[...belief].join(' or ')}`,
        );
        beliefs.set(name, new Set([declared.get(name)]));
      }
      return;
    } catch (error) {
      if (error instanceof assert.AssertionError || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function send(api: EngineClient, method: string, path: string, body?: unknown): Promise<void> {
  const { status, body: answer } = await api.request(method, path, { body });
  answer.resume();
  if (status >= 300) throw new Error(`${method} ${path}: ${status}`);
}

function spec(name: string, replicas: number): unknown {
  return {
    Name: name,
    TaskTemplate: { ContainerSpec: { Image: 'whoami:latest' } },
    Mode: { Replicated: { Replicas: replicas } },
  };
}
