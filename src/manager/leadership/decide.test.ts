import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide, PATIENCE, RELUCTANCE, type Sight, type Standing, VACANCY } from './decide.ts';

const standing = (more: Partial<Standing> = {}): Standing => ({
  ...{ nodeId: 'me', since: undefined, vacant: 0, gone: false, leaderless: 0, resigned: false },
  ...more,
});
const sight = (more: Partial<Sight> = {}): Sight => ({
  ...{ memberId: 'a', raftLeader: 'a', raftTerm: 5, lead: undefined },
  ...more,
});
const of = (holder: string, raftTerm = 5, revision = 10) => ({ holder, raftTerm, revision });

test("the manager beside etcd's new leader takes the lead, whoever had it", () => {
  assert.equal(decide(sight(), standing()), 'take');
  assert.equal(decide(sight({ lead: of('other', 4) }), standing()), 'take');
});

test('who took over from a daemon that was away keeps the lead when that comes back', () => {
  assert.equal(decide(sight({ lead: of('other', 5) }), standing()), 'keep');
});

test('a vacant lead is anybody’s after a while', () => {
  assert.equal(decide(sight({ raftLeader: 'b' }), standing({ vacant: VACANCY - 1 })), 'keep');
  assert.equal(decide(sight({ raftLeader: 'b' }), standing({ vacant: VACANCY })), 'take');
});

test('a term of office ends when another has begun, and survives a moment without a leader of etcd', () => {
  assert.equal(decide(sight({ lead: of('me') }), standing({ since: 10 })), 'keep');
  assert.equal(decide(sight({ lead: of('me', 5, 11) }), standing({ since: 10 })), 'lost');
  assert.equal(decide(sight({ lead: of('other', 6, 11) }), standing({ since: 10 })), 'lost');
  assert.equal(decide(sight(), standing({ since: 10 })), 'lost');
  for (const gone of [undefined, sight({ raftLeader: '' })]) {
    assert.equal(decide(gone, standing({ since: 10, leaderless: PATIENCE - 1 })), 'keep');
    assert.equal(decide(gone, standing({ since: 10, leaderless: PATIENCE })), 'lost');
    assert.equal(decide(gone, standing({ leaderless: PATIENCE })), 'keep');
  }
});

test('the lead of a daemon that is certainly away is taken at once', () => {
  const held = sight({ raftLeader: 'b', lead: of('other') });
  assert.equal(decide(held, standing({ gone: true })), 'take');
  assert.equal(decide(held, standing({ gone: true, resigned: true })), 'keep');
  assert.equal(decide({ ...held, lead: of('me') }, standing({ gone: true, since: 10 })), 'keep');
});

test('a record of a process that is no more is written anew', () => {
  assert.equal(decide(sight({ raftLeader: 'b', lead: of('me') }), standing()), 'take');
});

test('who has left the lead to others takes it again if nobody does', () => {
  const resigned = (vacant: number) => standing({ vacant, resigned: true });
  assert.equal(decide(sight(), resigned(RELUCTANCE - 1)), 'keep');
  assert.equal(decide(sight(), resigned(RELUCTANCE)), 'take');
  assert.equal(decide(sight({ raftLeader: 'b' }), resigned(RELUCTANCE)), 'take');
  assert.equal(decide(sight({ raftLeader: '' }), resigned(RELUCTANCE)), 'keep');
});

test('nobody takes what another manager holds in the present term of etcd, nor after resigning', () => {
  const anything = fc.record({
    raftLeader: fc.constantFrom('', 'a', 'b'),
    vacant: fc.nat(2 * VACANCY),
    leaderless: fc.nat(2 * PATIENCE),
  });
  fc.assert(
    fc.property(anything, ({ raftLeader, vacant, leaderless }) => {
      const held = sight({ raftLeader, lead: of('other', 5) });
      assert.notEqual(decide(held, standing({ vacant, leaderless })), 'take');
      const mine = standing({ vacant, leaderless, resigned: true });
      assert.notEqual(decide(sight({ raftLeader }), mine), 'take');
    }),
  );
});
