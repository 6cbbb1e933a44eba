/** One of the two that are compared: two lab hosts, spoken to by the docker CLI through one socket each. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { engineFolder } from '../support/engine-folder.ts';
import { execute, Lab, type Outcome } from '../support/lab.ts';
import { type Awaited, type Group, HOSTS, type HostName, type Quiet } from './step.ts';

const FILES = fileURLToPath(new URL('files/', import.meta.url));
/** How long a command may take, seconds, and how long a condition may take to come true, milliseconds. */
const COMMAND_SECONDS = 60;
const CONDITION_TIME = 60_000;

export type Kind = 'swarm' | 'essaim';

export class Side implements AsyncDisposable {
  readonly kind: Kind;
  readonly #lab: Lab;
  readonly #env: NodeJS.ProcessEnv;
  readonly addresses: Readonly<Record<HostName, string>>;

  private constructor(kind: Kind, lab: Lab, env: NodeJS.ProcessEnv, addresses: Record<HostName, string>) {
    this.kind = kind;
    this.#lab = lab;
    this.#env = env;
    this.addresses = addresses;
  }

  /** `swarm` are the engines of the hosts themselves, without Essaim's daemons. */
  static async of(kind: Kind): Promise<Side> {
    const lab = await Lab.with(...HOSTS);
    try {
      const [one, two] = await Promise.all(HOSTS.map((host) => lab.address(host)));
      if (kind === 'swarm') for (const host of HOSTS) await endEssaim(lab, host);
      const folder = await engineFolder();
      const config = join(lab.home, 'cli');
      await mkdir(config);
      const env = {
        PATH: folder ? `${folder}:${process.env.PATH}` : process.env.PATH,
        HOME: config,
        DOCKER_CONFIG: config,
        ONE: one,
        TWO: two,
      };
      return new Side(kind, lab, env, { one: one!, two: two! });
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a line of shell in which `docker` speaks to the host. A command that hangs ends with exit code 124. */
  run(command: string, host: HostName = 'one'): Promise<Outcome> {
    const socket = this.kind === 'swarm' ? this.#lab.engineSocket(host) : this.#lab.socket(host);
    const env = { ...this.#env, DOCKER_HOST: `unix://${socket}` };
    return execute('timeout', [String(COMMAND_SECONDS), 'sh', '-c', `cd ${FILES}; ${command}`], env);
  }

  /** The same for what has to succeed; returns stdout. */
  async must(command: string, host?: HostName): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, host);
    if (code !== 0) throw new Error(`${this.kind}: ${command}: exit code ${code}\n${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Does what later steps need. */
  async prepare({ quietly, on, as }: Quiet): Promise<void> {
    const printed = await this.must(quietly, on);
    if (as) this.#env[as] = printed;
  }

  /** Resolves with undefined when the condition has come true, with what is printed instead when it does not. */
  async until({ until, shows, on }: Awaited): Promise<string | undefined> {
    const deadline = performance.now() + CONDITION_TIME;
    for (;;) {
      const { stdout, stderr } = await this.run(until, on);
      const text = stdout.trim();
      if (typeof shows === 'string' ? text === shows : shows.test(text)) return undefined;
      if (performance.now() > deadline) return stdout + stderr;
      await delay(100);
    }
  }

  async restart(host: HostName): Promise<void> {
    await this.#lab.must('stop', host);
    await this.#lab.must('start', host);
    if (this.kind === 'swarm') await endEssaim(this.#lab, host);
    await this.until({ until: 'docker version >/dev/null && echo yes', shows: 'yes', on: host });
  }

  /** Has both hosts as a group begins. */
  async begin(begins: Group['begins']): Promise<void> {
    await this.#clear();
    if (begins === 'alone') return;
    await this.must('docker swarm init --advertise-addr $ONE');
    await this.prepare({ quietly: 'docker swarm join-token -q worker', as: 'TOKEN' });
    await this.must('docker swarm join --token $TOKEN $ONE:2377', 'two');
  }

  /** Takes both hosts out of their swarm, and removes everything but images. */
  async #clear(): Promise<void> {
    const remove = [
      'docker swarm leave --force >/dev/null 2>&1',
      'left=$(docker ps -aq); [ -z "$left" ] || docker rm -f $left',
      'docker network prune -f; left=$(docker volume ls -q); [ -z "$left" ] || docker volume rm -f $left',
    ];
    for (const host of ['two', 'one'] as const) await this.must(remove.join('; '), host);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lab[Symbol.asyncDispose]();
  }
}

function endEssaim(lab: Lab, host: HostName): Promise<string> {
  return lab.ssh(host, 'kill $(cut -d" " -f1 /run/essaim.process)');
}
