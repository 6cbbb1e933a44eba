import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import type { Task } from '../../model/objects.ts';
import {
  sampleCluster,
  sampleConfig,
  sampleCredential,
  sampleSecret,
  sampleService,
  sampleStackRevision,
  sampleTask,
  sampleUser,
} from '../samples.ts';
import { assertRefused, closedDatabase, contents, fill, freshDirectory } from '../testing/sqlite.ts';
import { openSqliteStore } from './store.ts';

describe('SQLite store', () => {
  test('has done a commit before it returns the promise', async () => {
    const store = await openSqliteStore({ path: join(freshDirectory(), 'state.db') });
    const pending = store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService('a') }] });
    assert.equal(store.view.get('service', 'a')?.Version.Index, store.view.revision);
    assert.equal((await pending).revision, store.view.revision);
    await store.close();
  });

  test('counts the versions of a new cluster on from where Docker Swarm would', async () => {
    const store = await openSqliteStore({ path: join(freshDirectory(), 'state.db') });
    assert.equal(store.view.revision, 7);
    const { revision } = await store.commit({
      changes: [{ op: 'put', kind: 'service', object: sampleService('a') }],
    });
    assert.equal(revision, 8);
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
      hash: 'argon2id$19456$2$1$c2FsdA$aGFzaA',
      variables: 'DB_PASSWORD=twelve monkeys',
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
        { op: 'put', kind: 'user', object: sampleUser('ann', plain.hash) },
        { op: 'put', kind: 'stackRevision', object: sampleStackRevision('r', plain.variables) },
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

  test('keeps its log longer than what is in it, and reads no more than that after a crash', async () => {
    const directory = freshDirectory();
    const path = join(directory, 'state.db');
    const store = await openSqliteStore({ path });
    const put = (id: string) =>
      store.commit({ changes: [{ op: 'put', kind: 'service', object: sampleService(id) }] });
    const size = () => statSync(`${path}-wal`).size;
    await put('first');
    const longer = size();
    assert.ok(longer > 1_000_000);
    for (let i = 0; i < 20; i++) await put(`${i}`);
    assert.equal(size(), longer);

    const crashed = freshDirectory();
    cpSync(directory, crashed, { recursive: true });
    const again = await openSqliteStore({ path: join(crashed, 'state.db') });
    assert.equal(again.view.count('service'), 21);
    assert.equal(again.view.revision, store.view.revision);
    await again.close();

    await fill(store);
    assert.ok(size() > longer);
    await store.close();
    assert.ok(!existsSync(`${path}-wal`));
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
