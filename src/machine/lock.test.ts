import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { withLock } from './lock.ts';

const unique = (name: string): string => `test ${process.pid} ${name}`;

test('lets one at a time work', async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => withLock(unique('one'), work)));
  assert.equal(most, 1);
});

test('is free again after a failure', async () => {
  const failing = withLock(unique('failure'), () => Promise.reject(new Error('no')));
  await assert.rejects(failing, /no/);
  assert.equal(await withLock(unique('failure'), async () => 1), 1);
});

test('is free again when its holder is killed', async () => {
  const script = `
    const { withLock } = await import(${JSON.stringify(import.meta.resolve('./lock.ts'))});
    await withLock(${JSON.stringify(unique('killed'))}, () => new Promise(() => {
      console.log('held');
      setInterval(() => {}, 1000);
    }));`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  let held = true;
  const mine = withLock(unique('killed'), async () => held);
  held = false;
  holder.kill('SIGKILL');
  assert.equal(await mine, false);
});
