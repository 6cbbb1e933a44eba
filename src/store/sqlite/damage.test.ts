import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { assertRefused, closedDatabase, edit, fill, freshDirectory } from '../testing/sqlite.ts';
import { openSqliteStore } from './store.ts';

describe('SQLite store: a file that is not as it should be', () => {
  test('garbage', async () => {
    const { directory, path } = await closedDatabase();
    writeFileSync(path, 'this is not a database at all. '.repeat(1000));
    await assertRefused(directory, path, /damaged/, /restore/);
  });

  test('empty', async () => {
    const { directory, path } = await closedDatabase();
    truncateSync(path, 0);
    await assertRefused(directory, path, /damaged/, /restore/);
  });

  test("another program's database", async () => {
    const { directory, path } = await closedDatabase();
    rmSync(path);
    edit(path, 'CREATE TABLE recipes (title)');
    await assertRefused(directory, path, /not a database of Essaim/);
  });

  test('truncated in the middle', async () => {
    const { directory, path } = await closedDatabase();
    truncateSync(path, Math.floor(statSync(path).size / 2));
    await assertRefused(directory, path, /damaged/, /restore/);
  });

  test('any page overwritten', async () => {
    const { directory, path } = await closedDatabase();
    const whole = readFileSync(path);
    for (let page = 1; page < whole.length / 4096; page += 37) {
      const broken = Buffer.from(whole);
      broken.fill(0xa5, page * 4096, (page + 1) * 4096);
      writeFileSync(path, broken);
      await assertRefused(directory, path, /damaged/, /restore/);
    }
  });

  test('a byte of an encrypted row flipped', async () => {
    const { directory, path } = await closedDatabase();
    edit(
      path,
      "UPDATE object SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42) AS BLOB) WHERE kind = 'secret'",
    );
    await assertRefused(directory, path, /secret hidden cannot be read/, /restore/);
  });

  test('an encrypted row given to another object, or replaced by a plain one', async () => {
    const { directory, path } = await closedDatabase();
    const whole = readFileSync(path);
    edit(path, "UPDATE object SET id = 'other' WHERE kind = 'secret'");
    await assertRefused(directory, path, /secret other cannot be read/);
    writeFileSync(path, whole);
    edit(path, "UPDATE object SET body = '{}', checksum = 0 WHERE kind = 'secret'");
    await assertRefused(directory, path, /secret hidden cannot be read: it is not encrypted/);
  });

  test('a byte of a plain row flipped', async () => {
    const { directory, path } = await closedDatabase();
    edit(path, "UPDATE object SET body = replace(body, 'running', 'runninh') WHERE id = '1-17'");
    await assertRefused(directory, path, /task 1-17 cannot be read/, /checksum/);
  });

  test('the spec of tasks flipped, or gone', async () => {
    const { directory, path } = await closedDatabase();
    const whole = readFileSync(path);
    edit(path, "UPDATE spec SET body = replace(body, 'nginx', 'nginy')");
    await assertRefused(directory, path, /spec .* cannot be read/, /checksum/);
    writeFileSync(path, whole);
    edit(path, 'DELETE FROM spec');
    await assertRefused(directory, path, /task .* cannot be read/, /spec is missing/);
  });

  test('written by a newer version', async () => {
    const { directory, path } = await closedDatabase();
    edit(path, 'PRAGMA user_version = 99');
    await assertRefused(directory, path, /newer Essaim/, /schema 99/, /Start the newer version/);
  });

  test('its key missing, not a key, or another one', async () => {
    const { directory, path } = await closedDatabase();
    const key = `${path}.key`;
    rmSync(key);
    await assertRefused(directory, path, /key is missing/, /Restore/);
    assert.ok(!existsSync(key));
    writeFileSync(key, 'not a key');
    await assertRefused(directory, path, /not a data key/, /Restore/);
    writeFileSync(key, Buffer.alloc(32, 7).toString('base64'));
    await assertRefused(directory, path, /another data key/, /Put the key file/);
  });

  test('with commits that are only in its log', async () => {
    const original = freshDirectory();
    const store = await openSqliteStore({ path: join(original, 'state.db') });
    await fill(store);
    const directory = freshDirectory();
    cpSync(original, directory, { recursive: true });
    await store.close();

    const path = join(directory, 'state.db');
    const key = readFileSync(`${path}.key`);
    rmSync(`${path}.key`);
    await assertRefused(directory, path, /key is missing/);
    writeFileSync(`${path}.key`, key);
    const again = await openSqliteStore({ path });
    assert.equal(again.view.count('task'), 2000);
    await again.close();
  });

  test('its revision set back', async () => {
    const { directory, path } = await closedDatabase();
    edit(path, 'UPDATE state SET revision = 3');
    await assertRefused(directory, path, /damaged/, /revision/);
  });

  test('gone while its log is there', async () => {
    const { directory, path } = await closedDatabase();
    writeFileSync(`${path}-wal`, 'log');
    rmSync(path);
    await assertRefused(directory, path, /missing/, /Put the database back/);
  });
});
