/** A host of the fault run: its manager's process, which is started again when it has ended, and its etcd. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runningIn } from '../../../src/manager/members/child.ts';
import type { History } from '../../../src/store/testing/history.ts';
import type { ManagerConfig, Order, Word } from './messages.ts';
import { on, type Place } from './net.ts';

const PROGRAM = fileURLToPath(new URL('manager.ts', import.meta.url));
const AGAIN = 300;

export class Host {
  readonly place: Place;
  readonly #hosts: readonly Place[];
  readonly #history: History;
  readonly #logs: string;
  /** Writes that have begun and have not ended yet. */
  readonly #under = new Map<string, number>();
  readonly #listeners = new Set<(word: Word) => void>();
  #child: ChildProcess | undefined;
  #run = 0;
  #begin: ManagerConfig['begin'];
  #writes = false;
  #over = false;
  /** It is not started again before that. */
  #held: Promise<void> = Promise.resolve();
  /** Who leads, as its manager sees it. */
  leader: string | undefined;

  constructor(
    place: Place,
    hosts: readonly Place[],
    begin: 'found' | 'join',
    history: History,
    logs: string,
  ) {
    this.place = place;
    this.#hosts = hosts;
    this.#begin = begin;
    this.#history = history;
    this.#logs = logs;
  }

  start(): void {
    const { name, address, folder } = this.place;
    const config: ManagerConfig = {
      name,
      address,
      folder,
      hosts: [...this.#hosts],
      begin: this.#begin,
      run: this.#run++,
    };
    const [program, ...args] = [...on(this.place), process.execPath, PROGRAM, JSON.stringify(config)];
    const log = openSync(join(this.#logs, `${name}.log`), 'a');
    const child = spawn(program!, args, { stdio: ['ignore', log, log, 'ipc'] });
    this.#child = child;
    child.on('message', (word: Word) => this.#heard(word));
    child.once('exit', () => this.#ended(child));
  }

  send(order: Order): void {
    if (this.#child?.connected) this.#child.send(order);
  }

  hear<T extends Word['type']>(type: T): Promise<Word & { type: T }> {
    return new Promise((resolve) => {
      const listener = (word: Word): void => {
        if (word.type !== type) return;
        this.#listeners.delete(listener);
        resolve(word as Word & { type: T });
      };
      this.#listeners.add(listener);
    });
  }

  /** From now on it writes, whenever it runs. */
  write(): void {
    this.#writes = true;
    this.#begin = 'again';
    this.send({ type: 'write' });
  }

  quiet(): void {
    this.#writes = false;
    this.send({ type: 'quiet' });
  }

  /** @param away until it resolves the process is not started again */
  signal(signal: NodeJS.Signals, away: Promise<void> = Promise.resolve()): void {
    this.#held = away;
    this.#child?.kill(signal);
  }

  async signalEtcd(signal: NodeJS.Signals): Promise<void> {
    for (const { pid } of await runningIn(join(this.place.folder, 'etcd'))) process.kill(pid, signal);
  }

  async end(): Promise<void> {
    this.#over = true;
    const child = this.#child;
    if (!child) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  #heard(word: Word): void {
    if (word.type === 'began') this.#under.set(word.id, word.at);
    if (word.type === 'ended') {
      this.#under.delete(word.write.id);
      this.#history.writes.push(word.write);
    }
    if (word.type === 'leader') this.leader = word.name;
    if (word.type === 'open' && this.#writes) this.send({ type: 'write' });
    for (const listener of [...this.#listeners]) listener(word);
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.leader = undefined;
    for (const [id, began] of this.#under)
      this.#history.writes.push({ id, began, ended: Number.POSITIVE_INFINITY, outcome: 'unknown' });
    this.#under.clear();
    void this.#held
      .then(() => delay(AGAIN))
      .then(() => {
        if (!this.#over) this.start();
      });
  }
}
