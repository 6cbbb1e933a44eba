import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { eventually } from '../../test/support/lab.ts';
import { SimulatedEngine } from '../classic/testing/simulated-engine.ts';
import type { RequestOptions } from '../engine/client.ts';
import { openMemoryStore } from '../store/memory.ts';
import { meta, sampleNode, sampleService, sampleTask } from '../store/samples.ts';
import { statusOf } from './http/select.ts';
import { TestRegistry } from './testing/registry.ts';

const HOSTS = ['h1', 'h2', 'h3'];
const MESH = 9_000;

type Step =
  | { do: 'run'; host: number; port: number }
  | { do: 'task'; host: number }
  | { do: 'stop' | 'start' | 'remove' | 'leave'; which: number }
  | { do: 'cut' | 'down' | 'up'; host: number };

const host = fc.integer({ min: 0, max: HOSTS.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('run' as const), host, port: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('task' as const), host }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('stop' as const, 'start' as const, 'remove' as const, 'leave' as const),
      which: fc.nat(30),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'down' as const, 'up' as const), host }),
  },
);

/** Hosts with containers and tasks, and what a registry should say of them. */
class World {
  readonly registry: TestRegistry;
  #count = 0;

  constructor(registry: TestRegistry) {
    this.registry = registry;
  }

  engine(at: number): SimulatedEngine {
    return this.registry.engines.get(HOSTS[at]!)!;
  }

  async take(step: Step): Promise<void> {
    const number = ++this.#count;
    if (step.do === 'run') await this.#run(step.host, `c${number}`, {}, 8_000 + step.port * 100 + number);
    else if (step.do === 'task') await this.#task(step.host, `t${number}`);
    else if (step.do === 'cut') {
      this.engine(step.host).cut();
      this.engine(step.host).back();
    } else if ('host' in step) await this.#node(step.host, step.do);
    else await this.#change(step.do, step.which);
  }

  /** `id status`, as the engines and the store have it. */
  wanted(): string[] {
    const { view } = this.registry.store;
    return HOSTS.flatMap((name) => {
      const isDown = view.get('node', name)!.Status.State === 'down';
      return this.registry.engines.get(name)!.running.map((container) => {
        const labels = container.body.Labels as Record<string, string>;
        const taskId = labels['com.docker.swarm.task.id'];
        const leaves = taskId !== undefined && view.get('task', taskId)?.DesiredState !== 'running';
        return `${name}:${container.name}:80 ${isDown || leaves ? 'critical' : 'passing'}`;
      });
    }).sort();
  }

  found(): string[] {
    const { catalog } = this.registry.follower;
    return HOSTS.flatMap((name) => catalog.onHost(name).map((each) => `${each.id} ${statusOf(each)}`)).sort();
  }

  async #run(at: number, name: string, Labels: object, port?: number): Promise<void> {
    const engine = this.engine(at);
    const HostConfig = port ? { PortBindings: { '80/tcp': [{ HostPort: String(port) }] } } : {};
    const body = { Image: 'busybox', Labels, HostConfig };
    const { Id } = await call<{ Id: string }>(engine, 'POST', '/containers/create', {
      query: { name },
      body,
    });
    await call(engine, 'POST', `/containers/${Id}/start`);
  }

  async #task(at: number, name: string): Promise<void> {
    const { store } = this.registry;
    const service = store.view.get('service', 'mesh')!;
    const Status = { Timestamp: '', State: 'running' as const, Message: '', PortStatus: {} };
    const task = sampleTask(name, service, { NodeID: HOSTS[at]!, Status, DesiredState: 'running' });
    await store.commit({ changes: [{ op: 'put', kind: 'task', object: { ...task, ...meta(name) } }] });
    await this.#run(at, name, { 'com.docker.swarm.task.id': name, 'com.docker.swarm.service.name': 'mesh' });
  }

  async #node(at: number, what: 'down' | 'up'): Promise<void> {
    const { store } = this.registry;
    const node = store.view.get('node', HOSTS[at]!)!;
    const State = what === 'down' ? ('down' as const) : ('ready' as const);
    await store.commit({
      changes: [{ op: 'put', kind: 'node', object: { ...node, Status: { ...node.Status, State } } }],
    });
  }

  async #change(what: 'stop' | 'start' | 'remove' | 'leave', which: number): Promise<void> {
    const all = [...this.registry.engines.values()].flatMap((engine) =>
      [...engine.containers.values()].map((container) => ({ engine, container })),
    );
    const chosen = all[which % Math.max(1, all.length)];
    if (!chosen) return;
    const { engine, container } = chosen;
    if (what === 'remove')
      await call(engine, 'DELETE', `/containers/${container.id}`, { query: { force: 1 } });
    else if (what !== 'leave') await call(engine, 'POST', `/containers/${container.id}/${what}`);
    else {
      const { store } = this.registry;
      const task = store.view.get('task', container.name);
      if (task)
        await store.commit({
          changes: [{ op: 'put', kind: 'task', object: { ...task, DesiredState: 'shutdown' } }],
        });
    }
  }
}

/** Again on a new connection, if the one that was kept has been cut. */
function call<T>(
  engine: SimulatedEngine,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<T> {
  return engine.client
    .json<T>(method, path, options)
    .catch(() => engine.client.json<T>(method, path, options));
}

describe('the registry and what runs', { timeout: 110_000 }, () => {
  test('after any sequence of events it says what is so on all hosts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        await using registry = await TestRegistry.start({ hosts: HOSTS, control: false });
        const service = sampleService('mesh');
        const Ports = [
          { Protocol: 'tcp' as const, TargetPort: 80, PublishedPort: MESH, PublishMode: 'ingress' as const },
        ];
        const object = { ...service, Endpoint: { Spec: {}, Ports } };
        await registry.store.commit({ changes: [{ op: 'put', kind: 'service', object }] });
        await registry.follower.known;
        const world = new World(registry);
        for (const each of steps) await world.take(each);
        const isSo = async (): Promise<boolean> => world.found().join() === world.wanted().join();
        await eventually(
          'it is so',
          20_000,
          isSo,
          async () => `${world.found().join()}\n${world.wanted().join()}`,
        );
        assert.deepEqual(world.found(), world.wanted());
      }),
      { numRuns: 25 },
    );
  });

  test('a host that has just joined is asked again as soon as it is ready', async () => {
    const engines = new Map(['alpha', 'beta'].map((name) => [name, new SimulatedEngine(name)]));
    const beta = engines.get('beta')!;
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } };
    const body = { Image: 'busybox', HostConfig };
    const { Id } = await call<{ Id: string }>(beta, 'POST', '/containers/create', {
      query: { name: 'c' },
      body,
    });
    await call(beta, 'POST', `/containers/${Id}/start`);
    beta.cut();
    const store = openMemoryStore();
    const joining = { ...sampleNode('beta'), Status: { State: 'unknown' as const, Addr: '10.0.0.2' } };
    await store.commit({ changes: [{ op: 'put', kind: 'node', object: joining }] });
    // By this clock it is half a minute until a host that did not answer is asked again by itself.
    await using registry = await TestRegistry.start({ engines, store, control: false, speed: 0.1 });
    // Of those that are ready; the other one was asked in vain meanwhile.
    await registry.follower.known;
    beta.back();
    const object = {
      ...store.view.get('node', 'beta')!,
      Status: { State: 'ready' as const, Addr: '10.0.0.2' },
    };
    await store.commit({ changes: [{ op: 'put', kind: 'node', object }] });
    await eventually(
      'its container is there',
      10_000,
      async () => registry.follower.catalog.onHost('beta').length === 1,
    );
  });
});
