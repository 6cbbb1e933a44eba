/** Hosts are found soon after they have come, however long the heartbeat is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { polled } from './poll.ts';

test('those that come one after the other are found within seconds', async () => {
  const over = new AbortController();
  const began = performance.now();
  const answers = [[], ['a:1'], ['a:1', 'b:1']];
  const asked: number[] = [];
  const ask = async (): Promise<string[]> => {
    asked.push(Math.round((performance.now() - began) / 1000));
    return answers.shift() ?? assert.fail('away');
  };
  const found: string[] = [];
  for await (const entries of polled(ask, 60, () => over.abort(), over.signal)) found.push(entries.join());
  assert.deepEqual(found, ['', 'a:1', 'a:1,b:1']);
  assert.deepEqual(asked, [0, 2, 4, 6]);
});
