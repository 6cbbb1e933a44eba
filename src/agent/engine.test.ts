/** The agent on a real engine, with a manager that assigns what the tests say. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rmdir, stat } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import type { ContainerSpec } from '../model/spec.ts';
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

test('a task runs, tells of its container, and is shut down', () =>
  onNode(engine, async ({ rig: { manager, nodeId }, task }) => {
    const one = task();
    manager.assign(one);
    const running = await manager.until(one.ID, 'running');
    const [container] = await containersOf(engine, nodeId);
    const { State } = await inspect(engine, container!.Id);
    assert.deepEqual(running.ContainerStatus, { ContainerID: container!.Id, PID: State.Pid, ExitCode: 0 });
    assert.equal(running.Message, 'started');
    manager.desire(one.ID, 'shutdown');
    const over = await manager.until(one.ID, 'shutdown');
    assert.equal(over.Message, 'shutdown');
    assert.deepEqual(over.ContainerStatus, { ContainerID: container!.Id, PID: 0, ExitCode: 137 });
    assert.equal((await containersOf(engine, nodeId)).length, 1, 'a container stays as long as its task');
    manager.remove(one.ID);
    await eventually(
      'the container is removed',
      async () => (await containersOf(engine, nodeId)).length === 0,
    );
  }));

test('a task that is wanted ready waits for more', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
    const one = task(SLEEP, { desired: 'ready' });
    manager.assign(one);
    const ready = await manager.until(one.ID, 'ready');
    assert.equal((await inspect(engine, ready.ContainerStatus!.ContainerID)).State.Status, 'created');
    manager.desire(one.ID, 'running');
    await manager.until(one.ID, 'running');
  }));

test('what waits for its turn to be started when its service goes is not started', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
    const all = Array.from({ length: 40 }, () => task());
    manager.assign(...all);
    const ran = () => all.filter(({ ID }) => manager.states(ID).includes('running')).length;
    // Containers are made in the order of their tasks, and then started.
    await eventually('the first run', async () => ran() > 0);
    const before = ran();
    manager.send({ removedServices: [all[0]!.ServiceID] });
    const decided = (id: string) =>
      manager.states(id).some((state) => state === 'running' || state === 'shutdown');
    await eventually('all others are shut down', async () => all.every(({ ID }) => decided(ID)));
    assert.ok(
      ran() < before + 20,
      `${ran()} of 40 have been started, ${before} before their service was gone`,
    );
  }));

const failures: Array<[string, ContainerSpec, 'rejected' | 'failed' | 'complete', string, string | RegExp]> =
  [
    ['no image', { Image: 'nosuch' }, 'rejected', 'preparing', /^No such image: nosuch:latest/],
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
    onNode(engine, async ({ rig: { manager }, task }) => {
      const one = task(container);
      manager.assign(one);
      const status = await manager.until(one.ID, state);
      assert.equal(status.Message, message);
      if (typeof error === 'string') assert.equal(status.Err ?? '', error);
      else assert.match(status.Err ?? '', error);
    }));

test('a bind source that goes away before the start', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
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
  onNode(engine, async ({ rig: { manager }, task }) => {
    const Healthcheck = {
      Test: ['CMD', 'test', '-e', '/tmp/well'],
      Interval: 2e8,
      // Engines since 25 would look every five seconds at first.
      StartInterval: 2e8,
      Retries: 2,
      StartPeriod: 20e9,
    };
    const one = task({
      ...shell('sleep 1; touch /tmp/well; sleep 3; rm /tmp/well; sleep 1000'),
      Healthcheck,
    });
    manager.assign(one);
    const starting = await manager.until(one.ID, 'starting');
    const begun = Date.now();
    const running = await manager.until(one.ID, 'running');
    assert.ok(Date.now() - begun > 800, 'it was not healthy yet');
    const id = running.ContainerStatus!.ContainerID;
    assert.deepEqual(starting.ContainerStatus, { ContainerID: id, PID: 0, ExitCode: 0 });
    const { Err, ContainerStatus } = await manager.until(one.ID, 'failed');
    assert.equal(Err, 'task: non-zero exit (137): dockerexec: unhealthy container');
    assert.equal(ContainerStatus!.ExitCode, 137);
  }));

test('a task whose container never gets healthy can be stopped meanwhile', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
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
    onNode(engine, async ({ rig: { manager }, task }) => {
      const one = task();
      manager.assign(one);
      const { ContainerStatus } = await manager.until(one.ID, 'running');
      await engine.client.json(method, `/containers/${ContainerStatus!.ContainerID}${path}`);
      const { Err } = await manager.until(one.ID, 'failed');
      assert.equal(Err, 'task: non-zero exit (137)');
    }));

test('host ports are told, those of the engine’s choice too', () =>
  onNode(engine, async ({ rig: { manager }, task }) => {
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
  onNode(engine, async ({ rig: { manager, nodeId }, task }) => {
    for (const Name of ['a', 'b'])
      await engine.client.json('POST', '/networks/create', { body: { Name: `${nodeId}${Name}` } });
    const Networks = [{ Target: `${nodeId}a`, Aliases: ['db'] }, { Target: `${nodeId}b` }];
    const one = task(SLEEP, { template: { Networks } });
    manager.assign(one);
    const { ContainerStatus } = await manager.until(one.ID, 'running');
    const { NetworkSettings } = await inspect(engine, ContainerStatus!.ContainerID);
    assert.deepEqual(Object.keys(NetworkSettings.Networks).sort(), [`${nodeId}a`, `${nodeId}b`]);
    const two = task(SLEEP, { template: { Networks: [{ Target: 'nosuchnet' }] } });
    manager.assign(two);
    assert.match((await manager.until(two.ID, 'failed')).Err!, /network nosuchnet not found/);
  }));

test('secrets and configs are files with owner and mode, in memory, until their container ends', () =>
  onNode(engine, async ({ rig, task }) => {
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
      { ID: 'c2', ...meta, Spec: { Name: 'ep', Data: data('#!/bin/sh\necho it ran\n') } },
    ];
    manager.send({ secrets: manager.secrets, configs: manager.configs });
    const look = 'stat -c "%n %a %u %g" /run/secrets/pw /abs/pw2 /conf; cat /run/secrets/pw /abs/pw2 /conf';
    const mount = 'grep " /ep.sh " /proc/self/mounts | cut -d" " -f4 | cut -d, -f1-2';
    const one = task({
      ...shell(`(${look}; echo; /ep.sh; ${mount}; echo x > /run/secrets/pw) > /out/log 2>&1; sleep 1000`),
      ReadOnly: true,
      Mounts: [{ Type: 'bind', Source: engine.directory, Target: '/out' }],
      Secrets: [
        { SecretID: 's1', SecretName: 'pw', File: { Name: 'pw', UID: '0', GID: '0', Mode: 0o444 } },
        { SecretID: 's1', SecretName: 'pw', File: { Name: '/abs/pw2', UID: '7', GID: '8', Mode: 0o400 } },
      ],
      Configs: [
        { ConfigID: 'c1', ConfigName: 'conf', File: { Name: 'conf', UID: '0', GID: '0', Mode: 0o440 } },
        { ConfigID: 'c2', ConfigName: 'ep', File: { Name: 'ep.sh', UID: '0', GID: '0', Mode: 0o755 } },
      ],
    });
    manager.assign(one);
    await manager.until(one.ID, 'running');
    const log = () => readFile(`${engine.directory}/log`, 'utf8').catch(() => '');
    await eventually('the container has looked', async () => (await log()).includes('ead-only'));
    assert.deepEqual((await log()).split('\n').slice(0, 7), [
      '/run/secrets/pw 444 0 0',
      '/abs/pw2 400 7 8',
      '/conf 440 0 0',
      'geheimgeheimslot 1 geheim',
      'it ran',
      'ro,relatime',
      "sh: can't create /run/secrets/pw: Read-only file system",
    ]);
    assert.equal((await stat(rig.filesFolder)).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(rig.filesFolder), [one.ID]);
    manager.desire(one.ID, 'shutdown');
    await manager.until(one.ID, 'shutdown');
    assert.deepEqual(await readdir(rig.filesFolder), []);
  }));

test('anonymous volumes go with their task, named ones stay', () =>
  onNode(engine, async ({ rig: { manager, nodeId }, task }) => {
    const one = task({
      ...SLEEP,
      Mounts: [
        { Type: 'volume', Target: '/anonymous' },
        { Type: 'volume', Source: `${nodeId}-{{.Task.Slot}}`, Target: '/named' },
      ],
    });
    manager.assign(one);
    const { ContainerStatus } = await manager.until(one.ID, 'running');
    const { Mounts } = await inspect(engine, ContainerStatus!.ContainerID);
    const anonymous = Mounts.find((mount) => mount.Destination === '/anonymous')!.Name;
    manager.remove(one.ID);
    await eventually(
      'the container is removed',
      async () => (await containersOf(engine, nodeId)).length === 0,
    );
    const { Volumes } = await engine.client.json<{ Volumes: Array<{ Name: string }> }>('GET', '/volumes');
    const names = Volumes.map(({ Name }) => Name);
    assert.ok(!names.includes(anonymous!));
    assert.ok(names.includes(`${nodeId}-1`));
  }));
