import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Together } from './serial.ts';

test('what comes meanwhile is done together; one that fails takes none with it', async () => {
  const batches: string[][] = [];
  const together = new Together(async (items: readonly string[]) => {
    batches.push([...items]);
    await new Promise(setImmediate);
    if (items.includes('bad')) throw new Error('bad');
    return items.map((item) => item.toUpperCase());
  });
  const first = together.add('a');
  await new Promise(setImmediate);
  const rest = await Promise.allSettled(['b', 'bad', 'c'].map((item) => together.add(item)));
  assert.equal(await first, 'A');
  assert.deepEqual(
    rest.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message)),
    ['B', 'bad', 'C'],
  );
  assert.deepEqual(batches, [['a'], ['b', 'bad', 'c'], ['b'], ['bad'], ['c']]);
  assert.equal(await together.add('d'), 'D');
});
