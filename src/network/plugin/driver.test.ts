import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { LocalPort } from '../overlay/facts.ts';
import { testOverlay } from '../testing/overlay.ts';
import { OverlayDriver, type OverlayPorts } from './driver.ts';
import { type PluginServer, servePlugin } from './server.ts';

let folder: string;
let server: PluginServer;
let ports: Map<string, LocalPort>;
let gone: number;
let now: number;
let ingress: boolean;
let lateChanges: number;
let named: string[];
let letStart: Promise<void> | undefined;
const socket = (): string => join(folder, 'plugins/essaim.sock');
const log = { debug: () => {}, info: () => {}, warn: () => {} };

function makeDriver(): OverlayDriver {
  const overlay: OverlayPorts = {
    state: testOverlay({ ingress }),
    get endpointIds() {
      return [...ports.keys()];
    },
    join: async (port) => {
      ports.set(port.endpointId, port);
      return `e${port.endpointId}`;
    },
    leave: async (id) => void ports.delete(id),
  };
  return new OverlayDriver({
    stateDir: folder,
    overlay: async () => overlay,
    find: () => overlay,
    now: () => now,
    failed: assert.fail,
    gone: () => gone++,
    lateChanged: () => lateChanges++,
    named: async (sandbox) => {
      await letStart;
      named.push(sandbox);
    },
  });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'essaim-plugin-'));
  [ports, gone, now, ingress, lateChanges] = [new Map(), 0, 1_000_000, false, 0];
  [named, letStart] = [[], undefined];
  server = await servePlugin(socket(), makeDriver(), log);
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Calls the plugin as the engine does. */
function call(method: string, body: object = {}): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket(), method: 'POST', path: `/${method}` }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) as unknown }));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

const network = { NetworkID: 'n1' };
const endpoint = { ...network, EndpointID: 'e1' };
const create = (): ReturnType<typeof call> =>
  call('NetworkDriver.CreateNetwork', {
    ...network,
    Options: { 'com.docker.network.generic': { 'essaim.network': testOverlay().id } },
  });
const createEndpoint = (more: object = {}): ReturnType<typeof call> =>
  call('NetworkDriver.CreateEndpoint', {
    ...endpoint,
    Interface: { Address: '10.0.1.5/24', AddressIPv6: 'fd01::5/64', MacAddress: '', ...more },
  });
const join_ = (): ReturnType<typeof call> =>
  call('NetworkDriver.Join', { ...endpoint, SandboxKey: '/run/docker/netns/x' });

test('says what it is', async () => {
  assert.deepEqual((await call('Plugin.Activate')).body, { Implements: ['NetworkDriver'] });
  assert.deepEqual((await call('NetworkDriver.GetCapabilities')).body, {
    Scope: 'local',
    ConnectivityScope: 'global',
  });
  const unknown = await call('NetworkDriver.Fly');
  assert.equal(unknown.status, 500);
  assert.deepEqual(unknown.body, { Err: '/NetworkDriver.Fly is not a call of the network-plugin protocol' });
});

test('a container comes and goes', async () => {
  await create();
  assert.deepEqual((await createEndpoint()).body, { Interface: { MacAddress: '02:42:0a:00:01:05' } });
  assert.deepEqual((await join_()).body, { InterfaceName: { SrcName: 'ee1', DstPrefix: 'eth' } });
  assert.deepEqual(ports.get('e1')?.addresses, ['10.0.1.5', 'fd01::5']);
  assert.deepEqual((await call('NetworkDriver.Leave', endpoint)).body, {});
  assert.deepEqual((await call('NetworkDriver.DeleteEndpoint', endpoint)).body, {});
  assert.equal(ports.size, 0);
  assert.deepEqual((await call('NetworkDriver.DeleteEndpoint', endpoint)).body, {});
  assert.deepEqual((await call('NetworkDriver.DeleteNetwork', network)).body, {});
  assert.equal(gone, 2);
});

test('on the ingress network the host is the gateway', async () => {
  ingress = true;
  await server.close();
  server = await servePlugin(socket(), makeDriver(), log);
  await create();
  await createEndpoint();
  assert.deepEqual((await join_()).body, {
    InterfaceName: { SrcName: 'ee1', DstPrefix: 'eth' },
    Gateway: '10.0.1.1',
  });
});

test('an IPv6 address that the engine does not know is the container’s all the same', async () => {
  await create();
  await call('NetworkDriver.CreateEndpoint', {
    ...endpoint,
    Interface: { Address: '10.0.1.5/24', AddressIPv6: '', MacAddress: '' },
    Options: { 'essaim.ipv6': 'fd01::5' },
  });
  await join_();
  assert.deepEqual(ports.get('e1')?.addresses, ['10.0.1.5', 'fd01::5']);
});

test('on the ingress network the engine’s own bridge is the gateway of a container with ports of its host', async () => {
  ingress = true;
  await create();
  await call('NetworkDriver.CreateEndpoint', {
    ...endpoint,
    Interface: { Address: '10.0.1.5/24', AddressIPv6: '', MacAddress: '' },
    Options: { 'essaim.hostports': 'true' },
  });
  const joined = await makeDriver().join({ ...endpoint, SandboxKey: '/none' });
  assert.deepEqual(joined, { InterfaceName: { SrcName: 'ee1', DstPrefix: 'eth' } });
});

test('what the engine said is known to the next process', async () => {
  await create();
  await createEndpoint();
  await server.close();
  server = await servePlugin(socket(), makeDriver(), log);
  assert.equal((await join_()).status, 200);
});

test('endpoints that went without a word are forgotten, those on their way are not', async () => {
  await create();
  await createEndpoint();
  const driver = makeDriver();
  await driver.forgetLost();
  now += 61_000;
  const call_ = { ...endpoint, SandboxKey: '' };
  assert.ok(await driver.join(call_));
  await driver.forgetLost();
  assert.ok(await driver.join(call_));
  ports.clear();
  await driver.forgetLost();
  await assert.rejects(driver.join(call_), /endpoint e1 is not known/);
});

test('a container that was there before is told of while it is on the network, also by the next process', async () => {
  await create();
  await createEndpoint();
  await join_();
  const driver = makeDriver();
  await driver.join({ ...endpoint, SandboxKey: '/x' });
  assert.deepEqual(named, []);
  assert.deepEqual(driver.lateContainers(), []);
  await driver.createEndpoint({
    ...endpoint,
    Interface: { Address: '10.0.1.5/24' },
    Options: { 'essaim.nameservers': '192.0.2.7,::1' },
  });
  assert.deepEqual(driver.lateContainers(), []);
  lateChanges = 0;
  const letting = Promise.withResolvers<void>();
  letStart = letting.promise;
  const joining = driver.join({ ...endpoint, SandboxKey: '/x' });
  assert.equal(await Promise.race([joining, setTimeout(20, 'waits')]), 'waits');
  letting.resolve();
  await joining;
  assert.deepEqual(named, ['/x']);
  const late = { sandbox: '/x', networkId: testOverlay().id, address: '10.0.1.5' };
  const nameServers = ['192.0.2.7', '::1'];
  assert.deepEqual(driver.lateContainers(), [{ ...late, nameServers }]);
  const next = makeDriver();
  await next.forgetLost();
  assert.deepEqual(next.lateContainers(), [{ ...late, nameServers }]);
  assert.ok(lateChanges >= 2);
  await next.leave(endpoint);
  assert.deepEqual(next.lateContainers(), []);
});

test('refuses what it cannot keep', async () => {
  assert.deepEqual((await call('NetworkDriver.CreateNetwork', network)).body, {
    Err: 'networks of the driver "essaim" are made by the swarm: use "docker network create -d overlay"',
  });
  assert.deepEqual((await createEndpoint()).body, { Err: 'network n1 is not one of this swarm' });
  await create();
  assert.deepEqual((await createEndpoint({ MacAddress: '02:00:00:00:00:01' })).body, {
    Err: 'the MAC address of 10.0.1.5 on an overlay network is 02:42:0a:00:01:05, not 02:00:00:00:00:01',
  });
  assert.deepEqual((await createEndpoint({ Address: '' })).body, {
    Err: 'a container on an overlay network needs an IPv4 address',
  });
  assert.deepEqual((await call('NetworkDriver.Join', { ...endpoint, EndpointID: 'e9' })).body, {
    Err: 'endpoint e9 is not known',
  });
});
