import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Commit } from '../store/contract.ts';
import { Burst } from './burst.ts';

const written = (kind: string, id: string, before?: object, after?: object): Commit =>
  ({ revision: 1, events: [{ kind, id, before, after }] }) as unknown as Commit;
const posted = (kind: string, id: string): Commit => written(kind, id, undefined, { ID: id });
const removed = (kind: string, id: string): Commit => written(kind, id, { ID: id });

test('a service alone is not held; what follows closely waits until no more comes', () => {
  const burst = new Burst();
  burst.apply(posted('service', 'a'), 1_000);
  assert.equal(burst.holds('a', 1_000), false);
  burst.apply(posted('service', 'b'), 1_040);
  burst.apply(posted('service', 'c'), 1_060);
  assert.equal(burst.holds('a', 1_100), false);
  assert.equal(burst.holds('b', 1_100), true);
  // Three times the 40 ms that the second one took.
  assert.equal(burst.until, 1_180);
  assert.equal(burst.holds('c', 1_180), false);
  burst.apply(posted('service', 'd'), 1_461);
  assert.equal(burst.holds('d', 1_461), false);
});

test('the pause after the last one is 30 ms at least, 100 ms where several wait, 300 ms at most', () => {
  const burst = new Burst();
  for (const now of [0, 1]) burst.apply(posted('service', `s${now}`), now);
  assert.equal(burst.until, 31);
  burst.apply(posted('service', 's2'), 2);
  assert.equal(burst.until, 102);
  burst.apply(posted('service', 'late'), 152);
  assert.equal(burst.until, 452);
});

test('a service that comes with its network is held, and none for longer than three seconds', () => {
  const burst = new Burst();
  burst.apply(posted('network', 'n'), 0);
  for (let now = 10; now < 3_000; now += 10) burst.apply(posted('service', `s${now}`), now);
  assert.equal(burst.holds('s10', 2_999), true);
  assert.equal(burst.holds('s2990', 3_000), false);
  for (const now of [3_000, 3_010]) burst.apply(posted('service', `s${now}`), now);
  assert.equal(burst.holds('s10', 3_020), false);
  assert.equal(burst.holds('s3010', 3_020), true);
});

test('tasks and changes of services begin nothing', () => {
  const burst = new Burst();
  burst.apply(posted('task', 't'), 0);
  burst.apply(posted('service', 'a'), 10);
  burst.apply(written('service', 'a', { ID: 'a' }, { ID: 'a' }), 20);
  assert.equal(burst.holds('a', 20), false);
});

test('services that are removed one after the other end together, the first and one alone at once', () => {
  const burst = new Burst();
  burst.apply(removed('service', 'a'), 0);
  assert.equal(burst.holds('a', 0), false);
  burst.apply(removed('service', 'b'), 20);
  burst.apply(removed('service', 'c'), 40);
  burst.apply(removed('network', 'n'), 60);
  assert.equal(burst.holds('a', 60), false);
  assert.equal(burst.holds('b', 60), true);
  assert.equal(burst.holds('c', burst.until - 1), true);
  assert.equal(burst.holds('c', burst.until), false);
  burst.apply(removed('service', 'd'), 1_000);
  assert.equal(burst.holds('d', 1_000), false);
});

test('a service that was changed meanwhile is looked at at once; one that was given addresses is not', () => {
  const burst = new Burst();
  const before = { ID: 'a', Spec: { Name: 'a' } };
  const write = (after: object) => burst.apply(written('service', 'a', before, after), 20);
  burst.apply(posted('network', 'n'), 0);
  burst.apply(posted('service', 'a'), 10);
  write({ ID: 'a', Spec: { Name: 'a' }, Endpoint: {} });
  assert.equal(burst.holds('a', 20), true);
  write({ ID: 'a', Spec: { Name: 'a', Mode: { Global: {} }, Labels: { a: '1' } } });
  assert.equal(burst.holds('a', 20), false);
});
