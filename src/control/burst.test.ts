import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Commit } from '../store/contract.ts';
import { Burst } from './burst.ts';

const posted = (kind: string, id: string): Commit =>
  ({ revision: 1, events: [{ kind, id, before: undefined, after: { ID: id } }] }) as unknown as Commit;

test('a service alone is not held; what follows closely waits until no more comes', () => {
  const burst = new Burst();
  burst.apply(posted('service', 'a'), 1_000);
  assert.equal(burst.holds('a', 1_000), false);
  burst.apply(posted('service', 'b'), 1_040);
  burst.apply(posted('service', 'c'), 1_060);
  assert.equal(burst.holds('a', 1_100), false);
  assert.equal(burst.holds('b', 1_100), true);
  // Twice the 40 ms that the second one took.
  assert.equal(burst.until, 1_140);
  assert.equal(burst.holds('c', 1_140), false);
  burst.apply(posted('service', 'd'), 1_261);
  assert.equal(burst.holds('d', 1_261), false);
});

test('the pause after the last one is 30 ms at least, 100 ms at most', () => {
  const burst = new Burst();
  for (const now of [0, 1]) burst.apply(posted('service', `s${now}`), now);
  assert.equal(burst.until, 31);
  burst.apply(posted('service', 'late'), 150);
  assert.equal(burst.until, 250);
});

test('a service that comes with its network is held, and none for longer than a second', () => {
  const burst = new Burst();
  burst.apply(posted('network', 'n'), 0);
  for (let now = 10; now < 1_000; now += 10) burst.apply(posted('service', `s${now}`), now);
  assert.equal(burst.holds('s10', 999), true);
  assert.equal(burst.holds('s990', 1_000), false);
  for (const now of [1_000, 1_010]) burst.apply(posted('service', `s${now}`), now);
  assert.equal(burst.holds('s10', 1_020), false);
  assert.equal(burst.holds('s1010', 1_020), true);
});

test('tasks and changes of services begin nothing', () => {
  const burst = new Burst();
  burst.apply(posted('task', 't'), 0);
  burst.apply(posted('service', 'a'), 10);
  const changed = { kind: 'service', id: 'a', before: { ID: 'a' }, after: { ID: 'a' } };
  burst.apply({ revision: 2, events: [changed] } as unknown as Commit, 20);
  assert.equal(burst.holds('a', 20), false);
});

test('a service that was changed or removed meanwhile is looked at at once', () => {
  const burst = new Burst();
  burst.apply(posted('network', 'n'), 0);
  burst.apply(posted('service', 'a'), 10);
  const removed = { kind: 'service', id: 'a', before: { ID: 'a' }, after: undefined };
  burst.apply({ revision: 2, events: [removed] } as unknown as Commit, 20);
  assert.equal(burst.holds('a', 20), false);
});
