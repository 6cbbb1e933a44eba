/**
 * Hears from the kernel at once when the host's table of nftables is deleted: by `nft flush ruleset`, or by a firewall
 * that is loaded anew. Nobody's request need wait for the next round then. What is not heard is found by that round.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock } from '../../model/clock.ts';
import { PATH } from '../kernel/shells.ts';
import { TABLE } from '../names.ts';

/** The program ends with this process, however that ends. */
const LISTEN = ['setpriv', '--pdeathsig', 'KILL', 'nft', 'monitor', 'destroy', 'tables'];
const DELETED = `delete table inet ${TABLE}`;
/** Until a program that has ended is started again (ms). */
const PAUSE = 10_000;

export interface TableWatchOptions {
  /** Called after each time; also when it was this process that has put another table in its place. */
  deleted(): void;
  clock: Clock;
  /** What prints the kernel's messages, a line each; `nft monitor` if not given. */
  listen?: readonly string[];
}

export class TableWatch {
  readonly #options: TableWatchOptions;
  #child: ChildProcessByStdio<null, Readable, null> | undefined;
  #cancel = (): void => {};
  #closed = false;

  constructor(options: TableWatchOptions) {
    this.#options = options;
    this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    this.#child?.kill('SIGKILL');
  }

  #start(): void {
    const { deleted, clock, listen = LISTEN } = this.#options;
    const [file, ...args] = listen;
    const child = spawn(file!, args, { env: { PATH, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'ignore'] });
    // One that could not be started has no number yet to be ended by: 0 would mean this process and all of its group.
    if (child.pid !== undefined) this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === DELETED && !this.#closed) deleted();
    });
    // Where it cannot be started there is no more than this: `close` comes all the same.
    child.on('error', () => {});
    child.once('close', () => {
      this.#child = undefined;
      if (!this.#closed) this.#cancel = clock.timer(PAUSE, () => this.#start());
    });
  }
}
