import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { balancerParts } from './balancer.ts';
import type { NftTable } from './nft.ts';

const web = (targets: string[], before?: NftTable) =>
  balancerParts(
    { name: 'web', match: 'meta l4proto tcp', targets, targetPort: 80, action: 'counter' },
    before,
  );
const tableOf = ({ sets }: ReturnType<typeof web>): NftTable => ({
  family: 'inet',
  name: 't',
  sets,
  chains: new Map(),
});

test('each family has its map and its rule', () => {
  const { sets, chain } = web(['10.0.0.1', 'fd00::1', '10.0.0.2']);
  assert.deepEqual(
    [...sets.get('web_ip')!.elements],
    [
      ['0', '10.0.0.1'],
      ['1', '10.0.0.2'],
    ],
  );
  assert.deepEqual([...sets.get('web_ip6')!.elements], [['0', 'fd00::1']]);
  assert.deepEqual(chain.rules, [
    'meta nfproto ipv4 meta l4proto tcp counter dnat ip to numgen inc mod 2 map @web_ip : 80',
    'meta nfproto ipv6 meta l4proto tcp counter dnat ip6 to numgen inc mod 1 map @web_ip6 : 80',
  ]);
});

test('a family without targets has no rule', () => {
  const { chain } = web(['fd00::1']);
  assert.equal(chain.rules.length, 1);
  assert.deepEqual(web([]).chain.rules, []);
});

test('all targets have a number below their count; those that stay and can keep theirs do', () => {
  const targets = fc.uniqueArray(fc.integer({ min: 1, max: 30 }).map((n) => `10.0.0.${n}`));
  fc.assert(
    fc.property(targets, targets, (before, after) => {
      const old = tableOf(web(before));
      const { elements } = web(after, old).sets.get('web_ip')!;
      assert.deepEqual([...elements.values()].sort(), [...after].sort());
      assert.deepEqual(
        [...elements.keys()],
        after.map((_, index) => String(index)),
      );
      for (const [key, target] of old.sets.get('web_ip')!.elements)
        if (after.includes(target) && Number(key) < after.length) assert.equal(elements.get(key), target);
    }),
  );
});
