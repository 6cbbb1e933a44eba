import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeen, listedWith, runsOnOverlay, withExposed } from './container-view.ts';

const OVERLAYS = new Map([['e1', { id: 'o1', name: 'app', isLocal: false }]]);
const TASK = { 'com.docker.swarm.task': '' };

test('what stands for an overlay is shown as the overlay', () => {
  const Networks = {
    app: { NetworkID: 'e1', Aliases: ['0123456789ab'], DriverOpts: null },
    bridge: { NetworkID: 'b1', Aliases: null, DriverOpts: { a: 'b' } },
  };
  const HostConfig = { NetworkMode: 'e1', Memory: 5 };
  const seen = asSeen({ Id: 'c', HostConfig, NetworkSettings: { Networks } }, OVERLAYS);
  assert.deepEqual(seen, {
    Id: 'c',
    HostConfig: { NetworkMode: 'app', Memory: 5 },
    NetworkSettings: { Networks: { ...Networks, app: { ...Networks.app, NetworkID: 'o1' } } },
  });
});

test('a task is on networks of its service, whatever its engine was told', () => {
  const HostConfig = { NetworkMode: 'e1' };
  for (const task of [{ Labels: TASK }, { Config: { Labels: TASK } }])
    assert.equal(asSeen({ ...task, HostConfig }, OVERLAYS).HostConfig!.NetworkMode, 'default');
  const onBridge = { Labels: TASK, HostConfig: { NetworkMode: 'bridge' } };
  assert.deepEqual(asSeen(onBridge, OVERLAYS), onBridge);
});

test('aliases are shown before the container’s id, and what keeps them is not', () => {
  const shown = (app: object) =>
    asSeen({ NetworkSettings: { Networks: { app } } }, OVERLAYS).NetworkSettings.Networks.app;
  const kept = { 'essaim.aliases': 'db,sql' };
  assert.deepEqual(shown({ NetworkID: 'e1', Aliases: ['0123456789ab'], DriverOpts: kept }), {
    ...{ NetworkID: 'o1', Aliases: ['db', 'sql', '0123456789ab'], DriverOpts: null },
  });
  const before = { NetworkID: '', Aliases: null, DriverOpts: { ...kept, a: 'b' } };
  assert.deepEqual(shown(before), { NetworkID: '', Aliases: ['db', 'sql'], DriverOpts: { a: 'b' } });
});

test('what has no networks stays as it is', () => {
  for (const container of [{}, { NetworkSettings: {} }, { NetworkSettings: { Networks: null } }])
    assert.deepEqual(asSeen(container, OVERLAYS), container);
});

test('the ports that a container on an overlay exposes are shown while it runs', () => {
  const NetworkSettings = {
    Networks: { app: { NetworkID: 'e1' } },
    Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] },
  };
  const Config = { ExposedPorts: { '80/tcp': {}, '53/udp': {} } };
  const running = { State: { Running: true }, Config, NetworkSettings };
  assert.ok(runsOnOverlay(running, OVERLAYS));
  assert.ok(!runsOnOverlay({ ...running, State: { Running: false } }, OVERLAYS));
  assert.ok(!runsOnOverlay(running, new Map()));
  const { Ports } = NetworkSettings;
  assert.deepEqual(withExposed(running).NetworkSettings.Ports, { '53/udp': null, ...Ports });
  const listed = {
    State: 'running',
    Ports: [{ PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    NetworkSettings,
  };
  assert.ok(runsOnOverlay(listed, OVERLAYS));
  assert.ok(!runsOnOverlay({ ...listed, State: 'exited' }, OVERLAYS));
  const shown = [{ PrivatePort: 53, Type: 'udp' }];
  assert.deepEqual(listedWith(listed, ['53/udp', '80/tcp']).Ports, [...listed.Ports, ...shown]);
});

test('name servers are shown as they were asked for, aliases among the names', () => {
  const overlays = new Map([
    ['e1', { id: 'o1', name: 'app', isLocal: false, nameServers: ['10.0.1.1'] }],
    ['e2', { id: 'o2', name: 'lan', isLocal: true, nameServers: ['172.20.0.1'] }],
  ]);
  const shown = (Dns: string[], endpoint: object, labels: Record<string, string> = {}) =>
    asSeen(
      { Config: { Labels: labels }, HostConfig: { Dns }, NetworkSettings: { Networks: { endpoint } } },
      overlays,
    ).HostConfig!.Dns;
  assert.deepEqual(shown(['10.0.1.1', '9.9.9.9'], { NetworkID: 'e1' }), ['9.9.9.9']);
  assert.deepEqual(shown(['10.0.1.1'], { NetworkID: 'e1' }), []);
  assert.equal(shown(['10.0.1.1'], { NetworkID: 'e1' }, TASK), null);
  assert.deepEqual(shown(['10.0.1.1'], { NetworkID: 'b1' }), ['10.0.1.1']);
  assert.deepEqual(shown(['172.20.0.1'], { NetworkID: 'e2' }), ['172.20.0.1']);
  // Who is connected later was given none.
  const late = { NetworkID: 'e1', DriverOpts: { 'essaim.nameservers': '10.0.1.1' } };
  assert.deepEqual(shown(['10.0.1.1'], late), ['10.0.1.1']);
  const named = {
    NetworkID: 'e1',
    DNSNames: ['c1', '0123'],
    Aliases: null,
    DriverOpts: { 'essaim.aliases': 'www,db' },
  };
  const { app } = asSeen({ NetworkSettings: { Networks: { app: named } } }, overlays).NetworkSettings
    .Networks;
  assert.deepEqual((app as { DNSNames: string[] }).DNSNames, ['c1', 'www', 'db', '0123']);
});
