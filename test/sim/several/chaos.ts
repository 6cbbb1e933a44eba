/** What happens to several managers and to their members of etcd, besides what happens to hosts. */
import type { Host } from '../host.ts';
import type { World } from '../world.ts';
import type { Managers } from './managers.ts';

type Action = (world: World, several: Managers) => Promise<string | undefined> | string | undefined;

export const MANAGER_FAULTS: ReadonlyArray<readonly [number, readonly [string, Action]]> = [
  [4, ['manager', endManager]],
  [3, ['leader', endLeader]],
  [4, ['manager pause', pauseManager]],
  [2, ['hand-over', handOver]],
  [3, ['member', endMember]],
  [2, ['member pause', pauseMember]],
  [3, ['manager host cut off', cutOff]],
  [2, ['way between members cut', cutWay]],
  [2, ['manager host power cut', cutPower]],
  [3, ['slow member', slowMember]],
  [2, ['slow watch', slowWatch]],
  [1, ['compaction', compact]],
  [2, ['succession', succeed]],
];

function pickHost(world: World, several: Managers): Host {
  return world.hostOf(world.random.pick(several.model.members).id)!;
}

function endManager(world: World, several: Managers): string {
  return end(world, pickHost(world, several));
}

function endLeader(world: World, several: Managers): string | undefined {
  const host = world.hostOf(several.leading?.nodeId);
  return host && end(world, host);
}

function end(world: World, host: Host): string {
  const ms = world.random.chance(0.2) ? 30_000 : world.random.latency(3000);
  world.killManagerOn(host);
  world.later(ms, () => world.startManagerOn(host));
  return `${host.nodeId} killed for ${ms} ms`;
}

/** Of its process alone: its member of etcd goes on, its lease ends. */
function pauseManager(world: World, several: Managers): string | undefined {
  const manager = world.random.chance(0.6) ? several.leading : world.random.pick(several.all);
  if (!manager) return undefined;
  manager.process.hang();
  const ms = world.random.latency(4000);
  world.later(ms, () => manager.process.resume());
  return `${manager.nodeId} for ${ms} ms`;
}

function handOver(_world: World, several: Managers): string | undefined {
  const manager = several.leading;
  if (!manager || manager.process.hung) return undefined;
  manager.process.run(() => void manager.resign());
  return manager.nodeId;
}

function endMember(world: World, several: Managers): string {
  const member = world.random.pick(several.model.members);
  const ms = world.random.latency(4000);
  member.kill();
  world.later(ms, () => restart(world, several, member.id));
  return `${member.id} killed for ${ms} ms`;
}

function restart(world: World, several: Managers, id: string): void {
  const member = several.model.member(id);
  if (!member.up && world.hostOf(id)!.powered) member.start(world.clock.now());
}

function pauseMember(world: World, several: Managers): string {
  const member = world.random.pick(several.model.members);
  const ms = world.random.latency(2500);
  member.pause();
  world.later(ms, () => member.resume());
  return `${member.id} for ${ms} ms`;
}

function cutOff(world: World, several: Managers): string {
  const host = pickHost(world, several);
  const ms = world.random.latency(5000);
  world.network.cut(host.nodeId);
  world.later(ms, () => world.reconnect(host));
  return `${host.nodeId} for ${ms} ms`;
}

function cutWay(world: World, several: Managers): string {
  const [from, to] = [pickHost(world, several).nodeId, pickHost(world, several).nodeId];
  const ms = world.random.latency(5000);
  const ways = world.random.chance(0.5) ? [`${from} ${to}`] : [`${from} ${to}`, `${to} ${from}`];
  for (const way of ways) several.cut.add(way);
  world.later(ms, () => {
    for (const way of ways) several.cut.delete(way);
  });
  return `${ways.join(', ')} for ${ms} ms`;
}

function cutPower(world: World, several: Managers): string | undefined {
  const host = pickHost(world, several);
  if (!host.powered) return undefined;
  const ms = world.random.latency(6000);
  several.kill(host.nodeId);
  several.model.member(host.nodeId).kill();
  host.powerCut();
  world.later(ms, () => powerOn(world, several, host));
  return `${host.nodeId} for ${ms} ms`;
}

function powerOn(world: World, several: Managers, host: Host): void {
  world.restore(host);
  restart(world, several, host.nodeId);
  world.startManagerOn(host);
}

function slowMember(world: World, several: Managers): string {
  const member = world.random.pick(several.model.members);
  member.applyLag = world.random.pick([20, 200, 1000]);
  const ms = world.random.latency(4000);
  world.later(ms, () => {
    member.applyLag = 1;
  });
  return `${member.id} ${member.applyLag} ms for ${ms} ms`;
}

function slowWatch(world: World, several: Managers): string {
  const member = world.random.pick(several.model.members);
  member.watchLag = world.random.pick([50, 500, 3000]);
  const ms = world.random.latency(6000);
  world.later(ms, () => {
    member.watchLag = 1;
  });
  return `${member.id} ${member.watchLag} ms for ${ms} ms`;
}

/** The leader is lost just after a write that the others have not heard of, and the next one is asked at once. */
export async function succeed(world: World, several: Managers): Promise<string | undefined> {
  const host = world.hostOf(several.leading?.nodeId);
  const [service] = world.services();
  if (!host || !service) return undefined;
  const others = several.model.members.filter(({ id }) => id !== host.nodeId);
  for (const member of others) member.watchLag = 2000;
  const before = service.Version.Index;
  const asked = world.user.update(service, { ...service.Spec });
  const present = () => several.truth.view.get('service', service.ID);
  for (let waited = 0; waited < 2000 && present()?.Version.Index === before; waited += 10)
    await new Promise<void>((resolve) => void world.clock.timer(10, resolve));
  end(world, host);
  several.model.member(host.nodeId).kill();
  world.later(3000, () => restart(world, several, host.nodeId));
  world.later(4000, () => {
    for (const member of others) member.watchLag = 1;
  });
  const now = present();
  const again = now && (await world.user.update(now, { ...now.Spec }));
  return `${host.nodeId} killed after ${service.Spec.Name} → ${(await asked) ?? 'ok'}, then → ${again ?? 'ok'}`;
}

/** What slow watches have not told yet may be forgotten. */
function compact(world: World, several: Managers): string {
  const revision = Math.max(1, several.model.keyspace.revision - world.random.pick([0, 5, 50]));
  several.model.compact(revision);
  return `to ${revision}`;
}

/** How long (ms) what was broken may still be felt. */
const FELT_FOR = 15_000;

/** Everything is mended. */
export function mendManagers(world: World, several: Managers): void {
  world.later(FELT_FOR, () => {
    several.troubled = false;
  });
  several.cut.clear();
  for (const member of several.model.members) {
    const host = world.hostOf(member.id)!;
    member.applyLag = 1;
    member.watchLag = 1;
    powerOn(world, several, host);
    member.resume();
    several.get(member.id)?.process.resume();
  }
}
