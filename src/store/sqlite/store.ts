/** Cluster state of one manager, in one SQLite file. */
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { TaskSpec } from '../../model/spec.ts';
import type { Commit, Store } from '../contract.ts';
import { readDataKey } from '../encoding/data-key.ts';
import { privateDirectory } from '../encoding/files.ts';
import { specRow } from '../encoding/task-spec.ts';
import { LocalStore, type Persistence } from '../local.ts';
import { StoreError } from '../store-error.ts';
import { createDatabase, lockDatabase, readDatabase, withErrorsOf } from './database.ts';
import { LogFile } from './log-file.ts';
import { encodeRow } from './rows.ts';

export interface SqliteOptions {
  /** The database file; made if it is not there. SQLite keeps its log beside it, under the same name with `-wal`. */
  path: string;
  /** The key that secrets are encrypted with; made together with the database. Default: the database's path + `.key`. */
  keyPath?: string;
  /** What the key's file is encrypted with, on a manager that locks itself. */
  fileKey?: Buffer;
  /** In a database that is made, all revisions are beyond this one. */
  after?: number;
}

/**
 * Opens the file for this process alone. A commit is on disk when it resolves, and all its work is done before
 * commit() returns its promise. Throws StoreError.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { path, keyPath = `${path}.key`, fileKey, after } = options;
  privateDirectory(dirname(path));
  privateDirectory(dirname(keyPath));
  const readKey = () => readDataKey(keyPath, fileKey);
  createDatabase(path, keyPath, readKey, after);
  const dataKey = readKey();
  const state = readDatabase(path, dataKey);
  const database = lockDatabase(path, state.revision);
  return new LocalStore(state, new SqlitePersistence(path, database, dataKey.key));
}

class SqlitePersistence implements Persistence {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #key: Buffer;
  readonly #log: LogFile;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #setRevision: StatementSync;
  readonly #insertSpec: StatementSync;
  /** Those whose rows are known to be there. Rows that nobody uses any more are removed by the next opening. */
  readonly #specs = new WeakSet<TaskSpec>();

  constructor(path: string, database: DatabaseSync, key: Buffer) {
    this.#path = path;
    this.#database = database;
    this.#key = key;
    this.#log = new LogFile(path);
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#insert = database.prepare(
      'INSERT INTO object (revision, body, checksum, spec, kind, id) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#update = database.prepare(
      'UPDATE object SET revision = ?, body = ?, checksum = ?, spec = ? WHERE kind = ? AND id = ?',
    );
    this.#delete = database.prepare('DELETE FROM object WHERE kind = ? AND id = ?');
    this.#insertSpec = database.prepare('INSERT OR IGNORE INTO spec (digest, body) VALUES (?, ?)');
    this.#setRevision = database.prepare('UPDATE state SET revision = ?');
  }

  write(commit: Commit): void {
    withErrorsOf(this.#path, () => {
      this.#begin.run();
      try {
        const specs = this.#writeSpecs(commit);
        this.#writeRows(commit);
        this.#commit.run();
        this.#log.committed();
        for (const spec of specs) this.#specs.add(spec);
      } catch (error) {
        // After some errors SQLite has rolled back by itself.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Writes the specs of tasks that have no row yet, and returns them. */
  #writeSpecs({ events }: Commit): Set<TaskSpec> {
    const written = new Set<TaskSpec>();
    for (const { kind, after } of events) {
      if (kind !== 'task' || !after || this.#specs.has(after.Spec) || written.has(after.Spec)) continue;
      const { digest, body } = specRow(after.Spec);
      this.#insertSpec.run(digest, body);
      written.add(after.Spec);
    }
    return written;
  }

  #writeRows({ revision, events }: Commit): void {
    for (const { kind, id, before, after } of events) {
      let written: number | bigint;
      if (after) {
        const row = encodeRow(kind, after, this.#key);
        const statement = before ? this.#update : this.#insert;
        written = statement.run(row.revision, row.body, row.checksum, row.spec, kind, id).changes;
      } else {
        written = this.#delete.run(kind, id).changes;
      }
      if (written !== 1)
        throw new StoreError(`${this.#path}: ${kind} ${id} is not in the file as it is in memory`);
    }
    this.#setRevision.run(revision);
  }

  close(): void {
    this.#log.close();
    withErrorsOf(this.#path, () => this.#database.close());
  }
}
