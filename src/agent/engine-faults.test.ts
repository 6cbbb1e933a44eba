/** Agents, managers and engines that go and come again, on a real engine: nothing is lost and nothing is double. */
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import { makeTask } from './testing/manager.ts';
import { containersOf, eventually, inspect, onNode, Rig, SLEEP, shell } from './testing/rig.ts';

let engine: TestEngine;
before(async () => {
  await Rig.shareFiles();
  engine = await startEngine();
});
after(async () => {
  await engine?.remove();
  await Rig.removeFiles();
});

test('the next agent takes up what runs and touches nothing that is not its own', () =>
  onNode(engine, async (node) => {
    const { rig, task } = node;
    const { manager, nodeId } = rig;
    const [kept, dropped, exits] = [task(), task(), task(shell('sleep 2; exit 4'))];
    manager.assign(kept, dropped, exits);
    const before = await manager.until(kept.ID, 'running');
    await manager.until(dropped.ID, 'running');
    await manager.until(exits.ID, 'running');
    const stranger = await engine.client.json<{ Id: string }>('POST', '/containers/create', {
      body: {
        Image: 'busybox',
        Cmd: ['sleep', '9'],
        Labels: { 'com.docker.swarm.node.id': 'another', 'com.docker.swarm.task.id': 'x' },
      },
    });
    const started = (await inspect(engine, before.ContainerStatus!.ContainerID)).State.StartedAt;
    await rig.stop();
    assert.equal((await containersOf(engine, nodeId)).filter(({ State }) => State === 'running').length, 3);
    manager.tasks.delete(dropped.ID);
    await eventually('one exits meanwhile', async () =>
      (await containersOf(engine, nodeId)).some(({ State }) => State === 'exited'),
    );
    node.rig = rig.again();
    assert.equal((await manager.until(exits.ID, 'failed')).Err, 'task: non-zero exit (4)');
    await eventually(
      'what is not assigned is removed',
      async () => (await containersOf(engine, nodeId)).length === 2,
    );
    const now = await inspect(engine, before.ContainerStatus!.ContainerID);
    assert.equal(now.State.StartedAt, started);
    assert.equal(manager.status(kept.ID)!.State, 'running');
    manager.desire(kept.ID, 'shutdown');
    await manager.until(kept.ID, 'shutdown');
    await engine.client.json('DELETE', `/containers/${stranger.Id}`);
    await node.rig.stop();
  }));

for (const requests of [1, 2, 3, 4])
  test(`an agent that dies with its request ${requests} to the engine leaves nothing double`, () =>
    onNode(engine, async (node) => {
      const { rig, task } = node;
      const { manager, nodeId } = rig;
      await eventually('the agent is there', async () => manager.sessions > 0);
      const counted = `${engine.directory}/${nodeId}`;
      await writeFile(counted, '');
      const one = task({
        ...shell('echo x >> /count; sleep 1000'),
        Mounts: [{ Type: 'bind', Source: counted, Target: '/count' }],
      });
      // Pull, create, start, stop: each changes something on the engine.
      rig.engine.left = requests;
      manager.assign(one);
      if (requests === 4) {
        await manager.until(one.ID, 'running');
        manager.desire(one.ID, 'shutdown');
      }
      await rig.killed;
      rig.kill();
      node.rig = rig.again();
      await manager.until(one.ID, requests === 4 ? 'shutdown' : 'running');
      const containers = await containersOf(engine, nodeId);
      assert.equal(containers.length, 1);
      await eventually('it has started', async () => (await readFile(counted, 'utf8')) !== '');
      assert.equal(await readFile(counted, 'utf8'), 'x\n', 'it was started once');
    }));

test('the manager may be away: nothing changes on the host, and everything is told afterwards', () =>
  onNode(engine, async ({ rig: { manager, nodeId }, task }) => {
    const [one, two] = [task(), task(shell('sleep 1; exit 0'))];
    manager.assign(one, two);
    await manager.until(one.ID, 'running');
    await manager.until(two.ID, 'running');
    manager.away = true;
    manager.cut();
    await eventually('one ends meanwhile', async () =>
      (await containersOf(engine, nodeId)).some(({ State }) => State === 'exited'),
    );
    assert.equal(manager.status(two.ID)!.State, 'running');
    manager.away = false;
    await manager.until(two.ID, 'complete');
    assert.equal(manager.status(one.ID)!.State, 'running');
    assert.equal((await containersOf(engine, nodeId)).filter(({ State }) => State === 'running').length, 1);
  }));

test('thirty tasks share one attempt to pull, and few engine calls', () =>
  onNode(engine, async ({ rig, task }) => {
    const { manager } = rig;
    await eventually('the agent is there', async () => manager.sessions > 0);
    const calls: string[] = [];
    const { engine: client } = rig;
    const request = client.request.bind(client);
    client.request = (method, path, options) => {
      calls.push(`${method} ${path.replace(/[0-9a-f]{64}/, 'ID')}`);
      return request(method, path, options);
    };
    const tasks = Array.from({ length: 30 }, () => task());
    manager.assign(...tasks);
    await Promise.all(tasks.map(({ ID }) => manager.until(ID, 'running')));
    assert.equal(calls.filter((call) => call === 'POST /images/create').length, 1);
    assert.ok(calls.length <= 30 * 3 + 5, `${calls.length} calls`);
  }));

test('an engine that is cut off from power and comes back: its tasks have failed, new ones run', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
    const [lost, later] = [task(), task()];
    manager.assign(lost);
    await manager.until(lost.ID, 'running');
    await engine.kill();
    manager.assign(later);
    await manager.until(later.ID, 'preparing');
    await engine.start();
    assert.match((await manager.until(lost.ID, 'failed')).Err!, /^task: non-zero exit \(\d+\)/);
    await manager.until(later.ID, 'running');
  }));

test('on an engine that is about to end nothing is begun, and the manager knows', () =>
  onNode(engine, async ({ rig: { manager, nodeId }, task }) => {
    const [brief, stubborn, later] = [task(), task(shell("trap '' TERM; sleep 1000")), task()];
    manager.assign(brief, stubborn);
    await manager.until(brief.ID, 'running');
    await manager.until(stubborn.ID, 'running');
    // It waits for the one that does not hear, and meanwhile answers over the connections it has.
    const stopped = engine.stop();
    await eventually('the manager knows', async () => manager.descriptions.at(-1)!.EngineAway === true);
    manager.assign(later);
    await manager.until(later.ID, 'preparing');
    await stopped;
    await engine.start();
    await manager.until(later.ID, 'running');
    assert.equal(manager.descriptions.at(-1)!.EngineAway, undefined);
    await manager.until(stubborn.ID, 'failed');
    const containers = await containersOf(engine, nodeId);
    const named = containers.filter(({ Labels }) => Labels['com.docker.swarm.task.id'] === later.ID);
    assert.deepEqual(
      named.map(({ State }) => State),
      ['running'],
    );
    assert.equal(manager.status(later.ID)!.State, 'running', 'it was begun when it could last');
  }));

test('an engine that hangs does not answer, until it goes on', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
    const one = task();
    manager.assign(one);
    await manager.until(one.ID, 'running');
    await engine.signal('SIGSTOP');
    try {
      await eventually('the manager knows', async () => manager.descriptions.at(-1)!.EngineAway === true);
    } finally {
      await engine.signal('SIGCONT');
    }
    await eventually('and again', async () => manager.descriptions.at(-1)!.EngineAway === undefined);
    assert.equal(manager.status(one.ID)!.State, 'running');
  }));

test('a node that leaves takes away all its containers and files, and no others', () =>
  onNode(engine, async ({ rig, task }) => {
    const other = new Rig(engine.socket, `${rig.nodeId}other`);
    const theirs = makeTask(`${rig.nodeId}x`, { nodeId: other.nodeId, container: SLEEP });
    other.manager.assign(theirs);
    rig.manager.assign(task(), task({ ...SLEEP, StopSignal: 'SIGTERM' }));
    await rig.manager.until(`${rig.nodeId}t2`, 'running');
    await other.manager.until(theirs.ID, 'running');
    await rig.stop();
    await rig.tasks.clear();
    assert.deepEqual(await containersOf(engine, rig.nodeId), []);
    await assert.rejects(stat(rig.filesFolder));
    assert.equal((await containersOf(engine, other.nodeId))[0]?.State, 'running');
    await other.clear();
  }));
