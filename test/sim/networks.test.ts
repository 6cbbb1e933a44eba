/**
 * Networks under random schedules: every address, port and identifier has one owner at each commit, a container is told
 * to stop only when no host within reach leads to it any more, and in peace each host's networks are what the store
 * says. SEEDS=n runs as many, from FROM (or 1).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsOf } from '../../src/control/allocator/claims.ts';
import { STOP_BOUND } from '../../src/control/networks/stop-gate.ts';
import { networkStateFor } from '../../src/control/networks/tables.ts';
import type { Network, Node, Task } from '../../src/model/objects.ts';
import type { ServiceSpec } from '../../src/model/spec.ts';
import { atLeast } from '../../src/model/task-state.ts';
import type { Commit, View } from '../../src/store/contract.ts';
import { mend } from './chaos.ts';
import type { Host } from './host.ts';
import { World } from './world.ts';

const { SEEDS = '40', FROM = '1' } = process.env;
const NAMES = ['a', 'b', 'c'];
const NETWORKS = ['net1', 'net2'];
/** A host that has been in order for so long (ms) has to be waited for. */
const SETTLED = 3_000;

for (let seed = Number(FROM); seed < Number(FROM) + Number(SEEDS); seed++) {
  test(`networks, seed ${seed}`, () => new Trial(seed).run());
}

class Trial {
  readonly #world: World;
  /** When tasks that took part were first wanted gone, milliseconds. */
  readonly #leaving = new Map<string, number>();
  /** When hosts were last taken out of networks, by both ids, milliseconds. */
  readonly #parted = new Map<string, number>();
  #managerSince = 0;

  constructor(seed: number) {
    this.#world = new World(seed);
    const { disk } = this.#world;
    const open = disk.open.bind(disk);
    disk.open = () => {
      const store = open();
      this.#managerSince = this.#world.clock.now();
      store.watch(store.view.revision, (commit) => this.#guard(() => this.#onCommit(commit, store.view)));
      return store;
    };
  }

  async run(): Promise<void> {
    const world = this.#world;
    await world.begin();
    for (const host of world.hosts) this.#listen(host);
    // The agents that were started before it was listened to them.
    for (const host of world.hosts) {
      host.kill();
      host.start();
    }
    world.startManager();
    const networks = ['ingress', ...NETWORKS].map(
      (id) => ({ op: 'put', kind: 'network', object: network(id) }) as const,
    );
    await world.store.commit({ changes: networks });
    await world.run(2000);
    const steps = world.random.int(15, 50);
    for (let i = 0; i < steps; i++) {
      world.log(`STEP ${i} ${await this.#step()}`);
      world.wellness.notice();
      await world.run(world.random.latency(world.random.pick([100, 1000, 4000])));
    }
    mend(world);
    await world.run(60_000);
    this.#checkHosts();
    for (const service of world.services()) await world.user.remove(service);
    await world.run(120_000);
    const left = [...claims(world.view).keys()];
    const fixed = ['ingress', ...NETWORKS].length * 2;
    assert.equal(left.length, fixed, left.join(', '));
    for (const host of world.hosts) assert.deepEqual(host.networks.state?.networks, [], host.nodeId);
  }

  async #step(): Promise<string> {
    const world = this.#world;
    const { random } = world;
    const service = world.manager && random.pick([...world.services(), undefined]);
    const what = random.pick([
      'create',
      'create',
      'update',
      'update',
      'scale',
      'remove',
      'cut',
      'kill',
      'manager',
      'slow',
    ]);
    if (what === 'cut') {
      const host = random.pick(world.hosts);
      world.network.cut(host.nodeId);
      world.later(random.int(100, 12_000), () => world.reconnect(host));
      return `cut ${host.nodeId}`;
    }
    if (what === 'kill') {
      const host = random.pick(world.hosts.slice(1));
      host.kill();
      world.later(random.int(100, 5_000), () => host.start());
      return `kill ${host.nodeId}`;
    }
    if (what === 'manager') {
      world.killManager();
      world.later(random.int(100, 3_000), () => world.startManager());
      return 'manager';
    }
    if (what === 'slow') {
      world.network.delay = random.pick([1, 5, 30]);
      return 'slow';
    }
    if (!world.manager) return 'nothing';
    if (what === 'create') return `create ${await world.user.create(spec(world, random.pick(NAMES)))}`;
    if (!service) return 'nothing';
    if (what === 'remove') return `remove ${await world.user.remove(service)}`;
    const name = service.Spec.Name!;
    const next = what === 'update' ? spec(world, name) : { ...service.Spec, Mode: replicas(world) };
    return `${what} ${name} ${await world.user.update(service, next)}`;
  }

  /** Looks at what the agents of a host ask of its engine. */
  #listen(host: Host): void {
    const { engine } = host;
    const face = engine.face.bind(engine);
    engine.face = (process) => {
      const real = face(process);
      return {
        ...real,
        stop: (assigned) => {
          this.#guard(() => this.#onStop(assigned.task.ID));
          return real.stop(assigned);
        },
      };
    };
  }

  #onCommit(commit: Commit, view: View): void {
    claims(view);
    const now = this.#world.clock.now();
    for (const { kind, id, before, after } of commit.events) {
      if (kind === 'node') this.#noteParted(id, before as Node | undefined, after as Node | undefined);
      if (kind !== 'task') continue;
      const [was, is] = [before, after] as [Task | undefined, Task | undefined];
      if (!is) this.#leaving.delete(id);
      else if (
        was?.Status.State === 'running' &&
        !atLeast(was.DesiredState, 'shutdown') &&
        atLeast(is.DesiredState, 'shutdown')
      )
        this.#leaving.set(id, now);
    }
  }

  #noteParted(nodeId: string, before: Node | undefined, after: Node | undefined): void {
    for (const network of Object.keys(before?.internal.networks ?? {}))
      if (!after?.internal.networks?.[network])
        this.#parted.set(`${nodeId} ${network}`, this.#world.clock.now());
  }

  #onStop(taskId: string): void {
    const world = this.#world;
    const since = this.#leaving.get(taskId);
    const now = world.clock.now();
    // Without a wish of the manager it was its own health that ended it.
    if (since === undefined || since < this.#managerSince || now - since >= STOP_BOUND) return;
    for (const host of world.hosts) {
      if (!world.wellness.fineFor(host, SETTLED + now - since)) continue;
      // A network that the host was taken out of is closed there in the same moment, for the same reason, even if it
      // is to have a part in it again by now.
      const parts = Object.keys(world.view.get('node', host.nodeId)!.internal.networks ?? {});
      const kept = parts.filter((network) => (this.#parted.get(`${host.nodeId} ${network}`) ?? -1) < since);
      assert.ok(
        !host.networks.leadsTo(taskId, kept),
        `${taskId} is stopped ${now - since} ms after it was to leave, and ${host.nodeId} still leads to it`,
      );
    }
  }

  #checkHosts(): void {
    const { hosts, view } = this.#world;
    for (const { nodeId, networks } of hosts) {
      const sorted = (state: ReturnType<typeof networkStateFor>) => ({
        ...state,
        revision: 0,
        networks: state.networks.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      });
      assert.ok(networks.state, nodeId);
      assert.deepEqual(sorted(networks.state), sorted(networkStateFor(view, nodeId)));
    }
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#world.fail(error);
    }
  }
}

/** Everything given, with its owner; throws if something is given twice. */
function claims(view: View): Map<string, string> {
  const owners = new Map<string, string>();
  for (const kind of ['network', 'service', 'node', 'task'] as const) {
    for (const object of view.all(kind)) {
      for (const claim of claimsOf(kind, object)) {
        assert.ok(!owners.has(claim), `${claim} is given to ${owners.get(claim)} and ${kind} ${object.ID}`);
        owners.set(claim, `${kind} ${object.ID}`);
      }
    }
  }
  return owners;
}

function network(id: string): Network {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    ...{ ID: id, Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    Spec: { Name: id, Ingress: id === 'ingress' },
    internal: {},
  };
}

function replicas({ random }: World): ServiceSpec['Mode'] {
  return { Replicated: { Replicas: random.int(0, 5) } };
}

function spec(world: World, name: string): ServiceSpec {
  const { random } = world;
  const chosen = NETWORKS.filter(() => random.chance(0.5));
  const port = {
    Protocol: 'tcp',
    TargetPort: 80,
    PublishMode: 'ingress',
    PublishedPort: random.pick([0, 80, 81]),
  };
  return {
    Name: name,
    Labels: {},
    TaskTemplate: {
      ContainerSpec: { Image: `steady:${random.int(1, 3)}` },
      Networks: chosen.map((Target) => ({ Target })),
      ForceUpdate: random.int(0, 2),
      Runtime: 'container',
    },
    Mode: replicas(world),
    UpdateConfig: {
      Parallelism: random.int(0, 2),
      Order: random.pick(['start-first', 'stop-first']),
      Monitor: 1e9,
    },
    EndpointSpec: { Mode: 'vip', Ports: random.chance(0.5) ? [port] : [] },
  };
}
