/**
 * Several managers on a model of etcd under thousands of random schedules: members and managers killed, stopped, cut off,
 * slow, with clocks that are wrong. SEED, SEEDS, FROM and LOG as in sim.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problems } from './converged.ts';
import { SeedRange } from './seed-threads.ts';
import { succeed } from './several/chaos.ts';
import type { Managers } from './several/managers.ts';
import { World } from './world.ts';

const range = new SeedRange(200);

test(`several managers, ${range.count} seeds from ${range.from}`, async (t) => {
  const slowest = await range.run(true);
  t.diagnostic(`all was as wanted at most ${slowest / 1000} s (virtual) after the last fault`);
});

/** A world at rest with three managers and services of six tasks and of one on each host. */
async function restingWorld(seed: number): Promise<{ world: World; several: Managers }> {
  const world = new World(seed, { managers: 3, tells: false });
  await world.begin();
  await world.run(3000);
  for (const [name, mode] of Object.entries({ a: { Replicated: { Replicas: 6 } }, b: { Global: {} } })) {
    const TaskTemplate = { ContainerSpec: { Image: 'steady:1' }, ForceUpdate: 0 };
    const created = world.user.create({ Name: name, Labels: {}, TaskTemplate, Mode: mode });
    await world.run(5000);
    assert.equal(await created, undefined);
  }
  for (const host of world.hosts) host.engine.troubled = false;
  await world.run(20_000);
  return { world, several: world.several! };
}

test('what one leader has acknowledged the next one knows when it is asked first', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { world, several } = await restingWorld(seed);
    const done = succeed(world, several);
    await world.run(20_000);
    assert.match((await done)!, /then → ok$/, `seed ${seed}`);
  }
});

test('nothing is restarted because another manager leads', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { world, several } = await restingWorld(seed);
    const containers = (): string[] =>
      world.hosts.flatMap(({ engine }) =>
        engine.running().map((id) => engine.containers.get(id)!.containerId),
      );
    const before = containers();
    assert.deepEqual(problems(world), []);
    const leaders = new Set<string>();
    for (const how of ['resign', 'pause', 'kill', 'member', 'resign', 'pause', 'kill', 'member']) {
      const leader = several.leading!;
      const { nodeId } = leader;
      const host = world.hostOf(nodeId)!;
      const member = several.model.member(nodeId);
      leaders.add(nodeId);
      if (how === 'resign') await Promise.all([leader.resign(), world.run(2000)]);
      if (how === 'pause') leader.process.hang();
      if (how === 'kill') world.killManagerOn(host);
      if (how === 'member') member.kill();
      await world.run(8000);
      assert.notEqual(several.leading?.nodeId, nodeId, `seed ${seed}, ${how}: another one leads`);
      leader.process.resume();
      if (!member.up) member.start(world.clock.now());
      world.startManagerOn(host);
      await world.run(20_000);
      assert.deepEqual(problems(world), [], `seed ${seed}, ${how}`);
    }
    assert.ok(leaders.size > 1);
    assert.deepEqual(containers(), before, `seed ${seed}`);
  }
});
