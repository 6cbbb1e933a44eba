import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../../src/machine/driver.ts';
import { callApi } from '../../src/machine/engine-api.ts';
import { lab as driver } from '../../src/machine/lab/driver.ts';
import { type EngineName, engineFolder, useNewestClient, wantedEngine } from './engine-folder.ts';
import { imagesTar } from './images.ts';

const ESSAIM = fileURLToPath(new URL('../../bin/essaim', import.meta.url));

/** How long a host's API may take to answer on a busy machine (ms). */
const ANSWER_TIME = 30_000;

export interface Outcome {
  /** Exit code; a number above 128 for a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A host of a lab: its name alone, or which engine it runs, the one that all have if not given, with which flags of `dockerd`
 * (`KEY=VALUE`), and options of its daemon (`KEY=VALUE`).
 */
export type HostSpec =
  | string
  | { name: string; engine?: EngineName; options?: readonly string[]; daemon?: readonly string[] };

export const hostName = (host: HostSpec): string => (typeof host === 'string' ? host : host.name);

/** Real hosts for one test file, apart from anyone else's. Dispose of it to remove them all. */
export class Lab implements AsyncDisposable {
  /** What ESSAIM_HOME is for this lab. */
  readonly home: string;
  readonly #env: NodeJS.ProcessEnv;
  /** Options of `machine create` for a host of which nothing else was said. */
  readonly #engine: readonly string[];
  /** Time-outs of AbortSignal do not keep a process alive: without this a request that hangs would end the whole test. */
  readonly #alive = setInterval(() => {}, 1_000);

  private constructor(home: string, engine: readonly string[]) {
    this.home = home;
    this.#engine = engine;
    const own = new Set([
      'DOCKER_HOST',
      'DOCKER_CONTEXT',
      'DOCKER_TLS_VERIFY',
      'DOCKER_TLS',
      'DOCKER_CERT_PATH',
    ]);
    const kept = Object.entries(process.env).filter(([name]) => !own.has(name));
    this.#env = { ...Object.fromEntries(kept), ESSAIM_HOME: home };
  }

  /** A lab with running hosts of these names, the test images loaded on each. Newer engines are driven by the newest client. */
  static async with(...hosts: HostSpec[]): Promise<Lab> {
    const newer =
      wantedEngine() !== 'own' ||
      hosts.some((host) => typeof host !== 'string' && (host.engine ?? 'own') !== 'own');
    if (newer) await useNewestClient();
    // Not in /tmp: it may be in memory, and engines keep their layers here. Short: sockets lie in it.
    const lab = new Lab(await mkdtemp('/var/tmp/essaim-'), await engineOptions(wantedEngine()));
    try {
      await lab.add(...hosts);
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** More hosts, with the test images. */
  async add(...hosts: HostSpec[]): Promise<void> {
    const alike = hosts.filter((host) => typeof host === 'string');
    if (alike.length > 0) await this.must('create', '-d', 'lab', ...alike);
    for (const host of hosts) {
      if (typeof host === 'string') continue;
      const flags = (host.options ?? []).flatMap((option) => ['--engine-opt', option]);
      const own = (host.daemon ?? []).flatMap((option) => ['--daemon-opt', option]);
      const options = [...(await engineOptions(host.engine ?? wantedEngine())), ...flags, ...own];
      const outcome = await execute(ESSAIM, ['machine', 'create', ...options, host.name], this.#env);
      successful(`essaim machine create ${host.name}`, outcome);
    }
    if (hosts.length > 0) await this.must('load', ...hosts.map(hostName), await imagesTar());
  }

  /** Runs `essaim machine …` to its end, whatever that is. */
  machine(...args: string[]): Promise<Outcome> {
    return execute(ESSAIM, this.#arguments(args), this.#env);
  }

  /** Runs `essaim machine …`; returns stdout without its last newline, throws unless it succeeds. */
  async must(...args: string[]): Promise<string> {
    return successful(`essaim machine ${args.join(' ')}`, await this.machine(...args));
  }

  /** Starts `essaim machine …` without waiting for it. */
  spawn(...args: string[]): ChildProcess {
    return spawn(ESSAIM, this.#arguments(args), { env: this.#env, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** What `essaim machine ip` says, which costs ten times as much. */
  async address(name: string): Promise<string> {
    return (await this.#record(name)).address;
  }

  /** Runs on a host what `essaim machine ssh` would, as cheaply; returns stdout as above, throws unless it succeeds. */
  async ssh(name: string, ...words: string[]): Promise<string> {
    const argv = words.length === 1 ? ['sh', '-c', words[0]!] : words;
    const { file, args, env } = await driver.command(await this.#record(name), argv);
    return successful(`${words.join(' ')} on ${name}`, await execute(file, args.slice(1), env));
  }

  /** Path of the socket at which a host's Essaim daemon serves the Docker API. */
  socket(name: string): string {
    return join(this.home, 'machines', name, 'run/docker.sock');
  }

  /** Path of the socket of a host's own Docker Engine. */
  engineSocket(name: string): string {
    return join(this.home, 'machines', name, 'run/engine.sock');
  }

  /** Has a host's engine end in order; resolves when it has ended. */
  async stopEngine(name: string): Promise<void> {
    const end = 'p=$(cut -d" " -f1 /run/engine.process); kill $p; while kill -0 $p; do sleep 0.1; done';
    await this.must('ssh', name, end);
  }

  /** Runs the docker CLI (another one where `cli` gives its path) against a host, to its end. */
  tryDocker(name: string, args: readonly string[], cli = 'docker'): Promise<Outcome> {
    return execute(cli, args, { ...this.#env, DOCKER_HOST: `unix://${this.socket(name)}` });
  }

  /** Runs the docker CLI against a host; returns stdout without its last newline, throws unless it succeeds. */
  async docker(name: string, ...args: string[]): Promise<string> {
    return successful(`docker ${args.join(' ')} on ${name}`, await this.tryDocker(name, args));
  }

  /** What a host's API answers to a GET: whoever waits asks so, since a look by the CLI costs ten times as much. */
  ask<T>(name: string, path: string, filters: Readonly<Record<string, readonly string[]>> = {}): Promise<T> {
    const query = `${path.includes('?') ? '&' : '?'}filters=${encodeURIComponent(JSON.stringify(filters))}`;
    return callApi<T>({ socket: this.socket(name) }, 'GET', path + query, undefined, ANSWER_TIME);
  }

  /** Runs another `essaim …` than `machine` against a host's daemon; returns stdout as above. */
  async essaim(name: string, ...args: string[]): Promise<string> {
    const outcome = await execute(ESSAIM, args, { ...this.#env, DOCKER_HOST: `unix://${this.socket(name)}` });
    return successful(`essaim ${args.join(' ')} on ${name}`, outcome);
  }

  /** The end of the log of a host's 'engine', 'essaim' daemon or 'init'. */
  async log(name: string, part: 'engine' | 'essaim' | 'init'): Promise<string> {
    const text = await readFile(join(this.home, 'machines', name, 'log', `${part}.log`), 'utf8');
    return text.split('\n').slice(-40).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const names = (await this.must('ls', '-q')).split('\n').filter((name) => name !== '');
      if (names.length > 0) await this.must('rm', '-f', ...names);
      await rm(this.home, { recursive: true, force: true });
    } finally {
      clearInterval(this.#alive);
    }
  }

  async #record(name: string): Promise<Machine> {
    return JSON.parse(await readFile(join(this.home, 'machines', name, 'machine.json'), 'utf8')) as Machine;
  }

  #arguments([verb, ...rest]: readonly string[]): string[] {
    const chosen = verb !== 'create' || rest.includes('--engine-path');
    return ['machine', verb!, ...(chosen ? [] : this.#engine), ...rest];
  }
}

async function engineOptions(engine: EngineName): Promise<string[]> {
  const folder = await engineFolder(engine);
  return folder ? ['--engine-path', folder] : [];
}

/** Runs a program to its end. Throws only when it cannot be started. */
export function execute(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number' && !error.signal) return reject(error);
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : 255) : 0, stdout, stderr });
    });
    child.stdin?.end();
  });
}

function successful(what: string, { code, stdout, stderr }: Outcome): string {
  if (code === 0) return stdout.replace(/\n$/, '');
  throw new Error(`${what}: exit code ${code}\n${stdout}${stderr}`);
}

/**
 * Waits until `condition` returns something truthy and returns that, looking every 50 ms, later every 200: looks take from
 * what is waited for.
 * After `timeout` milliseconds it throws, with what `explain` says about the state then.
 */
export async function eventually<T>(
  what: string,
  timeout: number,
  condition: () => Promise<T | false | undefined>,
  explain: () => Promise<string> = async () => '',
): Promise<T> {
  const begun = performance.now();
  for (;;) {
    let reason = '';
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      reason = String(error);
    }
    const waited = performance.now() - begun;
    if (waited > timeout) throw new Error(`Not within ${timeout} ms: ${what}\n${reason}\n${await explain()}`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(50, waited / 10), 200)));
  }
}
