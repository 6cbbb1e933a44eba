import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type Commit, CompactedError } from './contract.ts';
import { openMemoryStore } from './memory.ts';
import { sampleService, sampleTask } from './samples.ts';
import { WatchLog } from './watch-log.ts';

describe('memory store', () => {
  test('freezes what it holds, throughout, and not what was handed in', async () => {
    const store = openMemoryStore();
    const given = sampleService('a');
    await store.commit({ changes: [{ op: 'put', kind: 'service', object: given }] });
    const held = store.view.get('service', 'a')!;
    assert.throws(() => {
      held.UpdatedAt = 'now';
    }, TypeError);
    assert.throws(() => {
      held.Spec.TaskTemplate!.ContainerSpec!.Env!.push('C=3');
    }, TypeError);
    given.UpdatedAt = 'now';
    assert.notEqual(held.UpdatedAt, 'now');
  });

  test('shows a commit in the same stretch of code that made it', async () => {
    const store = openMemoryStore();
    const service = sampleService('a');
    const commits = ['t1', 't2'].map((id) =>
      store.commit({ changes: [{ op: 'put', kind: 'task', object: sampleTask(id, service) }] }),
    );
    assert.equal(store.view.count('task'), 2);
    assert.deepEqual(
      (await Promise.all(commits)).map(({ revision }) => revision),
      [1, 2],
    );
  });
});

describe('watch log', () => {
  const commit = (revision: number, size = 1): Commit => ({
    revision,
    events: Array.from({ length: size }, () => ({ kind: 'service', id: 'a', after: sampleService('a') })),
  });
  const revisionsFrom = (log: WatchLog, from: number) => {
    const seen: number[] = [];
    log.watch(from, ({ revision }) => seen.push(revision))();
    return seen;
  };

  test('remembers at least as many events as told, and says from where', () => {
    const log = new WatchLog({ revision: 7, remember: 10 });
    for (let revision = 8; revision <= 100; revision++) log.append(commit(revision));
    assert.throws(() => revisionsFrom(log, 7), CompactedError);
    assert.throws(() => revisionsFrom(log, 79), CompactedError);
    assert.deepEqual(revisionsFrom(log, 90), [91, 92, 93, 94, 95, 96, 97, 98, 99, 100]);
    assert.deepEqual(revisionsFrom(log, 100), []);
  });

  test('remembers the last commit, however large', () => {
    const log = new WatchLog({ revision: 0, remember: 10 });
    log.append(commit(1));
    log.append(commit(2, 1000));
    assert.deepEqual(revisionsFrom(log, 1), [2]);
    assert.throws(() => revisionsFrom(log, 0), CompactedError);
  });

  test('understands revisions with gaps', () => {
    const log = new WatchLog({ revision: 10 });
    for (const revision of [12, 17, 30]) log.append(commit(revision));
    assert.deepEqual(revisionsFrom(log, 10), [12, 17, 30]);
    assert.deepEqual(revisionsFrom(log, 16), [17, 30]);
    assert.deepEqual(revisionsFrom(log, 17), [30]);
  });

  test('shows a watch begun by a listener what it missed, once', () => {
    const log = new WatchLog({ revision: 0 });
    const inner: number[] = [];
    log.watch(0, ({ revision }) => {
      if (revision === 2) log.watch(0, (seen) => inner.push(seen.revision));
    });
    for (const revision of [1, 2, 3]) log.append(commit(revision));
    assert.deepEqual(inner, [1, 2, 3]);
  });

  test('goes on to the other watchers when one throws, and does not hide the error', async () => {
    const log = new WatchLog({ revision: 0 });
    const seen: number[] = [];
    log.watch(0, () => {
      throw new Error('a bug in a listener');
    });
    log.watch(0, ({ revision }) => seen.push(revision));
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const uncaught = once(process, 'uncaughtException');
      log.append(commit(1));
      assert.deepEqual(seen, [1]);
      assert.match(String((await uncaught)[0]), /a bug in a listener/);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});
