import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { settled, VirtualClock } from '../../test/support/virtual-clock.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleService, sampleTask } from '../store/samples.ts';
import { seen } from '../store/testing/seen.ts';
import { CommitQueue } from './commit-queue.ts';

const service = sampleService('s');

/**
 * A queue of messages for tasks, whose commits take `took` ms of the process's time and `latency` ms of waiting, and whose
 * rests last until `goOn` is called.
 */
async function queue(t: TestContext, { limit = 100, latency = 0 } = {}) {
  const clock = new VirtualClock();
  const memory = openMemoryStore();
  const ids = Array.from({ length: 10 }, (_, index) => `t${index}`);
  await memory.commit({
    changes: ids.map((id) => ({ op: 'put', kind: 'task', object: sampleTask(id, service) })),
  });
  const world = { took: 0, sizes: [] as number[], rests: [] as number[], goOn: () => {} };
  const store = seen(memory, ({ changes }) => {
    clock.pause(world.took);
    world.sizes.push(changes.length);
  });
  const commit: typeof store.commit = (proposal) =>
    latency === 0
      ? store.commit(proposal)
      : new Promise((resolve) => clock.timer(latency, () => resolve(store.commit(proposal))));
  const entries = new CommitQueue<string>({
    store: { view: store.view, watch: store.watch.bind(store), close: store.close.bind(store), commit },
    clock,
    limit,
    pause: 20,
    rest(ms) {
      world.rests.push(ms);
      return new Promise((resolve) => {
        world.goOn = resolve;
      });
    },
    merge: (_, later) => later,
    change(view, id, Message) {
      const task = view.get('task', id)!;
      return { op: 'put', kind: 'task', object: { ...task, Status: { ...task.Status, Message } } };
    },
  });
  t.after(() => entries.close(new Error('over')));
  const goOn = async () => {
    world.goOn();
    await settled();
  };
  const message = (id: string) => memory.view.get('task', id)!.Status.Message;
  return { clock, world, entries, goOn, message };
}

test('a rest precedes each transaction, for as long as the last one took', async (t) => {
  const { clock, world, entries, goOn, message } = await queue(t);
  world.took = 7;
  const first = entries.add('t0', 'one');
  await clock.advance(0);
  assert.deepEqual(world.sizes, []);
  await goOn();
  await first;
  const second = entries.add('t0', 'two');
  await clock.advance(20);
  await goOn();
  await second;
  assert.deepEqual(world.rests, [0, 7]);
  assert.equal(message('t0'), 'two');
});

test('what the store waits for keeps nobody', async (t) => {
  const { clock, world, entries, goOn } = await queue(t, { latency: 50 });
  for (const text of ['one', 'two']) {
    const added = entries.add('t0', text);
    await clock.advance(20);
    await goOn();
    await clock.advance(50);
    await added;
  }
  assert.deepEqual(world.rests, [0, 0]);
});

test('what comes during a rest is written with what waits, the last word of each', async (t) => {
  const { clock, world, entries, goOn, message } = await queue(t);
  const added = [entries.add('t0', 'early'), entries.add('t1', 'one')];
  await clock.advance(0);
  added.push(entries.add('t0', 'late'), entries.add('t2', 'two'));
  await clock.advance(100);
  assert.deepEqual([world.rests.length, world.sizes], [1, []]);
  await goOn();
  await Promise.all(added);
  assert.deepEqual(world.sizes, [3]);
  assert.deepEqual(['t0', 't1', 't2'].map(message), ['late', 'one', 'two']);
});

test('a full transaction does not wait for others, and the rest comes with the next', async (t) => {
  const { clock, world, entries, goOn } = await queue(t, { limit: 4 });
  const added = Array.from({ length: 10 }, (_, index) => entries.add(`t${index}`, 'x'));
  for (let round = 0; round < 2; round++) {
    await clock.advance(0);
    await goOn();
  }
  assert.deepEqual(world.sizes, [4, 4]);
  await clock.advance(19);
  assert.equal(world.rests.length, 2);
  await clock.advance(1);
  await goOn();
  await Promise.all(added);
  assert.deepEqual(world.sizes, [4, 4, 2]);
});

test('a queue that is closed during a rest writes nothing', async (t) => {
  const { clock, world, entries, goOn } = await queue(t);
  const added = entries.add('t0', 'one');
  await clock.advance(0);
  entries.close(new Error('stopping'));
  await assert.rejects(added, /stopping/);
  await goOn();
  await clock.advance(100);
  assert.deepEqual(world.sizes, []);
  await assert.rejects(entries.add('t0', 'two'), /stopping/);
});
