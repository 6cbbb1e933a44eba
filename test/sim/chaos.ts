/** What happens in a simulated world: users who change their minds, and faults. */
import type { Service } from '../../src/model/objects.ts';
import type { ServiceSpec } from '../../src/model/spec.ts';
import type { Host } from './host.ts';
import { changeAtRandom, randomService } from './random-service.ts';
import { MANAGER_FAULTS, mendManagers } from './several/chaos.ts';
import type { World } from './world.ts';

const MOST_SERVICES = 5;

/** Does something, and returns what. Some choices come to nothing. */
export async function act(world: World): Promise<string> {
  const { random, several } = world;
  if (several && random.chance(0.35)) {
    const [name, action] = random.weighted(MANAGER_FAULTS);
    return `${name}: ${(await action(world, several)) ?? 'nothing'}`;
  }
  const [name, action] = random.weighted(several ? [...USERS, ...FAULTS] : ACTIONS);
  const what = await action(world);
  return `${name}: ${what ?? 'nothing'}`;
}

type Action = (world: World) => Promise<string | undefined> | string | undefined;

type Actions = ReadonlyArray<readonly [number, readonly [string, Action]]>;

const USERS: Actions = [
  [6, ['create', createService]],
  [8, ['update', updateService]],
  [8, ['scale', scaleService]],
  [2, ['rollback', rollbackService]],
  [5, ['content', changeSecret]],
  [3, ['remove', removeService]],
  [5, ['availability', changeAvailability]],
  [3, ['label', changeLabel]],
];

const FAULTS: Actions = [
  [4, ['power cut', cutPower]],
  [3, ['shutdown', shutDown]],
  [4, ['partition', partition]],
  [3, ['reset', resetConnection]],
  [1, ['move', moveHost]],
  [5, ['daemon', endDaemon]],
  [3, ['hang', hangDaemon]],
  [5, ['engine', upsetEngine]],
  [2, ['destroy', destroyContainer]],
  [2, ['network', changeNetwork]],
];

const ACTIONS: Actions = [
  ...USERS,
  ...FAULTS,
  [4, ['manager', endManager]],
  [2, ['manager pause', pauseManager]],
  [2, ['disk', fillDisk]],
  [1, ['remove node', removeNode]],
  [1, ['leave', leave]],
  [2, ['join', join]],
];

// Users.

async function createService(world: World): Promise<string | undefined> {
  const { random, user } = world;
  const services = world.services();
  if (!world.isServed || services.length >= MOST_SERVICES) return undefined;
  const name = `s${world.nextName()}`;
  const spec = randomService(name, random);
  const error = await user.create(spec);
  return `${JSON.stringify(spec)} → ${error ?? 'ok'}`;
}

async function updateService(world: World): Promise<string | undefined> {
  return changeService(world, (spec) => changeAtRandom(spec, world.random));
}

async function scaleService(world: World): Promise<string | undefined> {
  return changeService(world, (spec) => {
    if (!spec.Mode?.Replicated) return undefined;
    spec.Mode = { Replicated: { Replicas: world.random.int(0, 8) } };
    return JSON.stringify(spec.Mode);
  });
}

async function rollbackService(world: World): Promise<string | undefined> {
  const { random, user } = world;
  const service = pickService(world);
  if (!service?.PreviousSpec || !random.chance(0.8)) return undefined;
  return `${service.Spec.Name} → ${(await user.update(service, service.Spec, true)) ?? 'ok'}`;
}

async function changeSecret(world: World): Promise<string | undefined> {
  const { random, user, view, isServed } = world;
  if (!isServed) return undefined;
  const secret = view.get('secret', random.pick(['secret1', 'secret2']))!;
  const data = Buffer.from(random.pick(['one', 'two', 'three'])).toString('base64');
  return `${secret.ID} ${data} → ${(await user.changeSecret(secret, data)) ?? 'ok'}`;
}

async function removeService(world: World): Promise<string | undefined> {
  const service = pickService(world);
  return service && `${service.Spec.Name} → ${(await world.user.remove(service)) ?? 'ok'}`;
}

async function changeService(
  world: World,
  change: (spec: ServiceSpec) => string | undefined,
): Promise<string | undefined> {
  const service = pickService(world);
  if (!service) return undefined;
  const spec = structuredClone(service.Spec);
  const what = change(spec);
  if (what === undefined) return undefined;
  const error = await world.user.update(service, spec);
  return `${spec.Name} ${what} ${JSON.stringify(spec)} → ${error ?? 'ok'}`;
}

function pickService(world: World): Service | undefined {
  const services = world.services();
  return services.length > 0 ? world.random.pick(services) : undefined;
}

async function changeAvailability(world: World): Promise<string | undefined> {
  const node = world.pickNode();
  if (!node) return undefined;
  const Availability = world.random.pick(['active', 'active', 'pause', 'drain']);
  return `${node.ID} ${Availability} → ${(await world.user.updateNode(node, { ...node.Spec, Availability })) ?? 'ok'}`;
}

async function changeLabel(world: World): Promise<string | undefined> {
  const node = world.pickNode();
  if (!node) return undefined;
  const Labels = { zone: world.random.pick(['a', 'b']) };
  return `${node.ID} ${Labels.zone} → ${(await world.user.updateNode(node, { ...node.Spec, Labels })) ?? 'ok'}`;
}

async function removeNode(world: World): Promise<string | undefined> {
  const host = pickHost(world);
  const node = world.manager && world.workers.length > 2 ? world.view.get('node', host.nodeId) : undefined;
  if (!node) return undefined;
  const error = await world.user.removeNode(node);
  // Its agent goes on for a while and is refused.
  if (!error) world.letGo(host);
  if (!error) world.later(world.random.latency(3000), () => world.dismiss(host));
  return `${node.ID} → ${error ?? 'ok'}`;
}

async function leave(world: World): Promise<string | undefined> {
  const host = pickHost(world);
  const { manager, network } = world;
  const sessions = manager && network.managers.get(manager.nodeId)?.sessions;
  if (!sessions || manager.process.hung || world.workers.length <= 2) return undefined;
  if (world.disk.full) return undefined;
  const left = sessions.leave(host.nodeId);
  host.stop();
  for (const id of host.engine.running()) host.engine.destroy(id);
  await world.run(50);
  await left;
  world.dismiss(host);
  const node = world.view.get('node', host.nodeId);
  return `${host.nodeId} → ${(node && (await world.user.removeNode(node))) ?? 'ok'}`;
}

async function join(world: World): Promise<string | undefined> {
  if (!world.manager || world.disk.full || world.hosts.length > 5) return undefined;
  return world.join();
}

// Faults. What is broken is mended after a while, or at the end.

function pickHost(world: World): Host {
  return world.random.pick(world.workers);
}

function cutPower(world: World): string {
  const host = pickHost(world);
  if (!host.powered) return 'already';
  host.powerCut();
  const ms = world.random.latency(8000);
  world.later(ms, () => world.restore(host));
  return `${host.nodeId} for ${ms} ms`;
}

function shutDown(world: World): string {
  const host = pickHost(world);
  if (!host.daemonRuns) return 'no daemon';
  host.shutDown();
  const ms = world.random.latency(20_000);
  world.later(ms, () => world.restore(host));
  return `${host.nodeId} for ${ms} ms`;
}

function partition(world: World): string {
  const host = pickHost(world);
  world.network.cut(host.nodeId);
  const ms = world.random.latency(5000);
  world.later(ms, () => world.reconnect(host));
  return `${host.nodeId} for ${ms} ms`;
}

function resetConnection(world: World): string {
  const host = pickHost(world);
  world.network.reset(host.nodeId);
  return host.nodeId;
}

function moveHost(world: World): string {
  const host = pickHost(world);
  host.move(world.newAddress());
  return `${host.nodeId} to ${host.addr}`;
}

function endDaemon(world: World): string {
  const host = pickHost(world);
  const gently = world.random.chance(0.3);
  if (gently) host.stop();
  else host.kill();
  const ms = world.random.latency(4000);
  world.later(ms, () => host.start());
  return `${host.nodeId} ${gently ? 'stopped' : 'killed'} for ${ms} ms`;
}

function hangDaemon(world: World): string {
  const { process, nodeId } = pickHost(world);
  process.hang();
  const ms = world.random.latency(3000);
  world.later(ms, () => process.resume());
  return `${nodeId} for ${ms} ms`;
}

function upsetEngine(world: World): string {
  const host = world.random.pick(world.hosts);
  const mode = world.random.pick(['slow', 'failing', 'stuck', 'away', 'restart'] as const);
  if (mode === 'restart') host.engine.shutDown();
  else host.engine.setMode(mode);
  const ms = world.random.latency(8000);
  world.later(ms, () => host.engine.setMode('good'));
  return `${host.nodeId} ${mode} for ${ms} ms`;
}

function destroyContainer(world: World): string | undefined {
  const { engine, nodeId } = world.random.pick(world.hosts);
  const running = engine.running();
  if (running.length === 0) return undefined;
  const taskId = world.random.pick(running);
  engine.destroy(taskId);
  return `${taskId} on ${nodeId}`;
}

function endManager(world: World): string | undefined {
  if (!world.manager) return undefined;
  const ms = world.random.chance(0.15) ? 60_000 : world.random.latency(2000);
  world.killManager();
  world.later(ms, () => world.startManager());
  return `killed for ${ms} ms`;
}

function pauseManager(world: World): string | undefined {
  const { manager } = world;
  if (!manager) return undefined;
  manager.process.hang();
  const ms = world.random.latency(4000);
  world.later(ms, () => manager.process.resume());
  return `for ${ms} ms`;
}

function fillDisk(world: World): string {
  world.disk.full = true;
  const ms = world.random.latency(1500);
  world.later(ms, () => {
    world.disk.full = false;
  });
  return `full for ${ms} ms`;
}

function changeNetwork(world: World): string {
  world.setDelay(world.random.pick([1, 1, 10, 100, 300]));
  return `delay ${world.network.delay} ms`;
}

/** Everything is mended. Nodes that nobody wants to use stay so. */
export function mend(world: World): void {
  world.setDelay(1);
  world.disk.full = false;
  if (world.several) mendManagers(world, world.several);
  else {
    world.startManager();
    world.manager!.process.resume();
  }
  for (const host of world.hosts) {
    host.engine.troubled = false;
    host.engine.setMode('good');
    // It may have been asked to shut down while it stood still.
    host.process.resume();
    world.restore(host);
    world.reconnect(host);
    host.start();
  }
}
