import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../model/clock.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { keepManagers } from './keeper.ts';

test('ends when it is told to while it writes', async () => {
  const store = openMemoryStore();
  const stop = new AbortController();
  const keeping = keepManagers({
    ...{ store, nodeId: 'me', clock: systemClock, signal: stop.signal },
    leave: async () => {},
    resign: () => {},
    onError: (error) => assert.fail(String(error)),
  });
  // Its first transaction has been decided on and has not come back.
  stop.abort();
  await keeping;
});
