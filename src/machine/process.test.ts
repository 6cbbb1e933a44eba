import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { isAlive, parseIdentity, parseStartTime } from './process.ts';

const stat = (comm: string, state: string): string =>
  `42 (${comm}) ${state} 1 42 42 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 987654 1000 100`;

test('finds the start time behind any name of a command', () => {
  for (const comm of ['sh', 'a b', 'x) R (y', ') Z 1 2 3'])
    assert.equal(parseStartTime(stat(comm, 'S')), '987654');
});

test('a zombie counts as dead', () => assert.equal(parseStartTime(stat('sh', 'Z')), undefined));

test('reads what the launch scripts write, and nothing else', () => {
  assert.deepEqual(parseIdentity('42 987654\n'), { pid: 42, startTime: '987654' });
  for (const text of ['', '42', '42 x', '42 1 2', '-1 5']) assert.equal(parseIdentity(text), undefined);
});

test('knows a process from a later one with its pid', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const startTime = parseStartTime(await readFile(`/proc/${child.pid}/stat`, 'utf8'))!;
  assert.equal(await isAlive({ pid: child.pid!, startTime }), true);
  assert.equal(await isAlive({ pid: child.pid!, startTime: '1' }), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await isAlive({ pid: child.pid!, startTime }), false);
});
