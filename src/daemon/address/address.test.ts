import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type HostInterface,
  hostPort,
  resolveAddresses,
  resolveDataPathAddress,
  splitHostPort,
} from './address.ts';

const lo: HostInterface = { name: 'lo', addresses: ['127.0.0.1', '::1'], external: false };
const eth0: HostInterface = { name: 'eth0', addresses: ['192.168.99.101', 'fe80::1'], external: true };
const docker0: HostInterface = { name: 'docker0', addresses: ['172.17.0.1'], external: false };
const eth1: HostInterface = { name: 'eth1', addresses: ['10.1.0.5'], external: true };
const one = [lo, eth0, docker0];
const two = [...one, eth1];

test('the only address of a host is advertised', () => {
  assert.deepEqual(resolveAddresses('0.0.0.0:2377', '', one), {
    listenHost: '0.0.0.0',
    listenPort: 2377,
    advertiseHost: '192.168.99.101',
    advertisePort: 2377,
  });
});

test('addresses and interfaces, with and without port', () => {
  const at = (listen: string, advertise: string) => {
    const a = resolveAddresses(listen, advertise, two);
    return `${hostPort(a.listenHost, a.listenPort)} ${hostPort(a.advertiseHost, a.advertisePort)}`;
  };
  assert.equal(at('0.0.0.0:2377', 'eth1'), '0.0.0.0:2377 10.1.0.5:2377');
  assert.equal(at('0.0.0.0:2377', 'eth1:4000'), '0.0.0.0:2377 10.1.0.5:4000');
  assert.equal(at('eth0', ''), '192.168.99.101:2377 192.168.99.101:2377');
  assert.equal(at('0.0.0.0:5000', '192.168.99.101'), '0.0.0.0:5000 192.168.99.101:5000');
  assert.equal(at('[::]:2377', '10.1.0.5'), '[::]:2377 10.1.0.5:2377');
  assert.equal(at('10.1.0.5:2377', '203.0.113.9'), '10.1.0.5:2377 203.0.113.9:2377');
});

const refusals: Array<[string, string, HostInterface[], RegExp]> = [
  [
    '0.0.0.0:2377',
    '',
    two,
    /multiple addresses on different interfaces \(192.168.99.101 on eth0 and 10.1.0.5 on eth1\) - specify one with --advertise-addr/,
  ],
  ['0.0.0.0:2377', '', [lo], /could not find the system's IP address/],
  [
    '0.0.0.0:2377',
    '203.0.113.9',
    two,
    /must specify a listening address because the address to advertise is not recognized/,
  ],
  ['0.0.0.0:2377', '0.0.0.0', one, /advertise address must be a non-zero IP address/],
  ['0.0.0.0:2377', 'nonsense', one, /advertise address must be a non-zero IP address/],
  ['0.0.0.0:2377', '1.2.3.4:99999', one, /advertise address must be a non-zero IP address/],
  ['nonsense', '', one, /listen address must be an IP address/],
  ['', '', one, /invalid ListenAddr/],
];
for (const [listen, advertise, interfaces, message] of refusals) {
  test(`refused: listen ${listen || '(empty)'}, advertise ${advertise || '(empty)'} on ${interfaces.length} interfaces`, () => {
    assert.throws(() => resolveAddresses(listen, advertise, interfaces), message);
  });
}

test('data path addresses', () => {
  assert.equal(resolveDataPathAddress('eth0', one), '192.168.99.101');
  assert.throws(() => resolveDataPathAddress('0.0.0.0', one), /data path address must be/);
});

test('host and port apart', () => {
  assert.deepEqual(splitHostPort('[::1]:2377'), { host: '::1', port: 2377 });
  assert.deepEqual(splitHostPort('fe80::1'), { host: 'fe80::1' });
  assert.equal(splitHostPort('a:b:c'), undefined);
});
