import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { MembershipRecord } from '../membership/swarm-dir.ts';
import type { HostInterface } from './address.ts';
import { followAddress, newPlace, placesOf } from './readdress.ts';

const lo: HostInterface = { name: 'lo', addresses: ['127.0.0.1'], external: false };
const eth0 = (...addresses: string[]): HostInterface => ({ name: 'eth0', addresses, external: true });
const eth1 = (...addresses: string[]): HostInterface => ({ name: 'eth1', addresses, external: true });
const record: MembershipRecord = {
  nodeId: 'n',
  role: 'worker',
  listenHost: '0.0.0.0',
  listenPort: 2377,
  advertiseHost: '10.0.0.5',
  advertisePort: 2377,
  managers: [],
};

test('what a user gave as an address stays, what was taken from an interface is known by it', () => {
  const interfaces = [lo, eth0('10.0.0.5'), eth1('10.1.0.5')];
  const of = (ListenAddr: string, AdvertiseAddr: string, DataPathAddr = '') =>
    placesOf({ ListenAddr, AdvertiseAddr, DataPathAddr }, interfaces);
  assert.deepEqual(of('0.0.0.0:2377', ''), { advertiseFrom: '' });
  assert.deepEqual(of('', ''), { advertiseFrom: '' });
  assert.deepEqual(of('[::]:2377', 'eth1:2377', 'eth0'), { advertiseFrom: 'eth1', dataPathFrom: 'eth0' });
  assert.deepEqual(of('eth1:4000', ''), { advertiseFrom: 'eth1' });
  assert.deepEqual(of('10.1.0.5:2377', ''), {});
  assert.deepEqual(of('0.0.0.0:2377', '10.0.0.5', '10.1.0.5'), {});
  // An address that others translate to this host's.
  assert.deepEqual(of('0.0.0.0:2377', '203.0.113.9:2377'), {});
});

test('a host follows its interface, and stays where it is while that has no address or several', () => {
  const named = { ...record, advertiseFrom: 'eth0', dataPathHost: '10.1.0.5', dataPathFrom: 'eth1' };
  const now = (...interfaces: HostInterface[]) => newPlace(named, [lo, ...interfaces]);
  assert.equal(now(eth0('10.0.0.5'), eth1('10.1.0.5')), undefined);
  assert.deepEqual(now(eth0('10.0.0.6'), eth1('10.1.0.5')), { advertiseHost: '10.0.0.6' });
  assert.deepEqual(now(eth0('10.0.0.6'), eth1('10.1.0.6')), {
    advertiseHost: '10.0.0.6',
    dataPathHost: '10.1.0.6',
  });
  assert.equal(now(eth0(), eth1('10.1.0.5')), undefined);
  assert.equal(now(eth1('10.1.0.5')), undefined);
  assert.equal(now(eth0('10.0.0.6', '10.0.0.7'), eth1('10.1.0.5')), undefined);
  assert.equal(now(eth0('10.0.0.6', '10.0.0.5'), eth1('10.1.0.5')), undefined);
});

test('a host of one address follows it, and is not led astray by further ones', () => {
  const only = { ...record, advertiseFrom: '' };
  const now = (...interfaces: HostInterface[]) => newPlace(only, [lo, ...interfaces]);
  assert.deepEqual(now(eth0('10.0.0.6')), { advertiseHost: '10.0.0.6' });
  assert.deepEqual(now(eth1('192.168.1.2')), { advertiseHost: '192.168.1.2' });
  assert.equal(now(eth0('10.0.0.5'), eth1('192.168.1.2')), undefined);
  assert.equal(now(eth0('10.0.0.6'), eth1('192.168.1.2')), undefined);
  assert.equal(now(), undefined);
  assert.equal(newPlace(record, [lo, eth0('10.0.0.6')]), undefined);
});

test('each move is told once, as soon as it can be said where the host is', async () => {
  const clock = new VirtualClock();
  const over = new AbortController();
  let now: MembershipRecord = { ...record, advertiseFrom: '' };
  let interfaces = [lo, eth0('10.0.0.5')];
  const moves: string[] = [];
  const following = followAddress({
    record: () => now,
    interfaces: () => interfaces,
    clock,
    moved(place) {
      now = { ...now, ...place };
      moves.push(now.advertiseHost);
    },
    signal: over.signal,
  });
  await clock.advance(5000);
  interfaces = [lo, eth0()];
  await clock.advance(5000);
  interfaces = [lo, eth0('10.0.0.9')];
  await clock.advance(1000);
  assert.deepEqual(moves, ['10.0.0.9']);
  await clock.advance(5000);
  over.abort();
  await following;
  assert.deepEqual(moves, ['10.0.0.9']);
});
