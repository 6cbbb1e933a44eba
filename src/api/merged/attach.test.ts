import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerFor, endpointFor, namedNetworks, wantedNetwork } from './attach.ts';

const PLACE = { network: 'app', ipv4: '10.0.1.5', ipv6: undefined, nameServer: '10.0.1.2' };

test('the networks that a new container names', () => {
  assert.deepEqual(namedNetworks({}), []);
  for (const NetworkMode of ['', 'default', 'bridge', 'host', 'none', 'container:x'])
    assert.deepEqual(namedNetworks({ HostConfig: { NetworkMode } }), []);
  const both = {
    hostconfig: { networkMode: 'a' },
    NetworkingConfig: { EndpointsConfig: { a: {}, b: null } },
  };
  assert.deepEqual(namedNetworks(both), ['a', 'b']);
});

test('what an endpoint asks for', () => {
  const endpoint = { IPAMConfig: { IPv4Address: '10.0.1.9', IPv6Address: '' }, Aliases: ['db'], Links: [] };
  assert.deepEqual(wantedNetwork('app', endpoint, true), {
    network: 'app',
    addresses: ['10.0.1.9'],
    aliases: ['db'],
    ownNameServers: true,
  });
  assert.deepEqual(wantedNetwork('app', {}, false), {
    ...{ network: 'app', addresses: [], aliases: [], ownNameServers: false },
  });
});

test('an endpoint gets its address, its aliases are only kept by the engine, all else stays', () => {
  const endpoint = { Aliases: ['db'], DriverOpts: { a: 'b' }, IPAMConfig: { LinkLocalIPs: ['169.254.1.1'] } };
  assert.deepEqual(endpointFor(endpoint, PLACE), {
    DriverOpts: { a: 'b', 'essaim.aliases': 'db' },
    IPAMConfig: { LinkLocalIPs: ['169.254.1.1'], IPv4Address: '10.0.1.5' },
  });
  assert.deepEqual(endpointFor({}, PLACE), { IPAMConfig: { IPv4Address: '10.0.1.5' } });
});

test('a container gets its places and the name servers before its own', () => {
  const body = { Image: 'x', HostConfig: { NetworkMode: 'APP', Dns: ['9.9.9.9'], Memory: 5 } };
  assert.deepEqual(containerFor(body, new Map([['APP', PLACE]])), {
    Image: 'x',
    HostConfig: { NetworkMode: 'app', Dns: ['10.0.1.2', '9.9.9.9'], Memory: 5 },
    NetworkingConfig: { EndpointsConfig: { app: { IPAMConfig: { IPv4Address: '10.0.1.5' } } } },
  });
  const two = {
    HostConfig: { NetworkMode: 'local' },
    NetworkingConfig: { EndpointsConfig: { local: { Aliases: ['a'] }, app: { Aliases: ['b'] } } },
  };
  assert.deepEqual(containerFor(two, new Map([['app', PLACE]])), {
    HostConfig: { NetworkMode: 'local', Dns: ['10.0.1.2'] },
    NetworkingConfig: {
      EndpointsConfig: {
        local: { Aliases: ['a'] },
        app: { IPAMConfig: { IPv4Address: '10.0.1.5' }, DriverOpts: { 'essaim.aliases': 'b' } },
      },
    },
  });
});
