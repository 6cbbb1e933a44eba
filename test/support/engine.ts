/**
 * A real Docker Engine for tests: in its own network, mount, host name and process namespaces, with its own data and
 * socket. ENGINE chooses which one, as for lab hosts. It needs root, and ends with the test process whatever happens to that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EngineClient, readAll, unixEngine } from '../../src/engine/client.ts';
import { engineFolder } from './engine-folder.ts';
import { imagesTar } from './images.ts';

/** How long an engine may take to answer, and how long its control groups may stay busy (ms). */
const START_TIME = 60_000;
const GROUPS_TIME = 10_000;

const PREFIX = 'essaim-engine-';

/** Runs in the new namespaces: $1 is the engine's directory, the rest are dockerd's arguments. */
const LAUNCH = `
set -e
dir=$1; shift
mkdir -p "$dir/cgroup" "$dir/run-docker" /run/docker
mount --rbind /sys/fs/cgroup "$dir/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$dir/cgroup" /sys/fs/cgroup
mount --bind "$dir/run-docker" /run/docker
echo 'nameserver 127.0.0.1' > "$dir/resolv.conf"
mount --bind "$dir/resolv.conf" /etc/resolv.conf
hostname "$(basename "$dir")"
ip link set lo up
exec dockerd "$@"
`;

export class TestEngine {
  readonly directory: string;
  readonly socket: string;
  readonly client: EngineClient;
  #process: ChildProcess | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, 'engine.sock');
    this.client = unixEngine(this.socket);
  }

  /** Resolves when the engine answers; containers of an earlier run are known to it. */
  async start(): Promise<void> {
    const { directory: dir } = this;
    const namespaces = ['--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // What is mounted later in a folder that is shared is to be seen by the engine, as on a real host.
    const propagation = ['--propagation', 'slave'];
    const dockerd = [
      `--host=unix://${this.socket}`,
      `--data-root=${join(dir, 'data')}`,
      `--exec-root=${join(dir, 'exec')}`,
      `--pidfile=${join(dir, 'pid')}`,
      `--cgroup-parent=/${this.#group}`,
    ];
    const folder = await engineFolder();
    const PATH = folder ? `${folder}:${process.env.PATH}` : process.env.PATH;
    const child = spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        'unshare',
        ...namespaces,
        ...propagation,
        'sh',
        '-c',
        LAUNCH,
        'sh',
        dir,
        ...dockerd,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH } },
    );
    this.#process = child;
    let errors = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    const deadline = Date.now() + START_TIME;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the test engine ended: ${errors}`);
      try {
        return await this.client.ping();
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`the test engine does not answer: ${errors}`, { cause: error });
        await delay(50);
      }
    }
  }

  /** Loads the images of images.ts. */
  async loadImages(): Promise<void> {
    const tar = createReadStream(await imagesTar());
    const headers = { 'content-type': 'application/x-tar' };
    const body = await this.client.stream('POST', '/images/load', {
      query: { quiet: 1 },
      headers,
      body: tar,
    });
    const answer = (await readAll(body)).toString();
    if (answer.includes('"error"')) throw new Error(answer);
  }

  /** Asks the engine to end in order, which then stops its containers; resolves when it has ended. */
  async stop(): Promise<void> {
    const ended = once(this.#process!, 'exit');
    await this.signal('SIGTERM');
    await ended;
    await this.kill();
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill(Number(await firstChild(this.#process!)), signal);
  }

  /** Ends the engine and all its containers at once, as a power cut. Its data stays: it can be started again. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    this.client.close();
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    const init = await firstChild(child);
    child.kill('SIGKILL');
    await ended;
    // The first process of its namespace goes last: until then others may hold files that the next engine needs.
    while (init && existsSync(`/proc/${init}`)) await delay(20);
    // As on a machine that lost its power, where these are in memory: an engine that finds the process number of its
    // old containerd in use, by whatever process, waits for it instead of starting one.
    await rm(join(this.directory, 'pid'), { force: true });
    await rm(join(this.directory, 'exec'), { recursive: true, force: true });
  }

  /** Ends the engine and removes everything of it. */
  async remove(): Promise<void> {
    await this.kill();
    await removeGroups(this.#group);
    await rm(this.directory, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  get #group(): string {
    return this.directory.split('/').pop()!;
  }
}

/** A running engine that knows the images of images.ts. The caller removes it. */
export async function startEngine(): Promise<TestEngine> {
  await sweep();
  const engine = new TestEngine(await mkdtemp(join(tmpdir(), PREFIX)));
  try {
    await writeFile(join(engine.directory, 'owner'), String(process.pid));
    await engine.start();
    await engine.loadImages();
    return engine;
  } catch (error) {
    await engine.remove();
    throw error;
  }
}

/** The first process of the namespace that a process has made: dockerd. */
async function firstChild({ pid }: ChildProcess): Promise<string | undefined> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ')[0];
}

/** Removes what test processes that were killed have left. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = join(tmpdir(), name);
    const owner = Number(await readFile(join(directory, 'owner'), 'utf8').catch(() => ''));
    if (!owner || existsSync(`/proc/${owner}`)) continue;
    await new TestEngine(directory).remove();
  }
}

async function removeGroups(name: string): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const roots = mounts
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path]) => path!);
  for (const root of roots) await removeTree(join(root, name), Date.now() + GROUPS_TIME);
}

async function removeTree(group: string, deadline: number): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(group, entry.name), deadline);
  for (;;) {
    try {
      return await rmdir(group);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}
