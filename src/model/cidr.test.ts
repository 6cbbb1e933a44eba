import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contains,
  formatAddress,
  formatSubnet,
  hostOf,
  lastOf,
  overlaps,
  parseAddress,
  parseSubnet,
} from './cidr.ts';

const v4 = fc.bigInt(0n, (1n << 32n) - 1n).map((value) => ({ version: 4 as const, value }));
const v6 = fc.bigInt(0n, (1n << 128n) - 1n).map((value) => ({ version: 6 as const, value }));

test('what is written is read again, and Node takes it for an address', () => {
  fc.assert(
    fc.property(fc.oneof(v4, v6), (address) => {
      const text = formatAddress(address);
      assert.equal(isIP(text), address.version);
      assert.deepEqual(parseAddress(text), address);
    }),
  );
});

test('only what Node takes for an address is one', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f:.]{1,20}$/), (text) => {
      assert.equal(parseAddress(text)?.version ?? 0, isIP(text));
    }),
  );
});

test('known texts', () => {
  const same = (text: string) => formatAddress(parseAddress(text)!);
  assert.equal(same('FD00:0:0:1::5'), 'fd00:0:0:1::5');
  assert.equal(same('0:0:0:0:0:0:0:0'), '::');
  assert.equal(same('::ffff:10.0.0.1'), '::ffff:a00:1');
  assert.equal(formatSubnet(parseSubnet('10.0.9.77/24')!), '10.0.9.0/24');
  assert.equal(formatSubnet(parseSubnet('fd00::1/64')!), 'fd00::/64');
  assert.equal(hostOf('10.0.0.1/8'), '10.0.0.1');
  for (const text of ['10.0.0/8', '10.0.0.0/33', '10.0.0.0', 'fd00::/129', '/8', '10.0.0.1/', 'x/8'])
    assert.equal(parseSubnet(text), undefined, text);
});

test('subnets overlap exactly where one contains the first address of the other', () => {
  const subnet = fc.tuple(fc.bigInt(0n, 255n), fc.integer({ min: 24, max: 32 })).map(([low, prefix]) => {
    return parseSubnet(`${formatAddress({ version: 4, value: low })}/${prefix}`)!;
  });
  fc.assert(
    fc.property(subnet, subnet, (a, b) => {
      const either =
        contains(a, { version: 4, value: b.first }) || contains(b, { version: 4, value: a.first });
      assert.equal(overlaps(a, b), either);
      assert.ok(contains(a, { version: 4, value: lastOf(a) }));
      assert.ok(!contains(a, { version: 4, value: lastOf(a) + 1n }));
    }),
  );
});
