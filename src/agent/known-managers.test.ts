import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ManagerAddress } from '../model/protocol.ts';
import { KnownManagers } from './known-managers.ts';

const some = fc.array(
  fc.integer({ min: 1, max: 9 }).map((n): ManagerAddress => ({ NodeID: `m${n}`, Addr: `10.0.0.${n}:2377` })),
  { maxLength: 5 },
);

test('the leader’s word replaces what was known, others only add to it, and nothing makes a node forget all', () => {
  const words = fc.array(fc.tuple(fc.boolean(), some));
  fc.assert(
    fc.property(some, words, (first, said) => {
      let recorded = first;
      const known = new KnownManagers(first, (all) => {
        assert.notDeepEqual(all, recorded);
        recorded = all;
      });
      for (const [leads, managers] of said) {
        const before = recorded;
        if (leads) known.are(managers);
        else known.learned(managers);
        if (leads && managers.length > 0) assert.deepEqual(recorded, managers);
        else for (const one of before) assert.ok(recorded.includes(one));
        if (!leads) for (const { Addr } of managers) assert.ok(recorded.some((one) => one.Addr === Addr));
      }
    }),
  );
});

test('who says that there are managers without end is not believed', () => {
  let recorded: ManagerAddress[] = [];
  const known = new KnownManagers([], (all) => {
    recorded = all;
  });
  known.learned(Array.from({ length: 1000 }, (_, n) => ({ NodeID: `m${n}`, Addr: `10.0.0.1:${n}` })));
  assert.equal(recorded.length, 32);
});
