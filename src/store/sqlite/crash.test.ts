import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { View } from '../contract.ts';
import { openSqliteStore } from './store.ts';

const CHILD = join(import.meta.dirname, 'crash-child.ts');
const KILLS = 12;

test('nothing acknowledged is lost when the process is killed at any moment', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'essaim-crash-'));
  const path = join(directory, 'state.db');
  let commits = 0;
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const last = await runAndKill(path, Math.random() * 150);
      const store = await openSqliteStore({ path });
      assertWhole(store.view, last);
      commits = Number(store.view.get('service', 'counter')!.Spec.Labels!.n);
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  assert.ok(commits >= KILLS * 2, `the kills came too early to prove anything: ${commits} commits`);
});

/** Runs the child for `ms` after its first commit, kills it, and returns the last commit that it acknowledged. */
async function runAndKill(path: string, ms: number): Promise<{ revision: number; n: number }> {
  const child = spawn(process.execPath, [CHILD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  let last = '';
  lines.on('line', (line) => {
    last = line;
  });
  const done = once(lines, 'close');
  await Promise.race([once(lines, 'line'), done]);
  await wait(ms);
  child.kill('SIGKILL');
  await done;
  assert.deepEqual((await exit)[1], 'SIGKILL');
  const [revision, n] = last.split(' ').map(Number);
  return { revision: revision!, n: n! };
}

function assertWhole(view: View, acknowledged: { revision: number; n: number }): void {
  const counter = view.get('service', 'counter')!;
  const n = Number(counter.Spec.Labels!.n);
  assert.ok(view.revision >= acknowledged.revision, `${view.revision} < ${acknowledged.revision}`);
  assert.ok(n >= acknowledged.n);
  assert.equal(counter.Version.Index, view.revision);

  const numbers = (from: number) => Array.from({ length: n - from + 1 }, (_, index) => from + index);
  assert.deepEqual(
    [...view.all('task')].map((task) => task.ID),
    numbers(Math.max(1, n - 19)).map((i) => `task${i}`),
  );
  assert.deepEqual(
    [...view.all('secret')].map((secret) => secret.Spec.Data),
    numbers(1).map((i) => `data ${i}`),
  );
}
