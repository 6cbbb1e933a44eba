/**
 * Keeps SQLite's log ahead of what is written to it. A commit that makes the file longer has the file system write that
 * down as well before it is on disk, which takes twice as long as writing over what is there. SQLite's locks are on the
 * database and not on its log: opening and closing the log here takes none of them away.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

/** Bytes by which the file is made longer. */
const AHEAD = 1024 * 1024;

export class LogFile {
  readonly #path: string;
  /** Absent before the first commit: there is no log yet. */
  #file: number | undefined;
  /** As it was last made. */
  #length = 0;
  /** It cannot be made longer. */
  #stuck = false;

  /** @param path of the database */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /**
   * To be called after each commit, while nothing is being written. What is appended is no record of SQLite's, whose
   * records end with the first that has not the log's present checksum and salt, and are written over it.
   */
  committed(): void {
    if (this.#stuck) return;
    try {
      this.#file ??= openSync(this.#path, 'r+');
      const { size } = fstatSync(this.#file);
      if (size <= this.#length) return;
      this.#length = size + writeSync(this.#file, Buffer.alloc(AHEAD), 0, AHEAD, size);
    } catch {
      // It saves time and nothing else: a commit that finds no room says so itself.
      this.#stuck = true;
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
