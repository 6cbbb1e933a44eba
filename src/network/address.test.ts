import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, single, toHex, toNumber } from './address.ts';
import { assignSlots, INGRESS_TABLE, isOurTable, linkOf } from './names.ts';

test('addresses as the kernel prints them', () => {
  assert.equal(canonical('FD00:0:0::0A'), 'fd00::a');
  assert.equal(canonical('fd00:0::/64'), 'fd00::/64');
  assert.equal(canonical('10.0.0.0/8'), '10.0.0.0/8');
  assert.equal(single('fd00::a'), 'fd00::a/128');
  assert.equal(single('10.0.0.1'), '10.0.0.1/32');
  assert.throws(() => canonical('fd00::zz'), /fd00::zz is not an IP address/);
});

test('addresses as numbers', () => {
  assert.equal(toNumber('10.0.1.2'), 0x0a000102);
  assert.equal(toNumber('255.255.255.255'), 0xffffffff);
  assert.equal(toHex('fd01::a'), '0xfd01000000000000000000000000000a');
  assert.equal(toHex('::1'), '0x00000000000000000000000000000001');
  assert.equal(toHex('1:2:3:4:5:6:7:8'), '0x00010002000300040005000600070008');
});

test('each link has addresses and a routing table of its own', () => {
  const links = [0, 1, 127, 128, 8191].map(linkOf);
  const values = links.flatMap(({ name, table, ...addresses }) => [name, table, ...Object.values(addresses)]);
  assert.equal(new Set(values).size, values.length);
  assert.deepEqual([links[0]!.hostAddress, links[0]!.innerAddress], ['169.254.64.0', '169.254.64.1']);
  assert.deepEqual([links[4]!.hostAddress, links[4]!.innerAddress], ['169.254.127.254', '169.254.127.255']);
  for (const { table, hostAddress6 } of links) {
    assert.ok(isOurTable(table));
    assert.equal(canonical(hostAddress6), hostAddress6);
  }
  assert.ok(isOurTable(INGRESS_TABLE));
  assert.ok(!isOurTable(254));
});

test('networks keep the number of their link; those of others are not given again', () => {
  const known = new Map([
    ['a', 0],
    ['b', 2],
  ]);
  assert.deepEqual(
    [...assignSlots(['b', 'c', 'd'], known)],
    [
      ['b', 2],
      ['c', 1],
      ['d', 3],
    ],
  );
});
