import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { turnsOnSignal, watchTurns } from './turns.ts';

test('a long turn is seen, as processor time and as delay', async () => {
  const end = watchTurns();
  await pause(20);
  const started = process.threadCpuUsage();
  for (;;) {
    const { user, system } = process.threadCpuUsage(started);
    if (user + system > 80_000) break;
  }
  await pause(20);
  const { busyMs, delayMs } = end();
  assert.ok(busyMs > 75, `${busyMs}`);
  assert.ok(delayMs > 60, `${delayMs}`);
});

test('waiting is no work', async () => {
  const end = watchTurns();
  await pause(50);
  assert.ok(end().busyMs < 40);
});

test('the first signal begins, the second one tells', () => {
  // The runner has its own use for that signal.
  if (process.report) process.report.reportOnSignal = false;
  const told: string[] = [];
  const note = (fields: object, message: string): unknown => told.push(`${message} ${Object.keys(fields)}`);
  const off = turnsOnSignal({ debug: note, info: note, warn: note, error: note });
  for (let i = 0; i < 2; i++) {
    process.emit('SIGUSR2');
  }
  off();
  assert.deepEqual(told, ['turns of the event loop busyMs,delayMs,delayP99Ms']);
});
