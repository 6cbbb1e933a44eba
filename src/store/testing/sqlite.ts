/** Databases for tests, as they should be and not. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after } from 'node:test';
import { memoryFolder } from '../../../test/support/memory-folder.ts';
import type { Store } from '../contract.ts';
import { sampleSecret, sampleService, sampleTask } from '../samples.ts';
import { openSqliteStore } from '../sqlite/store.ts';
import { StoreError } from '../store-error.ts';

const root = memoryFolder('essaim-store-');
after(() => rmSync(root, { recursive: true }));
let count = 0;

/** The path of a directory that is not there yet and is removed when the tests of this process are over. */
export function freshDirectory(): string {
  return join(root, `${count++}`);
}

/** Many tasks and some secrets: more than the log holds before SQLite moves it into the file. */
export async function fill(store: Store): Promise<void> {
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
export async function closedDatabase(): Promise<{ directory: string; path: string }> {
  const directory = freshDirectory();
  const path = join(directory, 'state.db');
  const store = await openSqliteStore({ path });
  await fill(store);
  await store.close();
  return { directory, path };
}

/** Opening must fail with a text that says all of `words`, and leave every file as it was. */
export async function assertRefused(directory: string, path: string, ...words: RegExp[]): Promise<void> {
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
export function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => !name.endsWith('-shm'));
  const files = names.map((name): [string, string] => [name, readFileSync(join(directory, name), 'latin1')]);
  return Object.fromEntries(files.filter(([name, text]) => !(name.endsWith('-wal') && text === '')));
}

export function digests(directory: string): Record<string, string> {
  const digest = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex');
  return Object.fromEntries(Object.entries(contents(directory)).map(([name, text]) => [name, digest(text)]));
}

export function edit(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}
