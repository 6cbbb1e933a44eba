/** The database file: its schema, how it is checked before it is used, and what its errors mean. */
import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { TaskSpec } from '../../model/spec.ts';
import type { StoreEvent } from '../contract.ts';
import { createDataKey, type DataKey } from '../encoding/data-key.ts';
import { createOnce, writePrivate } from '../encoding/files.ts';
import { decodeSpec, type SpecRow } from '../encoding/task-spec.ts';
import { TaskInterner } from '../intern.ts';
import type { LocalState } from '../local.ts';
import { StoreError } from '../store-error.ts';
import { decodeRow, type Row } from './rows.ts';

/** "Essm", at the place in the file where SQLite lets an application say that it is its own. */
const APPLICATION = 0x4573736d;
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE state (revision INTEGER NOT NULL, key_fingerprint TEXT NOT NULL) STRICT;
  CREATE TABLE object (
    seq INTEGER PRIMARY KEY, -- order of creation
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body ANY NOT NULL,
    checksum INTEGER,
    spec TEXT, -- of a task: the digest of its row in spec
    UNIQUE (kind, id)
  ) STRICT;
  CREATE TABLE spec (digest TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Where counting begins: as in Docker Swarm, the first service of a new cluster is at version 11. */
const FIRST_REVISION = 7;

/** The log is moved into the file at this size (16 MB): a page that changes often is then moved once for many changes. */
const LOG_PAGES = 4000;

/** Makes the key and then an empty database, unless there is one. */
export function createDatabase(
  path: string,
  keyPath: string,
  readKey: () => DataKey,
  after = FIRST_REVISION,
): void {
  if (existsSync(path)) return;
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new StoreError(
      `${path}: the database is missing, but its log ${path}-wal is there. Put the database back beside it, or restore both from a backup`,
    );
  }
  createDataKey(keyPath);
  const { fingerprint } = readKey();
  createOnce(path, (temporary) => {
    writePrivate(temporary, '');
    const database = new DatabaseSync(temporary);
    try {
      database.exec('BEGIN');
      database.exec(SCHEMA);
      database.prepare('INSERT INTO state VALUES (?, ?)').run(after, fingerprint);
      database.exec('COMMIT');
    } finally {
      database.close();
    }
  });
}

/** Reads everything, without changing the file. Throws StoreError if anything in it is not as it was written. */
export function readDatabase(path: string, dataKey: DataKey): LocalState {
  return withErrorsOf(path, () => {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      // One transaction, so that state and objects are of one revision.
      database.exec('BEGIN');
      checkFile(path, database);
      const { revision, key_fingerprint: fingerprint } = one(database, 'SELECT * FROM state');
      if (fingerprint !== dataKey.fingerprint) {
        throw new StoreError(
          `${path}: its secrets were encrypted with another data key than the one given. Put the key file that belongs to this database back; nothing was changed`,
        );
      }
      const { newest } = one(database, 'SELECT max(revision) AS newest FROM object');
      if ((newest as number) > (revision as number))
        throw damaged(path, `revision ${newest} came after ${revision}`);
      return { revision: revision as number, objects: readObjects(path, database, dataKey.key) };
    } finally {
      database.close();
    }
  });
}

/** Opens the file for this process alone; it must still be at that revision. */
export function lockDatabase(path: string, revision: number): DatabaseSync {
  return withErrorsOf(path, () => {
    const database = new DatabaseSync(path);
    try {
      database.exec(`
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${LOG_PAGES};
        BEGIN IMMEDIATE;
      `);
      const found = one(database, 'SELECT revision FROM state').revision;
      if (found !== revision) throw inUse(path);
      database.exec(`
        DELETE FROM spec WHERE digest NOT IN (SELECT spec FROM object WHERE spec IS NOT NULL);
        COMMIT;
      `);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Runs `work` and turns SQLite's errors into StoreErrors. */
export function withErrorsOf<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as { errcode?: number }).errcode;
    if (code === undefined) throw error;
    throw explain(path, code & 0xff, error as Error);
  }
}

function explain(path: string, code: number, cause: Error): StoreError {
  switch (code) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return inUse(path);
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return damaged(path, cause.message, cause);
    case 13: // SQLITE_FULL
      return new StoreError(`${path}: the disk is full, nothing was written. Make room and try again`, {
        cause,
      });
    default:
      return new StoreError(
        `${path}: ${cause.message}; nothing was written. Check the disk and that the file and its directory are writable`,
        { cause },
      );
  }
}

function inUse(path: string): StoreError {
  return new StoreError(
    `${path}: another process has this database open. Stop the other daemon, or give this one a data directory of its own`,
  );
}

function damaged(path: string, what: string, cause?: unknown): StoreError {
  return new StoreError(
    `${path}: the database is damaged (${what}). Nothing was changed; restore it from a backup, or move it away to begin an empty cluster`,
    { cause },
  );
}

function checkFile(path: string, database: DatabaseSync): void {
  const application = one(database, 'PRAGMA application_id').application_id;
  const version = one(database, 'PRAGMA user_version').user_version as number;
  if (application !== APPLICATION) throw damaged(path, 'it is not a database of Essaim');
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      `${path}: this database was written by a newer Essaim (schema ${version}; this one knows ${SCHEMA_VERSION}). Start the newer version again; nothing was changed`,
    );
  }
  const complaint = one(database, 'PRAGMA quick_check(1)').quick_check;
  if (complaint !== 'ok') throw damaged(path, String(complaint));
}

function readObjects(path: string, database: DatabaseSync, key: Buffer): StoreEvent[] {
  const specs = new Map<string, TaskSpec>();
  for (const raw of database.prepare('SELECT digest, body FROM spec').iterate()) {
    const row = raw as unknown as SpecRow;
    readable(path, `spec ${row.digest}`, () => specs.set(row.digest, decodeSpec(row)));
  }
  const interner = new TaskInterner();
  const events: StoreEvent[] = [];
  const sql = 'SELECT kind, id, revision, body, checksum, spec FROM object ORDER BY seq';
  for (const raw of database.prepare(sql).iterate()) {
    const row = raw as unknown as Row;
    const { kind, id } = row;
    readable(path, `${kind} ${id}`, () => {
      const event = { kind, id, after: decodeRow(row, key, specs) } as StoreEvent;
      if (event.kind === 'task') interner.intern(event.after!);
      events.push(event);
    });
  }
  return events;
}

function readable(path: string, what: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    throw damaged(path, `${what} cannot be read: ${(error as Error).message}`, error);
  }
}

function one(database: DatabaseSync, sql: string): Record<string, unknown> {
  const row = database.prepare(sql).get();
  if (!row) throw new StoreError(`${database.location()}: no answer to ${sql}`);
  return row;
}
