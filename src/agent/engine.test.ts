/** The agent on a real engine, with a manager that assigns what the tests say. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import type { ContainerSpec } from '../model/spec.ts';
import { makeTask, type TaskOptions } from './testing.ts';
import { Rig } from './testing-rig.ts';

let engine: TestEngine;
before(async () => {
  engine = await startEngine();
});
after(async () => {
  await engine?.remove();
  await rm(Rig.filesOfAll, { recursive: true, force: true });
});

let numbers = 0;

interface Node {
  rig: Rig;
  /** A task for this node with an id of its own. */
  task(container?: ContainerSpec, options?: TaskOptions): ReturnType<typeof makeTask>;
}

/** Stops at once when asked to. */
const SLEEP = { Command: ['sleep', '1000'], StopSignal: 'SIGKILL' };
const shell = (script: string): ContainerSpec => ({ Command: ['sh', '-c', script], StopSignal: 'SIGKILL' });

async function onNode(body: (node: Node) => Promise<void>): Promise<void> {
  const nodeId = `node${++numbers}`;
  const rig = new Rig(engine.socket, nodeId);
  let tasks = 0;
  const node: Node = {
    rig,
    task: (container = SLEEP, options = {}) =>
      makeTask(`${nodeId}t${++tasks}`, { ...options, nodeId, container }),
  };
  try {
    await body(node);
  } finally {
    await node.rig.clear();
  }
}

interface Container {
  Id: string;
  State: { Status: string; Pid: number; StartedAt: string; ExitCode: number };
  Mounts: Array<{ Type: string; Name?: string; Source: string; Destination: string }>;
  NetworkSettings: { Networks: Record<string, unknown> };
}
const inspect = (id: string): Promise<Container> => engine.client.json('GET', `/containers/${id}/json`);
const containersOf = (
  nodeId: string,
): Promise<Array<{ Id: string; State: string; Labels: Record<string, string> }>> =>
  engine.client.json('GET', '/containers/json', {
    query: { all: 1, filters: { label: [`com.docker.swarm.node.id=${nodeId}`] } },
  });

/** Looks again until it holds. The node's own reports are what is mostly waited for instead. */
async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a task runs, tells of its container, and is shut down', () =>
  onNode(async ({ rig: { manager, nodeId }, task }) => {
    const one = task();
    manager.assign(one);
    const running = await manager.until(one.ID, 'running');
    const [container] = await containersOf(nodeId);
    const { State } = await inspect(container!.Id);
    assert.deepEqual(running.ContainerStatus, { ContainerID: container!.Id, PID: State.Pid, ExitCode: 0 });
    assert.equal(running.Message, 'started');
    manager.desire(one.ID, 'shutdown');
    const over = await manager.until(one.ID, 'shutdown');
    assert.equal(over.Message, 'shutdown');
    assert.deepEqual(over.ContainerStatus, { ContainerID: container!.Id, PID: 0, ExitCode: 137 });
    assert.equal((await containersOf(nodeId)).length, 1, 'a container stays as long as its task');
    manager.remove(one.ID);
    await eventually('the container is removed', async () => (await containersOf(nodeId)).length === 0);
  }));

test('a task that is wanted ready waits for more', () =>
  onNode(async ({ rig: { manager }, task }) => {
    const one = task(SLEEP, { desired: 'ready' });
    manager.assign(one);
    const ready = await manager.until(one.ID, 'ready');
    assert.equal((await inspect(ready.ContainerStatus!.ContainerID)).State.Status, 'created');
    manager.desire(one.ID, 'running');
    await manager.until(one.ID, 'running');
  }));

const failures: Array<[string, ContainerSpec, 'rejected' | 'failed' | 'complete', string, string | RegExp]> =
  [
    ['no image', { Image: 'nosuch' }, 'rejected', 'preparing', 'No such image: nosuch:latest'],
    ['exit code', shell('exit 3'), 'failed', 'started', 'task: non-zero exit (3)'],
    ['success', shell('exit 0'), 'complete', 'finished', ''],
    [
      'no command',
      { Command: ['/no/such'] },
      'failed',
      'starting',
      /^starting container failed: .*exec: "\/no\/such": stat \/no\/such: no such file or directory/,
    ],
    [
      'no bind source',
      { ...SLEEP, Mounts: [{ Type: 'bind', Source: '/no/such', Target: '/x' }] },
      'rejected',
      'preparing',
      'invalid mount config for type "bind": bind source path does not exist: /no/such',
    ],
    [
      'no user',
      { ...SLEEP, User: 'x' },
      'failed',
      'starting',
      'starting container failed: unable to find user x: no matching entries in passwd file',
    ],
    [
      'credential spec',
      { ...SLEEP, Privileges: { CredentialSpec: { File: 'x' } } },
      'rejected',
      'preparing',
      /^invalid --security-opt.*"credentialspec=file:\/\/x"$/,
    ],
    [
      'unhealthy before it ran',
      { ...SLEEP, Healthcheck: { Test: ['CMD', 'false'], Interval: 3e8, Retries: 1 } },
      'failed',
      'starting',
      'task: non-zero exit (137): dockerexec: unhealthy container',
    ],
    [
      'wrong placeholder',
      { ...SLEEP, Env: ['A={{.Service.Labels.x}}'] },
      'rejected',
      'preparing',
      /^expanding env failed: .*map has no entry for key "x"$/,
    ],
    [
      'secret that did not come',
      { ...SLEEP, Secrets: [{ SecretID: 'x', SecretName: 's', File: { Name: 's' } }] },
      'rejected',
      'preparing',
      'secret not found: s',
    ],
  ];
for (const [name, container, state, message, error] of failures)
  test(`failure: ${name}`, () =>
    onNode(async ({ rig: { manager }, task }) => {
      const one = task(container);
      manager.assign(one);
      const status = await manager.until(one.ID, state);
      assert.equal(status.Message, message);
      if (typeof error === 'string') assert.equal(status.Err ?? '', error);
      else assert.match(status.Err ?? '', error);
    }));

test('a bind source that goes away before the start', () =>
  onNode(async ({ rig: { manager }, task }) => {
    const source = `${engine.directory}/gone`;
    await mkdir(source);
    const one = task(
      { ...SLEEP, Mounts: [{ Type: 'bind', Source: source, Target: '/x' }] },
      { desired: 'ready' },
    );
    manager.assign(one);
    await manager.until(one.ID, 'ready');
    await rmdir(source);
    manager.desire(one.ID, 'running');
    const { Err } = await manager.until(one.ID, 'failed');
    assert.equal(
      Err,
      `starting container failed: invalid bind mount source, source path not found: ${source}`,
    );
  }));

test('running means healthy; a container that falls ill later is stopped and has failed', () =>
  onNode(async ({ rig: { manager }, task }) => {
    const Healthcheck = {
      Test: ['CMD', 'test', '-e', '/tmp/well'],
      Interval: 2e8,
      Retries: 2,
      StartPeriod: 20e9,
    };
    const one = task({
      ...shell('sleep 1; touch /tmp/well; sleep 3; rm /tmp/well; sleep 1000'),
      Healthcheck,
    });
    manager.assign(one);
    await manager.until(one.ID, 'starting');
    const begun = Date.now();
    await manager.until(one.ID, 'running');
    assert.ok(Date.now() - begun > 800, 'it was not healthy yet');
    const { Err, ContainerStatus } = await manager.until(one.ID, 'failed');
    assert.equal(Err, 'task: non-zero exit (137): dockerexec: unhealthy container');
    assert.equal(ContainerStatus!.ExitCode, 137);
  }));

test('a task whose container never gets healthy can be stopped meanwhile', () =>
  onNode(async ({ rig: { manager }, task }) => {
    const one = task({ ...SLEEP, Healthcheck: { Test: ['CMD', 'false'], Interval: 2e8, Retries: 1000 } });
    manager.assign(one);
    await manager.until(one.ID, 'starting');
    manager.desire(one.ID, 'shutdown');
    await manager.until(one.ID, 'shutdown');
  }));

for (const [how, method, path] of [
  ['killed', 'POST', '/kill'],
  ['stopped', 'POST', '/stop?t=1'],
  ['removed by force', 'DELETE', '?force=1'],
] as const)
  test(`a container that is ${how} by somebody else has failed`, () =>
    onNode(async ({ rig: { manager }, task }) => {
      const one = task();
      manager.assign(one);
      const { ContainerStatus } = await manager.until(one.ID, 'running');
      await engine.client.json(method, `/containers/${ContainerStatus!.ContainerID}${path}`);
      const { Err } = await manager.until(one.ID, 'failed');
      assert.equal(Err, 'task: non-zero exit (137)');
    }));

test('host ports are told, those of the engine’s choice too', () =>
  onNode(async ({ rig: { manager }, task }) => {
    const Ports = [
      { TargetPort: 80, PublishedPort: 18080, PublishMode: 'host', Protocol: 'tcp' },
      { TargetPort: 81, PublishMode: 'host', Protocol: 'udp' },
    ];
    const one = task(SLEEP, { endpoint: { Ports } });
    manager.assign(one);
    const { PortStatus } = await manager.until(one.ID, 'running');
    assert.ok(PortStatus.Ports!.some((p) => p.TargetPort === 80 && p.PublishedPort === 18080));
    assert.ok(PortStatus.Ports!.some((p) => p.Protocol === 'udp' && p.PublishedPort! > 1024));
    manager.desire(one.ID, 'shutdown');
    assert.deepEqual((await manager.until(one.ID, 'shutdown')).PortStatus, {});
  }));

test('networks of the node, more than one', () =>
  onNode(async ({ rig: { manager, nodeId }, task }) => {
    for (const Name of ['a', 'b'])
      await engine.client.json('POST', '/networks/create', { body: { Name: `${nodeId}${Name}` } });
    const Networks = [{ Target: `${nodeId}a`, Aliases: ['db'] }, { Target: `${nodeId}b` }];
    const one = task(SLEEP, { template: { Networks } });
    manager.assign(one);
    const { ContainerStatus } = await manager.until(one.ID, 'running');
    const { NetworkSettings } = await inspect(ContainerStatus!.ContainerID);
    assert.deepEqual(Object.keys(NetworkSettings.Networks).sort(), [`${nodeId}a`, `${nodeId}b`]);
    const two = task(SLEEP, { template: { Networks: [{ Target: 'nosuchnet' }] } });
    manager.assign(two);
    assert.match((await manager.until(two.ID, 'failed')).Err!, /network nosuchnet not found/);
  }));

test('secrets and configs are files with owner and mode, in memory, until their container ends', () =>
  onNode(async ({ rig, task }) => {
    const { manager } = rig;
    const meta = { Version: { Index: 1 }, CreatedAt: '', UpdatedAt: '', internal: {} };
    const data = (text: string) => Buffer.from(text).toString('base64');
    manager.secrets = [{ ID: 's1', ...meta, Spec: { Name: 'pw', Data: data('geheim') } }];
    manager.configs = [
      {
        ID: 'c1',
        ...meta,
        Spec: {
          Name: 'conf',
          Data: data('slot {{.Task.Slot}} {{secret "pw"}}'),
          Templating: { Name: 'golang' },
        },
      },
    ];
    manager.send({ secrets: manager.secrets, configs: manager.configs });
    const look = 'stat -c "%n %a %u %g" /run/secrets/pw /abs/pw2 /conf; cat /run/secrets/pw /abs/pw2 /conf';
    const one = task({
      ...shell(`(${look}; echo x > /run/secrets/pw) > /out/log 2>&1; sleep 1000`),
      ReadOnly: true,
      Mounts: [{ Type: 'bind', Source: engine.directory, Target: '/out' }],
      Secrets: [
        { SecretID: 's1', SecretName: 'pw', File: { Name: 'pw', UID: '0', GID: '0', Mode: 0o444 } },
        { SecretID: 's1', SecretName: 'pw', File: { Name: '/abs/pw2', UID: '7', GID: '8', Mode: 0o400 } },
      ],
      Configs: [
        { ConfigID: 'c1', ConfigName: 'conf', File: { Name: 'conf', UID: '0', GID: '0', Mode: 0o440 } },
      ],
    });
    manager.assign(one);
    await manager.until(one.ID, 'running');
    const log = () => readFile(`${engine.directory}/log`, 'utf8').catch(() => '');
    await eventually('the container has looked', async () => (await log()).includes('ead-only'));
    assert.deepEqual((await log()).split('\n').slice(0, 4), [
      '/run/secrets/pw 444 0 0',
      '/abs/pw2 400 7 8',
      '/conf 440 0 0',
      "geheimgeheimslot 1 geheimsh: can't create /run/secrets/pw: Read-only file system",
    ]);
    assert.equal((await stat(rig.filesFolder)).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(rig.filesFolder), [one.ID]);
    manager.desire(one.ID, 'shutdown');
    await manager.until(one.ID, 'shutdown');
    assert.deepEqual(await readdir(rig.filesFolder), []);
  }));

test('anonymous volumes go with their task, named ones stay', () =>
  onNode(async ({ rig: { manager, nodeId }, task }) => {
    const one = task({
      ...SLEEP,
      Mounts: [
        { Type: 'volume', Target: '/anonymous' },
        { Type: 'volume', Source: `${nodeId}-{{.Task.Slot}}`, Target: '/named' },
      ],
    });
    manager.assign(one);
    const { ContainerStatus } = await manager.until(one.ID, 'running');
    const { Mounts } = await inspect(ContainerStatus!.ContainerID);
    const anonymous = Mounts.find((mount) => mount.Destination === '/anonymous')!.Name;
    manager.remove(one.ID);
    await eventually('the container is removed', async () => (await containersOf(nodeId)).length === 0);
    const { Volumes } = await engine.client.json<{ Volumes: Array<{ Name: string }> }>('GET', '/volumes');
    const names = Volumes.map(({ Name }) => Name);
    assert.ok(!names.includes(anonymous!));
    assert.ok(names.includes(`${nodeId}-1`));
  }));

test('the next agent takes up what runs and touches nothing that is not its own', () =>
  onNode(async (node) => {
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
    const started = (await inspect(before.ContainerStatus!.ContainerID)).State.StartedAt;
    await rig.stop();
    assert.equal((await containersOf(nodeId)).filter(({ State }) => State === 'running').length, 3);
    manager.tasks.delete(dropped.ID);
    await eventually('one exits meanwhile', async () =>
      (await containersOf(nodeId)).some(({ State }) => State === 'exited'),
    );
    node.rig = rig.again();
    assert.equal((await manager.until(exits.ID, 'failed')).Err, 'task: non-zero exit (4)');
    await eventually(
      'what is not assigned is removed',
      async () => (await containersOf(nodeId)).length === 2,
    );
    const now = await inspect(before.ContainerStatus!.ContainerID);
    assert.equal(now.State.StartedAt, started);
    assert.equal(manager.status(kept.ID)!.State, 'running');
    manager.desire(kept.ID, 'shutdown');
    await manager.until(kept.ID, 'shutdown');
    await engine.client.json('DELETE', `/containers/${stranger.Id}`);
    await node.rig.stop();
  }));

for (const requests of [1, 2, 3, 4])
  test(`an agent that dies with its request ${requests} to the engine leaves nothing double`, () =>
    onNode(async (node) => {
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
      const containers = await containersOf(nodeId);
      assert.equal(containers.length, 1);
      await eventually('it has started', async () => (await readFile(counted, 'utf8')) !== '');
      assert.equal(await readFile(counted, 'utf8'), 'x\n', 'it was started once');
    }));

test('the manager may be away: nothing changes on the host, and everything is told afterwards', () =>
  onNode(async ({ rig: { manager, nodeId }, task }) => {
    const [one, two] = [task(), task(shell('sleep 1; exit 0'))];
    manager.assign(one, two);
    await manager.until(one.ID, 'running');
    await manager.until(two.ID, 'running');
    manager.away = true;
    manager.cut();
    await eventually('one ends meanwhile', async () =>
      (await containersOf(nodeId)).some(({ State }) => State === 'exited'),
    );
    assert.equal(manager.status(two.ID)!.State, 'running');
    manager.away = false;
    await manager.until(two.ID, 'complete');
    assert.equal(manager.status(one.ID)!.State, 'running');
    assert.equal((await containersOf(nodeId)).filter(({ State }) => State === 'running').length, 1);
  }));

test('thirty tasks share one attempt to pull, and few engine calls', () =>
  onNode(async ({ rig, task }) => {
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
  onNode(async ({ rig: { manager }, task }) => {
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

test('a node that leaves takes away all its containers and files, and no others', () =>
  onNode(async ({ rig, task }) => {
    const other = new Rig(engine.socket, `${rig.nodeId}other`);
    const theirs = makeTask(`${rig.nodeId}x`, { nodeId: other.nodeId, container: SLEEP });
    other.manager.assign(theirs);
    rig.manager.assign(task(), task({ ...SLEEP, StopSignal: 'SIGTERM' }));
    await rig.manager.until(`${rig.nodeId}t2`, 'running');
    await other.manager.until(theirs.ID, 'running');
    await rig.stop();
    await rig.tasks.clear();
    assert.deepEqual(await containersOf(rig.nodeId), []);
    await assert.rejects(stat(rig.filesFolder));
    assert.equal((await containersOf(other.nodeId))[0]?.State, 'running');
    await other.clear();
  }));
