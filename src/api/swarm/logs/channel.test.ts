import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { collect } from '../testing/cluster.ts';
import { Channel } from './channel.ts';

test('a writer waits for the reader', async () => {
  const channel = new Channel<number>();
  let taken = 0;
  const writer = (async () => {
    for (let i = 0; i < 3; i++) {
      await channel.push(i);
      taken++;
    }
    channel.close();
  })();
  await setImmediate();
  assert.equal(taken, 0);
  assert.deepEqual(await collect(channel), [0, 1, 2]);
  await writer;
});

test('a reader that stops lets writers go', async () => {
  const channel = new Channel<number>();
  const writers = [channel.push(1), channel.push(2), channel.push(3)];
  for await (const value of channel) if (value === 1) break;
  await Promise.all(writers);
  await channel.push(4);
});

test('closing ends a reader that waits', async () => {
  const channel = new Channel<number>();
  const read = collect(channel);
  await setImmediate();
  channel.close();
  assert.deepEqual(await read, []);
});
