import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { advice, hasQuorum, mayAdd, mayRemove, quorum, survivable, type Voter } from './quorum.ts';

const voters: fc.Arbitrary<Voter[]> = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 9 })
  .map((reachable) => reachable.map((here, index) => ({ id: `${index}`, reachable: here })));

test('any two quorums have a member in common, and no fewer would do', () => {
  for (let count = 1; count < 20; count++) {
    assert.ok(2 * quorum(count) > count);
    assert.ok(2 * (quorum(count) - 1) <= count);
    assert.equal(survivable(count) + quorum(count), count);
  }
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(survivable), [0, 0, 0, 1, 1, 2, 2, 3]);
});

test('whoever may go leaves a quorum, and whoever may not would take it or there is none', () => {
  fc.assert(
    fc.property(voters, fc.nat(), (given, pick) => {
      const { id } = given[pick % given.length]!;
      const rest = given.filter((voter) => voter.id !== id);
      const kept = rest.length > 0 && hasQuorum(rest);
      assert.equal(mayRemove(given, id), hasQuorum(given) && kept);
    }),
  );
});

test('one that is away may always go while there is a quorum, unless it is the last', () => {
  fc.assert(
    fc.property(voters, (given) => {
      const away = given.find(({ reachable }) => !reachable);
      fc.pre(away !== undefined && hasQuorum(given));
      assert.equal(mayRemove(given, away.id), true);
    }),
  );
});

test('a learner may go while there is a quorum', () => {
  fc.assert(fc.property(voters, (given) => assert.equal(mayRemove(given, 'learner'), hasQuorum(given))));
});

test('whoever is added finds a quorum, and from three on also if it goes away again at once', () => {
  fc.assert(
    fc.property(voters, (given) => {
      fc.pre(mayAdd(given));
      assert.ok(hasQuorum([...given, { id: 'new', reachable: true }]));
      assert.equal(hasQuorum([...given, { id: 'new', reachable: false }]), given.length > 1);
    }),
  );
});

test('managers can be added one after the other while all are there, and be removed again down to one', () => {
  const all: Voter[] = [{ id: '0', reachable: true }];
  while (all.length < 9) {
    assert.ok(mayAdd(all));
    all.push({ id: `${all.length}`, reachable: true });
  }
  while (all.length > 1) {
    assert.ok(mayRemove(all, all[0]!.id));
    all.shift();
  }
  assert.equal(mayRemove(all, all[0]!.id), false);
});

test('numbers that survive no more than one fewer are advised against', () => {
  assert.deepEqual([1, 3, 5].map(advice), [undefined, undefined, undefined]);
  assert.match(advice(2)!, /^WARNING: Running Swarm in a two-manager configuration\./);
  assert.match(advice(4)!, /with 4 managers: they survive the loss of 1, as 3 would\.\s+One more .* 2\.$/);
});
