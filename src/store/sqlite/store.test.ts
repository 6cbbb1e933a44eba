import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import type { Task } from '../../model/objects.ts';
import type { Store } from '../contract.ts';
import {
  sampleCluster,
  sampleConfig,
  sampleCredential,
  sampleSecret,
  sampleService,
  sampleTask,
} from '../samples.ts';
import { StoreError } from '../store-error.ts';
import { openSqliteStore } from './store.ts';

const root = mkdtempSync(join(tmpdir(), 'essaim-store-'));
after(() => rmSync(root, { recursive: true }));
let count = 0;
const freshDirectory = () => join(root, `${count++}`);

/** Many tasks and some secrets: more than the log holds before SQLite moves it into the file. */
async function fill(store: Store): Promise<void> {
  const service = sampleService('s');
  await store.commit({ changes: [{ op: 'put', kind: 'service', object: service }] });
  await store.commit({ changes: [{ op: 'put', kind: 'secret', object: sampleSecret('hidden', SECRET) }] });
  for (let batch = 0; batch < 4; batch++) {
    const tasks = Array.from({ length: 500 }, (_, index) => sampleTask(`${batch}-${index}`, service));
    await store.commit({ changes: tasks.map((object) => ({ op: 'put', kind: 'task', object })) });
  }
}

const SECRET = Buffer.from('correct horse battery staple').toString('base64');

/** A closed database with content. */
async function closedDatabase(): Promise<{ directory: string; path: string }> {
  const directory = freshDirectory();
  const path = join(directory, 'state.db');
  const store = await openSqliteStore({ path });
  await fill(store);
  await store.close();
  return { directory, path };
}

/** Opening must fail with a text that says all of `words`, and leave every file as it was. */
async function assertRefused(directory: string, path: string, ...words: RegExp[]): Promise<void> {
  const before = digests(directory);
  const error = await openSqliteStore({ path }).then(
    () => assert.fail('it opened'),
    (reason) => reason,
  );
  assert.ok(error instanceof StoreError, String(error.stack));
  for (const word of [new RegExp(path.replaceAll('.', '\\.')), ...words]) assert.match(error.message, word);
  assert.deepEqual(digests(directory), before);
}

/** Files by name; without SQLite's shared memory and empty log, which every opening makes anew. */
function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => !name.endsWith('-shm'));
  const files = names.map((name): [string, string] => [name, readFileSync(join(directory, name), 'latin1')]);
  return Object.fromEntries(files.filter(([name, text]) => !(name.endsWith('-wal') && text === '')));
}

function digests(directory: string): Record<string, string> {
  const digest = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex');
  return Object.fromEntries(Object.entries(contents(directory)).map(([name, text]) => [name, digest(text)]));
}

function edit(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe('SQLite store', () => {
  test('has done a commit before it returns the promise', async () => {
    const store = await openSqliteStore({ path: join(freshDirectory(), 'state.db') });
    const pending = store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService('a') }] });
    assert.equal(store.view.get('service', 'a')?.Version.Index, store.view.revision);
    assert.equal(await pending, store.view.revision);
    await store.close();
  });

  test('makes a directory and files that only their owner reads', async () => {
    const directory = freshDirectory();
    const store = await openSqliteStore({
      path: join(directory, 'state.db'),
      keyPath: join(directory, 'keys', 'k'),
    });
    await fill(store);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(directory).sort(), ['keys', 'state.db', 'state.db-wal']);
    for (const name of ['state.db', 'state.db-wal', 'keys/k']) {
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    }
    await store.close();
  });

  test('keeps the one key through closing, reopening and the loss of an empty start', async () => {
    const directory = freshDirectory();
    const path = join(directory, 'state.db');
    await (await openSqliteStore({ path })).close();
    const key = readFileSync(`${path}.key`, 'utf8');
    rmSync(path);
    await (await openSqliteStore({ path })).close();
    assert.equal(readFileSync(`${path}.key`, 'utf8'), key);
  });

  test('gives tasks of one service one spec again when it loads them', async () => {
    const { path } = await closedDatabase();
    const store = await openSqliteStore({ path });
    const specs = new Set([...store.view.all('task')].map((task) => task.Spec));
    const services = new Set([...store.view.all('task')].map((task) => task.internal.service));
    assert.equal(specs.size, 1);
    assert.equal(services.size, 1);
    await store.close();
  });

  test('keeps the specs of tasks as long as there are tasks with them', async () => {
    const path = join(freshDirectory(), 'state.db');
    let store = await openSqliteStore({ path });
    const template = (image: string) => ({ ContainerSpec: { Image: image } });
    const specsOnDisk = () => {
      const database = new DatabaseSync(path, { readOnly: true });
      const rows = database.prepare('SELECT body FROM spec').all();
      database.close();
      return rows.map(({ body }) => JSON.parse(body as string)).sort();
    };
    const reopen = async () => {
      await store.close();
      store = await openSqliteStore({ path });
    };
    const put = (task: Task) => store.commit({ changes: [{ op: 'put', kind: 'task', object: task }] });

    // A spec whose commit failed is written by the next one.
    const spec = template('one');
    const task = sampleTask('t', sampleService('s'), { Spec: spec });
    await assert.rejects(put({ ...task, Slot: 1n as never }));
    await put(task);
    await put(sampleTask('same', sampleService('s'), { Spec: template('one') }));
    await reopen();
    assert.equal(store.view.get('task', 't')?.Spec, store.view.get('task', 'same')?.Spec);
    assert.deepEqual(store.view.get('task', 't')?.Spec, spec);

    for (const id of ['t', 'same']) await put({ ...store.view.get('task', id)!, Spec: template('two') });
    await reopen();
    assert.deepEqual(store.view.get('task', 't')?.Spec, template('two'));
    await store.close();
    assert.deepEqual(specsOnDisk(), [template('two')]);
  });

  test('leaves no secret in clear in any of its files', async () => {
    const directory = freshDirectory();
    const path = join(directory, 'state.db');
    const plain = {
      secret: 'correct horse battery staple',
      config: 'listen 443 with tls and this word',
      caKey: '-----BEGIN PRIVATE KEY----- MIGHAgEAMBMGByqGSM49',
      token: 'SWMTKN-1-4f0r7y7w0-plain',
      auth: 'eyJ1c2VybmFtZSI6ImFubmUiLCJwYXNzd29yZCI6InRyb3ViYWRvdXIifQ==',
      password: 'troubadour',
    };
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const needles = Object.values(plain).flatMap((text) => [text, base64(text)]);
    const assertHidden = () => {
      for (const [name, content] of Object.entries(contents(directory))) {
        for (const needle of needles) assert.ok(!content.includes(needle), `${needle} is in ${name}`);
        if (name.startsWith('state.db'))
          assert.ok(!content.includes(readFileSync(`${path}.key`, 'latin1')) || name.endsWith('.key'));
      }
    };

    const store = await openSqliteStore({ path });
    await store.commit({
      changes: [
        { op: 'put', kind: 'secret', object: sampleSecret('s', base64(plain.secret)) },
        { op: 'put', kind: 'config', object: sampleConfig('c', base64(plain.config)) },
        { op: 'put', kind: 'cluster', object: sampleCluster('default', plain.caKey, plain.token) },
        { op: 'put', kind: 'credential', object: sampleCredential('a', plain.auth) },
        { op: 'put', kind: 'service', object: sampleService('visible-service') },
      ],
    });
    await store.commit({
      changes: [
        { op: 'put', kind: 'secret', object: { ...store.view.get('secret', 's')!, UpdatedAt: 'later' } },
      ],
    });
    assertHidden();
    const all = Object.values(contents(directory)).join('');
    assert.ok(all.includes('visible-service'), 'the search itself must find what is not secret');
    await store.close();
    assertHidden();

    const again = await openSqliteStore({ path });
    assertHidden();
    assert.equal(again.view.get('secret', 's')?.Spec.Data, base64(plain.secret));
    assert.equal(again.view.get('cluster', 'default')?.internal.caKey, plain.caKey);
    assert.equal(again.view.get('credential', 'a')?.auth, plain.auth);
    await again.close();
  });

  test('tells that another process has the database, and leaves that one undisturbed', async () => {
    const directory = freshDirectory();
    const path = join(directory, 'state.db');
    const store = await openSqliteStore({ path });
    await store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService('a') }] });
    await assertRefused(directory, path, /another process/, /Stop/);
    await store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService('b') }] });
    await store.close();
    const again = await openSqliteStore({ path });
    assert.equal(again.view.count('service'), 2);
    await again.close();
  });

  test('takes back a commit that the disk does not take', async () => {
    const path = join(freshDirectory(), 'state.db');
    const store = await openSqliteStore({ path });
    await fill(store);
    const revision = store.view.revision;
    const seen: number[] = [];
    store.watch(revision, (commit) => seen.push(commit.revision));
    // An object that JSON cannot hold stands for whatever fails half-way through the rows of a commit.
    const broken = { ...sampleService('b'), JobStatus: 1n as never };
    await assert.rejects(
      store.commit({
        changes: [
          { op: 'put', kind: 'service', object: sampleService('a') },
          { op: 'put', kind: 'service', object: broken },
        ],
      }),
    );
    assert.equal(store.view.revision, revision);
    assert.equal(store.view.get('service', 'a'), undefined);
    await store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService('c') }] });
    assert.deepEqual(seen, [revision + 1]);
    await store.close();
    const again = await openSqliteStore({ path });
    assert.equal(again.view.get('service', 'a'), undefined);
    assert.ok(again.view.get('service', 'c'));
    await again.close();
  });
});

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
