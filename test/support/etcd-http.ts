/** An etcd of one member that listens on TCP, as other programs find it, with its old API or without. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './lab.ts';

export class HttpEtcd implements AsyncDisposable {
  readonly address: string;
  readonly #folder: string;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(address: string, folder: string, flags: readonly string[]) {
    this.address = address;
    this.#folder = folder;
    this.#flags = flags;
  }

  static async start({ v2 = false }: { v2?: boolean } = {}): Promise<HttpEtcd> {
    const [client, peer] = [await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`) as [
      string,
      string,
    ];
    const folder = await mkdtemp(join(tmpdir(), 'etcd-http-'));
    const flags = [
      ...['--name=one', `--data-dir=${folder}`, `--enable-v2=${v2}`],
      ...[`--listen-client-urls=http://${client}`, `--advertise-client-urls=http://${client}`],
      ...[`--listen-peer-urls=http://${peer}`, `--initial-advertise-peer-urls=http://${peer}`],
      `--initial-cluster=one=http://${peer}`,
    ];
    const etcd = new HttpEtcd(client, folder, flags);
    await etcd.start();
    return etcd;
  }

  /** Again after `kill`, with what it had. */
  async start(): Promise<void> {
    this.#child = spawn(process.env.ETCD ?? 'etcd', this.#flags, { stdio: 'ignore' });
    await eventually('etcd answers', 30_000, async () => (await fetch(`http://${this.address}/health`)).ok);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
