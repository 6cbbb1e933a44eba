/** Containers of a cluster whose engines come, go and fail: on simulated engines, with looks every few milliseconds. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { eventually } from '../../test/support/lab.ts';
import type { Logger } from '../fleet/contract.ts';
import { Fleet } from '../fleet/fleet.ts';
import { systemClock } from '../model/clock.ts';
import { Cluster, type SwarmSide } from './cluster.ts';
import { createContainer } from './create.ts';
import type { Keepsake, KeepsakeStore } from './keepsakes.ts';
import { findContainer } from './lookup.ts';
import { Rescheduler } from './rescheduler.ts';
import { isRescheduled, SWARM_ID } from './rules/container-config.ts';
import { filtersNamed } from './rules/schedule.ts';
import { SimulatedEngine } from './testing/simulated-engine.ts';

const silent = (): void => undefined;
const log: Logger = { debug: silent, info: silent, warn: silent, error: silent };
const TIMING = { refreshMin: 20, refreshMax: 40, failureRetry: 3 };

class World {
  readonly engines: SimulatedEngine[];
  /** What a store has. */
  readonly kept = new Map<string, Keepsake>();
  storeFails = false;
  cluster!: Cluster;
  fleet!: Fleet;
  #over!: AbortController;
  #running!: Promise<void>;

  /** Containers whose places on a swarm's networks were taken away; absent: there is no swarm. */
  released: string[] | undefined;
  /** Whether it is this manager that makes anew what is lost. */
  leads = true;

  constructor(...names: string[]) {
    this.engines = names.map((name) => new SimulatedEngine(name));
    this.#start();
  }

  #start(): void {
    this.#over = new AbortController();
    this.fleet = new Fleet({
      timing: TIMING,
      clock: systemClock,
      random: Math.random,
      log,
      keeps: isRescheduled,
    });
    const scheduling = { strategy: 'spread', filters: filtersNamed([]) };
    this.cluster = new Cluster({
      fleet: this.fleet,
      scheduling,
      overcommit: 0,
      failureRetry: 3,
      random: Math.random,
      ...(this.released && { swarm: this.#swarm(this.released) }),
    });
    for (const engine of this.engines) this.join(engine);
    const stored = async (): Promise<void> => {
      if (this.storeFails) throw new Error('the store is away');
    };
    const store: KeepsakeStore = {
      all: () => stored().then(() => [...this.kept.values()]),
      put: (keepsake) => stored().then(() => void this.kept.set(keepsake.id, structuredClone(keepsake))),
      remove: (id) => stored().then(() => void this.kept.delete(id)),
    };
    const rescheduler = new Rescheduler({
      ...{ cluster: this.cluster, log, isPrimary: () => this.leads, store },
      isGone: (key) =>
        this.engine(key)
          .client.ping(AbortSignal.timeout(500))
          .then(
            () => false,
            () => true,
          ),
    });
    this.#running = rescheduler.run(this.#over.signal);
  }

  #swarm(released: string[]): SwarmSide {
    return {
      accepts: () => true,
      meshPorts: () => [],
      home: () => undefined,
      release: async (id) => void released.push(id),
      askLeader: async () => undefined,
    };
  }

  /** Another manager in place of this one. */
  async restart(): Promise<void> {
    await this.#end();
    this.#start();
  }

  engine(name: string): SimulatedEngine {
    return this.engines.find((engine) => engine.name === name)!;
  }

  join(engine: SimulatedEngine): void {
    const { name, client } = engine;
    this.fleet.add({
      key: name,
      address: `${name}:2375`,
      host: '127.0.0.1',
      engine: client,
      close: () => client.close(),
    });
  }

  status(name: string): string {
    return this.fleet.host(name)!.status;
  }

  async become(status: string, ...names: string[]): Promise<void> {
    await eventually(`${names} ${status}`, 5_000, async () =>
      names.every((name) => this.status(name) === status),
    );
  }

  /** Its id. */
  async run(name: string, ...env: string[]): Promise<string> {
    const body = { Image: 'busybox', Env: env };
    const { host, id } = await createContainer(this.cluster, { name, body }, { retries: 0, log });
    await host.engine.json('POST', `/containers/${id}/start`);
    await host.refreshContainer(id);
    return id;
  }

  /** Names of engines on which it runs. */
  where(name: string): string[] {
    return this.engines
      .filter(({ running }) => running.some((each) => each.name === name))
      .map((each) => each.name);
  }

  async #end(): Promise<void> {
    this.#over.abort();
    await this.fleet.close();
    await this.#running;
  }

  async close(): Promise<void> {
    await this.#end();
    for (const engine of this.engines) engine.cut();
  }
}

const MEANT = 'reschedule:on-node-failure';

describe('a cluster of simulated engines', { timeout: 60_000 }, () => {
  let world: World;
  afterEach(() => world.close());

  test('containers that are created at once have neither name twice nor more on a host than is fair', async () => {
    world = new World('a', 'b', 'c');
    await world.become('Healthy', 'a', 'b', 'c');
    const same = await Promise.allSettled(Array.from({ length: 10 }, () => world.run('same')));
    assert.equal(same.filter(({ status }) => status === 'fulfilled').length, 1);
    await Promise.all(Array.from({ length: 29 }, (_, i) => world.run(`c${i}`)));
    assert.deepEqual(
      world.engines.map(({ containers }) => containers.size),
      [10, 10, 10],
    );
    const listed = world.cluster
      .hosts()
      .flatMap((host) => [...host.containers.values()].map(({ name }) => name));
    assert.equal(listed.length, 30);
    assert.equal(new Set(listed).size, 30);
  });

  for (let seed = 1; seed <= 5; seed++) {
    test(`what is made counts from then on, whether its host can show it or not (seed ${seed})`, async () => {
      const random = generator(seed);
      world = new World('a', 'b', 'c');
      await world.become('Healthy', 'a', 'b', 'c');
      for (const engine of world.engines) engine.listsFail = () => random() < 0.7;
      const body = { Image: 'busybox', HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } };
      const create = (name: string, with80 = false): Promise<unknown> =>
        createContainer(
          world.cluster,
          { name, body: with80 ? body : { Image: 'busybox' } },
          { retries: 0, log },
        );
      for (let i = 0; i < 3; i++) await create(`port${i}`, true);
      await assert.rejects(create('port3', true), /\[port 80 \(Bridge mode\)\]/);
      await assert.rejects(create('port0'), /The name port0 is already assigned/);
      const counts = (): number[] => world.engines.map(({ containers }) => containers.size);
      for (let i = 0; i < 12; i++) {
        await create(`c${i}`);
        assert.ok(Math.max(...counts()) - Math.min(...counts()) <= 1, counts().join());
      }
      for (const engine of world.engines) engine.listsFail = () => false;
      const seen = (): number =>
        world.cluster.candidates().reduce((sum, { occupants }) => sum + occupants.length, 0);
      const shown = (): number => world.cluster.hosts().reduce((sum, host) => sum + host.containers.size, 0);
      await eventually('all are shown, and counted once', 5_000, async () => shown() === 15 && seen() === 15);
    });
  }

  test('a port is given once to a host, also while containers are being made', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    const body = { Image: 'busybox', HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } };
    const all = Array.from({ length: 5 }, () =>
      createContainer(world.cluster, { name: '', body }, { retries: 0, log }),
    );
    const done = await Promise.allSettled(all);
    assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 2);
    const refused = done.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    assert.match((refused.reason as Error).message, /\[port 80 \(Bridge mode\)\]/);
  });

  test('an image that one host alone has draws the container there', async () => {
    world = new World('a', 'b');
    world.engine('b').images.push('own:latest');
    await world.become('Healthy', 'a', 'b');
    for (let i = 0; i < 4; i++) {
      const { host } = await createContainer(
        world.cluster,
        { name: '', body: { Image: 'own' } },
        { retries: 0, log },
      );
      assert.equal(host.key, 'b');
    }
  });

  test('a network that hosts have by the same name, each its own, draws containers to one of them', async () => {
    world = new World('a', 'b', 'c');
    await world.become('Healthy', 'a', 'b', 'c');
    for (const name of ['a', 'c']) {
      const networks = [{ Id: `id-${name}`, Name: 'own', Scope: 'local', Driver: 'bridge', Labels: null }];
      world.engine(name).answers['/networks'] = networks;
      await world.fleet.host(name)!.refreshNetworks();
    }
    const hosts = [];
    for (let i = 0; i < 4; i++) {
      const body = { Image: 'busybox', HostConfig: { NetworkMode: 'own' } };
      const { host } = await createContainer(world.cluster, { name: `c${i}`, body }, { retries: 0, log });
      hosts.push(host.key);
    }
    assert.deepEqual(hosts.sort(), ['a', 'a', 'c', 'c']);
  });

  test('a lost host: what is to outlive it runs elsewhere, once, and only once when it is back', async () => {
    world = new World('a', 'b', 'c');
    await world.become('Healthy', 'a', 'b', 'c');
    const id = await world.run('moves', MEANT, 'constraint:node==~a');
    await world.run('stays', 'constraint:node==a');
    const swarmId = world.fleet.host('a')!.containers.get(id)!.labels[SWARM_ID];
    world.engine('a').kill();
    await eventually('it moves', 5_000, async () => world.where('moves').length === 1);
    const [to] = world.where('moves');
    assert.notEqual(to, 'a');
    const copy = [...world.fleet.host(to!)!.containers.values()].find(({ name }) => name === 'moves')!;
    assert.equal(copy.labels[SWARM_ID], swarmId);
    world.engine('a').back();
    await eventually('the old one goes', 5_000, async () => world.engine('a').removed.join() === 'moves');
    assert.deepEqual(world.where('moves'), [to]);
    assert.deepEqual(
      [...world.engine('a').containers.values()].map(({ name }) => name),
      ['stays'],
    );
  });

  test('what a host has ended because it was shut down runs elsewhere; what a client has ended, or itself, does not', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    for (const name of ['runs', 'stopped']) await world.run(name, MEANT, 'constraint:node==~a');
    const host = world.fleet.host('a')!;
    const record = (name: string) => [...host.containers.values()].find((each) => each.name === name)!;
    world.cluster.noteStop(record('stopped').id, Date.now());
    for (const name of ['stopped', 'runs']) world.engine('a').end(name);
    await eventually('both are seen to have ended', 5_000, async () =>
      ['runs', 'stopped'].every((name) => !record(name).state.Running),
    );
    world.engine('a').cut();
    const made = (): number => world.engine('b').containers.size;
    await eventually('both are made anew, one is started', 5_000, async () => {
      return made() === 2 && world.where('runs').join() === 'b';
    });
    assert.deepEqual(world.where('stopped'), []);
  });

  test('a request that has failed has the next container made elsewhere, and this one if it may be tried again', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    await world.run('first', 'constraint:node==b');
    world.engine('a').cut();
    const body = { Image: 'busybox' };
    const { host } = await createContainer(world.cluster, { name: '', body }, { retries: 1, log });
    assert.equal(host.key, 'b');
  });

  test('who else looks after a host may say that it is lost: it is asked, once', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    world.fleet.lose('a');
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(world.status('a'), 'Healthy');
    world.engine('b').cut();
    world.fleet.lose('b');
    await world.become('Unhealthy', 'b');
  });

  test('a host that was only cut off: its copy goes, the other one stays', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    await world.run('moves', MEANT, 'constraint:node==~a');
    world.engine('a').cut();
    await eventually('two run', 5_000, async () => world.where('moves').join() === 'a,b');
    world.engine('a').back();
    await eventually('one runs', 5_000, async () => world.where('moves').join() === 'b');
  });

  test('what is run of an image that was committed is no copy of the container that it was made of', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    const id = await world.run('first', MEANT, 'constraint:node==~a');
    world.engine('b').images.push('committed:latest');
    const Labels = world.fleet.host('a')!.containers.get(id)!.labels;
    const { client } = world.engine('b');
    await client.json('POST', '/containers/create', {
      query: { name: 'second' },
      body: { Image: 'committed', Labels },
    });
    await eventually('it is seen', 5_000, async () => world.fleet.host('b')!.containers.size === 1);
    await world.restart();
    await world.become('Healthy', 'a', 'b');
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([...world.engine('a').removed, ...world.engine('b').removed], []);
  });

  test('on a swarm the addresses of what is lost are given back before it is made anew', async () => {
    world = new World('a', 'b');
    world.released = [];
    await world.restart();
    await world.become('Healthy', 'a', 'b');
    const id = await world.run('moves', MEANT, 'constraint:node==~a');
    world.engine('a').kill();
    await eventually('it moves', 5_000, async () => world.where('moves').join() === 'b');
    assert.deepEqual(world.released, [id]);
  });

  test('an engine that is a member by two addresses keeps what it has', async () => {
    world = new World('a');
    await world.become('Healthy', 'a');
    await world.run('one', MEANT);
    const { client } = world.engine('a');
    const address = 'also-a:2375';
    world.fleet.add({ key: address, address, host: '127.0.0.1', engine: client, close: () => undefined });
    await world.become('Healthy', 'a', address);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(world.engine('a').removed, []);
    assert.equal(findContainer(world.cluster.hosts(), 'one')?.container.name, 'one');
  });

  test('a host that leaves the list of members while its engine answers is not dead', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    await world.run('moves', MEANT, 'constraint:node==~a');
    world.fleet.remove('a');
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(world.where('moves'), ['a']);
    world.join(world.engine('a'));
    await world.become('Healthy', 'a');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(world.where('moves'), ['a']);
    assert.deepEqual(world.engine('a').removed, []);
  });

  test('a manager that starts while a host is down makes anew what another one has remembered', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    for (const name of ['runs', 'stopped', 'removed', 'plain'])
      await world.run(name, ...(name === 'plain' ? [] : [MEANT]), 'constraint:node==~a');
    const ids = Object.fromEntries(
      [...world.fleet.host('a')!.containers.values()].map(({ name, id }) => [name, id]),
    );
    const engine = world.engine('a').client;
    await engine.json('POST', `/containers/${ids.stopped}/stop`);
    await engine.json('DELETE', `/containers/${ids.removed}`, { query: { force: '1' } });
    const kept = () =>
      [...world.kept.values()].map(({ container, running }) => `${container.Name} ${running}`);
    await eventually(
      'it is kept as it is',
      5_000,
      async () => kept().sort().join() === '/runs true,/stopped false',
    );
    world.engine('a').kill();
    await world.restart();
    const made = () => [...world.engine('b').containers.values()].map(({ name }) => name).sort();
    await eventually('they are made anew', 5_000, async () => made().join() === 'runs,stopped');
    await eventually('one is started', 5_000, async () => world.where('runs').join() === 'b');
    assert.deepEqual(world.where('stopped'), []);
    world.engine('a').back();
    // Of the one that does not run the first copy stays: nothing was done with the other one.
    const at = (name: string) =>
      [...world.engine(name).containers.values()]
        .map((each) => each.name)
        .sort()
        .join();
    const settled = async () => at('a') === 'plain,stopped' && at('b') === 'runs';
    await eventually('each is there once', 5_000, settled, async () => `${at('a')}; ${at('b')}`);
    const places = () => [...world.kept.values()].map(({ host, container }) => host.key + container.Name);
    await eventually(
      'and kept as it is now',
      8_000,
      async () => places().sort().join() === 'a/stopped,b/runs',
    );
    await world.restart();
    await world.become('Healthy', 'a', 'b');
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(await settled());
  });

  test('a manager that does not lead shows what another one has made anew where it is', async () => {
    world = new World('a', 'b');
    world.leads = false;
    await world.become('Healthy', 'a', 'b');
    const id = await world.run('moves', MEANT, 'constraint:node==~a');
    const record = world.fleet.host('a')!.containers.get(id)!;
    world.engine('a').kill();
    await world.become('Unhealthy', 'a');
    assert.ok(world.fleet.host('a')!.containers.has(id));
    const body = { Image: 'busybox', Labels: record.labels };
    await world.engine('b').client.json('POST', '/containers/create', { query: { name: 'moves' }, body });
    await eventually('it is known once', 8_000, async () =>
      world.cluster.hosts().every((host) => host.containers.size === (host.key === 'b' ? 1 : 0)),
    );
  });

  test('without its store a manager still makes anew what it has seen, and keeps it there later', async () => {
    world = new World('a', 'b');
    world.storeFails = true;
    await world.become('Healthy', 'a', 'b');
    await world.run('moves', MEANT, 'constraint:node==~a');
    world.engine('a').kill();
    await eventually('it moves', 5_000, async () => world.where('moves').join() === 'b');
    assert.equal(world.kept.size, 0);
    world.storeFails = false;
    await eventually('it is kept', 8_000, async () => [...world.kept.values()][0]?.host.key === 'b');
  });

  test('what cannot be made anew is tried again as soon as something has changed', async () => {
    world = new World('a', 'b', 'c');
    await world.become('Healthy', 'a', 'b', 'c');
    await world.run('moves', MEANT, 'constraint:node!=b', 'constraint:node==~a');
    world.engine('c').kill();
    await world.become('Unhealthy', 'c');
    world.engine('a').kill();
    await world.become('Unhealthy', 'a');
    assert.deepEqual(world.where('moves'), []);
    world.engine('c').back();
    await eventually('it runs on c', 8_000, async () => world.where('moves').join() === 'c');
  });

  test('an engine that refuses is tried again', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    await world.run('moves', MEANT, 'constraint:node==~a');
    world.engine('b').refusals = 1;
    world.engine('a').kill();
    await eventually('it moves', 12_000, async () => world.where('moves').join() === 'b');
  });

  test('what was made anew and could not be started is started as soon as it can be', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    await world.run('moves', MEANT, 'constraint:node==~a');
    world.engine('b').startRefusals = 2;
    world.engine('a').kill();
    await eventually('it is there', 5_000, async () => world.engine('b').containers.size === 1);
    await world.restart();
    await eventually('it runs', 12_000, async () => world.where('moves').join() === 'b');
  });

  test('a manager that is stopped does not wait for an engine that hangs', async () => {
    world = new World('a', 'b');
    await world.become('Healthy', 'a', 'b');
    await world.run('moves', MEANT, 'constraint:node==~a');
    world.engine('b').hang();
    world.engine('a').kill();
    await world.become('Unhealthy', 'a');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const began = performance.now();
    await world.restart();
    assert.ok(performance.now() - began < 1_000);
    world.engine('b').back();
    await eventually('it moves', 12_000, async () => world.where('moves').join() === 'b');
  });

  for (let seed = 1; seed <= 5; seed++) {
    test(`after any faults each runs once, and no only copy was removed (seed ${seed})`, async () => {
      const random = generator(seed);
      const names = ['a', 'b', 'c', 'd'];
      world = new World(...names);
      await world.become('Healthy', ...names);
      for (const engine of world.engines) engine.losesEvent = () => random() < 0.2;
      const containers = Array.from({ length: 6 }, (_, i) => `c${i}`);
      for (const name of containers) await world.run(name, MEANT);
      for (let step = 0; step < 8; step++) {
        const engine = world.engines[Math.floor(random() * names.length)]!;
        const up = names.filter((name) => world.status(name) === 'Healthy');
        if (world.status(engine.name) !== 'Healthy') engine.back();
        // One is always there, or nothing could be.
        else if (up.length > 1) {
          const faults = [() => engine.cut(), () => engine.kill(), () => engine.hang()];
          faults[Math.floor(random() * faults.length)]!();
        }
        await new Promise((resolve) => setTimeout(resolve, random() * 150));
      }
      for (const engine of world.engines) engine.back();
      await world.become('Healthy', ...names);
      const copies = (name: string): number =>
        world.engines
          .flatMap(({ containers }) => [...containers.values()])
          .filter((each) => each.name === name).length;
      await eventually(
        'each is there once',
        10_000,
        async () => containers.every((name) => copies(name) === 1),
        async () => containers.map((name) => `${name}: ${copies(name)}`).join(', '),
      );
    });
  }
});

/** A small generator of numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
