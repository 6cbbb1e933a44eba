import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beginLog, lastLines, trimLog } from './log-file.ts';

test('a log is kept small while it is written, and each run has its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'log-'));
  try {
    const path = join(folder, 'log');
    assert.deepEqual(await lastLines(path), []);
    const log = await beginLog(path);
    for (let line = 0; line < 1000; line++) await log.write(`line ${line}\n`);
    await trimLog(path, 1_000_000, 100);
    assert.equal((await lastLines(path)).length, 1000);
    await trimLog(path, 1000, 100);
    assert.equal((await stat(path)).size, 0);
    assert.match(await readFile(`${path}.old`, 'utf8'), /line 998\nline 999\n$/);
    await log.write('after\n');
    assert.deepEqual(await lastLines(path), ['after']);
    await log.close();
    await (await beginLog(path)).close();
    assert.deepEqual(await lastLines(path), []);
    assert.equal(await readFile(`${path}.old`, 'utf8'), 'after\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
