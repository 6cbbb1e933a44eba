import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../memory.ts';
import { History, outcomeIn, type Write } from './history.ts';

/** Three writes in a row as they ought to be. */
async function wellDone() {
  const store = openMemoryStore();
  const history = new History();
  for (let i = 0; i < 3; i++) await history.write(store);
  for (const [index, write] of history.writes.entries())
    Object.assign(write, { began: 10 * index, ended: 10 * index + 5, term: 'a' });
  return { history, outcome: outcomeIn(store.view), writes: history.writes as [Write, Write, Write] };
}

test('nothing is wrong where nothing is', async () => {
  const { history, outcome } = await wellDone();
  assert.equal(history.count('acknowledged'), 3);
  assert.deepEqual(history.problems(outcome), []);
});

test('a write that was acknowledged and is lost, and one that was refused and is there', async () => {
  const { history, outcome, writes } = await wellDone();
  writes[0].outcome = 'refused';
  const revisions = new Map(outcome.revisions);
  revisions.delete('w1');
  const problems = history.problems({ ...outcome, revisions });
  assert.match(problems[0]!, /w0 was refused .* and is there/);
  assert.match(problems[1]!, /w1 was acknowledged and is lost/);
  assert.match(problems[2]!, /there are 2 writes, and 3 were counted/);
});

test('a write that comes before one that had been acknowledged when it began', async () => {
  const { history, outcome, writes } = await wellDone();
  Object.assign(writes[0], { began: 30, ended: 35 });
  assert.match(history.problems(outcome).join('\n'), /w0 began when w1 had been acknowledged/);
});

test('a leader that goes on after another one has led', async () => {
  const { history, outcome, writes } = await wellDone();
  writes[1].term = 'b';
  assert.match(history.problems(outcome).join('\n'), /w2 is of the term a, which was over at w1/);
});
