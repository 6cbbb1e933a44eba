/** A process of the benchmark's own, with which it speaks. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Failure } from './messages.ts';

export class Child<Start extends object, Report extends { type: string }> {
  readonly #process: ChildProcess;
  readonly #failed = Promise.withResolvers<never>();
  readonly #reports: Report[] = [];
  #wake: (() => void) | undefined;

  /** @param file beside this one, or a whole path */
  constructor(file: string, start: Start, execArgv: string[] = []) {
    this.#process = fork(resolve(import.meta.dirname, file), { execArgv });
    this.#failed.promise.catch(() => {}); // Whoever waits next hears of it.
    this.#process.on('message', (report: Report | Failure) => {
      if (report.type === 'log') console.error(`${file}: ${(report as { message?: string }).message}`);
      else if (report.type === 'failed')
        this.#failed.reject(new Error(`${file}: ${(report as Failure).message}`));
      else this.#reports.push(report as Report);
      this.#wake?.();
    });
    this.#process.on('exit', (code, signal) =>
      this.#failed.reject(new Error(`${file} ended (${signal ?? code})`)),
    );
    this.#process.send(start);
  }

  /** Asks for its report. */
  ask(): void {
    this.#process.send('report');
  }

  send(message: object): void {
    this.#process.send(message);
  }

  /** The first report that `wanted` accepts, also one of the past. Throws if the process fails or ends before. */
  async until<R extends Report>(wanted: (report: Report) => report is R): Promise<R> {
    for (;;) {
      const found = this.#reports.find(wanted);
      if (found) return found;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, this.#failed.promise]);
    }
  }

  /** As `until`, and forgets that report: the next call waits for another one. */
  async next<R extends Report>(wanted: (report: Report) => report is R): Promise<R> {
    const report = await this.until(wanted);
    this.#reports.splice(this.#reports.indexOf(report), 1);
    return report;
  }

  /** Rejects when the process fails. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Megabytes: now, and the most that it ever was. */
  memory(): { now: number; most: number } {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    const megabytes = (field: string) =>
      Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1000;
    return { now: megabytes('VmRSS'), most: megabytes('VmHWM') };
  }

  /** Milliseconds of processor time used. */
  cpu(): number {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8');
    const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14);
    return (Number(user) + Number(system)) * 10;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 20_000);
    await exit;
    clearTimeout(timer);
  }
}
