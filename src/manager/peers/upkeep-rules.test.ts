import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CORRUPT, NOSPACE } from '../../store/etcd/maintenance-messages.ts';
import type { Member } from '../../store/etcd/member-messages.ts';
import {
  alarmTexts,
  compactTo,
  hasRoom,
  KEPT_REVISIONS,
  turnOf,
  wantsDefragmentation,
} from './upkeep-rules.ts';

const MIB = 1024 * 1024;
const member = (ID: string, isLearner = false): Member => ({ ID, name: `n${ID}`, peerURLs: [], isLearner });

test('what a view still needs, what is new, and the last revisions are never forgotten', () => {
  const facts = fc.record({
    revision: fc.nat(1_000_000),
    before: fc.option(fc.nat(1_000_000), { nil: undefined }),
    needed: fc.oneof(fc.nat(1_000_000), fc.constant(Number.POSITIVE_INFINITY)),
    dbSize: fc.nat(),
    dbSizeInUse: fc.nat(1024 * MIB),
    alarmed: fc.boolean(),
  });
  fc.assert(
    fc.property(facts, (given) => {
      const target = compactTo(given);
      if (target === undefined) return;
      assert.ok(target > 0 && target <= given.needed && target <= given.revision);
      assert.ok(given.before !== undefined && target <= given.before);
      if (!given.alarmed) assert.ok(target <= given.revision - KEPT_REVISIONS);
    }),
  );
});

test('less history is kept where there is much, and none while there is no room', () => {
  const facts = {
    revision: 50_000,
    before: 49_000,
    needed: 48_500,
    dbSize: 0,
    dbSizeInUse: 0,
    alarmed: false,
  };
  assert.equal(compactTo(facts), 40_000);
  assert.equal(compactTo({ ...facts, dbSizeInUse: 3000 * MIB }), 48_500);
  assert.equal(compactTo({ ...facts, needed: Number.POSITIVE_INFINITY, alarmed: true }), 49_000);
  assert.equal(compactTo({ ...facts, before: undefined, alarmed: true }), undefined);
  assert.equal(compactTo({ ...facts, revision: 5000, before: 4000 }), undefined);
});

test('a file is made smaller if it is large and mostly empty', () => {
  const wants = (dbSize: number, dbSizeInUse: number) =>
    wantsDefragmentation({ dbSize: dbSize * MIB, dbSizeInUse: dbSizeInUse * MIB });
  assert.deepEqual([wants(300, 100), wants(300, 200), wants(200, 10)], [true, false, false]);
  assert.equal(hasRoom({ dbSize: 89, dbSizeInUse: 0 }, 100), true);
  assert.equal(hasRoom({ dbSize: 90, dbSizeInUse: 0 }, 100), false);
});

test('no two members are at it in the same round or the next, and the one that leads is the last', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.nat(4000).map((id) => id.toString(16)),
        { minLength: 1 },
      ),
      fc.nat(),
      (ids, pick) => {
        const members = ids.map((id) => member(id));
        const leader = ids[pick % ids.length]!;
        const turns = ids.map((id) => turnOf([...members, member('learner', true)], id, leader));
        assert.deepEqual(
          turns.toSorted((a, b) => a - b),
          ids.map((_, index) => 2 * index),
        );
        assert.equal(turnOf(members, leader, leader), Math.max(...turns));
      },
    ),
  );
});

test('an alarm is told with the manager’s name and what to do', () => {
  const texts = alarmTexts(
    [
      { memberID: 'a', alarm: NOSPACE },
      { memberID: 'b', alarm: CORRUPT },
      { memberID: 'a', alarm: 9 },
    ],
    [member('a')],
    8192 * MIB,
  );
  assert.match(texts[0]!, /manager na has reached 8192 MiB.*remove services/);
  assert.match(texts[1]!, /manager b is not the one.*demote it/);
  assert.match(texts[2]!, /alarm 9/);
});
