/**
 * An etcd of one member for tests, on unix sockets in a folder of its own. `ETCD=PROGRAM` names another one than that on
 * the PATH.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EtcdClient } from '../../src/store/etcd/client.ts';
import { LIMIT_FLAGS } from '../../src/store/etcd/limits.ts';
import { memoryFolder } from './memory-folder.ts';

const PROGRAM = process.env.ETCD ?? 'etcd';
/** How long (ms) one may take to start, on a machine that is busy with other things. */
const PATIENCE = 60_000;

export class Etcd {
  /** Short: a socket's path has room for some hundred bytes. */
  readonly #folder = memoryFolder('etcd-');
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  /** Starts one, with those flags besides; `stop` ends it and removes its folder. */
  static async start(flags: readonly string[] = []): Promise<Etcd> {
    const etcd = new Etcd(flags);
    await etcd.start();
    return etcd;
  }

  get socket(): string {
    return join(this.#folder, 'localhost:2379');
  }

  client(timeout = 10_000): EtcdClient {
    return new EtcdClient({ socket: this.socket, timeout });
  }

  /** Starts it, again after `kill`, and waits until it answers. */
  async start(): Promise<void> {
    const log = openSync(join(this.#folder, 'log'), 'a');
    // The sockets are files in the folder that it is started in. One that was killed leaves them, and the next one minds.
    for (const port of [2379, 2380]) rmSync(join(this.#folder, `localhost:${port}`), { force: true });
    const child = spawn(
      PROGRAM,
      [
        ...['--name=one', '--data-dir=data', '--logger=zap', '--enable-grpc-gateway=false'],
        ...['--listen-client-urls=unix://localhost:2379', '--advertise-client-urls=unix://localhost:2379'],
        ...[
          '--listen-peer-urls=unix://localhost:2380',
          '--initial-advertise-peer-urls=unix://localhost:2380',
        ],
        '--initial-cluster=one=unix://localhost:2380',
        ...LIMIT_FLAGS,
        ...this.#flags,
      ],
      { cwd: this.#folder, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    this.#child = child;
    const deadline = Date.now() + PATIENCE;
    while (!(await this.#answers())) {
      const ended = child.exitCode !== null || failure !== undefined;
      assert.ok(!ended && Date.now() < deadline, `etcd does not start: ${failure ?? this.#logged()}`);
      await delay(50);
    }
  }

  /** SIGSTOP; all of it stands still when this resolves. */
  async pause(): Promise<void> {
    const child = this.#child;
    assert.ok(child?.pid, 'it does not run');
    child.kill('SIGSTOP');
    const threads = `/proc/${child.pid}/task`;
    const stands = (thread: string): boolean =>
      /\) [Tt] /.test(readFileSync(join(threads, thread, 'stat'), 'utf8'));
    while (!readdirSync(threads).every(stands)) await delay(5);
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(this.socket)) return false;
    const client = this.client(1000);
    try {
      await client.range({ key: 'any' });
      return true;
    } catch {
      return false;
    } finally {
      client.close();
    }
  }

  #logged(): string {
    return readFileSync(join(this.#folder, 'log'), 'utf8').slice(-2000);
  }
}
