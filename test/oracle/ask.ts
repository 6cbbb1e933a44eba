/** Has templates expanded by a real engine in swarm mode. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { EngineClient } from '../../src/engine/client.ts';
import { startEngine } from '../support/engine.ts';

export interface Question {
  template: string;
  /** It is the content of a config, not of an environment variable. */
  payload?: boolean;
}

/** The text that came of it, or the error. */
export interface Answer {
  gives?: string;
  fails?: string;
}

/** A line for each template, with what the engine said. */
export const TABLE = fileURLToPath(new URL('./templates.jsonl', import.meta.url));

export async function readTable(): Promise<Array<Question & Answer>> {
  const lines = (await readFile(TABLE, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Question & Answer);
}

/** What the service is called in which all is expanded, and the context that its answers are told in. */
export const SERVICE = 'web';
export const LABELS: Readonly<Record<string, string>> = { a: 'b', 'x.y': 'z', ü: '<é>' };
export const IDS = {
  service: 'serviceserviceserviceserv',
  task: 'tasktasktasktasktasktaskt',
  node: 'nodenodenodenodenodenoden',
  host: 'host-host-host-host1',
};
/** What the service has besides, for functions of payloads. */
export const ENV = ['SHARED=s=1', 'PLAIN'];
export const FIXED_CONFIG = { target: '/fixed', data: 'fixed {{.Task.Slot}}' };

/** Longer lists of variables than this make the engine slow. */
const MOST = 500;

interface Task {
  ID: string;
  ServiceID: string;
  NodeID: string;
  Status: { Err?: string; State: string; ContainerStatus?: { ContainerID?: string } };
}

/** The answers in the order of the questions. Each starts an engine, and ends it. */
export async function askEngine(
  questions: readonly Question[],
): Promise<{ version: string; answers: Answer[] }> {
  const engine = await startEngine();
  try {
    const { client } = engine;
    await client.json('POST', '/swarm/init', {
      body: { ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' },
    });
    const { Version } = (await client.version()) as unknown as { Version: string };
    const info = await client.json<{ Name: string }>('GET', '/info');
    const swarm = new Swarm(client, info.Name);
    const answers: Answer[] = [];
    for (const { template, payload } of questions)
      answers.push(payload ? await swarm.payload(template) : await swarm.refusal(template));
    const left = questions.flatMap(({ payload }, at) => (payload || answers[at]!.fails ? [] : [at]));
    for (let from = 0; from < left.length; from += MOST) {
      const some = left.slice(from, from + MOST);
      const found = await swarm.expand(some.map((at) => questions[at]!.template));
      for (const [i, at] of some.entries()) answers[at] = found[i]!;
    }
    return { version: Version, answers };
  } finally {
    await engine.remove();
  }
}

class Swarm {
  readonly #client: EngineClient;
  readonly #host: string;

  constructor(client: EngineClient, host: string) {
    this.#client = client;
    this.#host = host;
  }

  /** Why a service with this template is refused; nothing if it is not. */
  async refusal(template: string): Promise<Answer> {
    try {
      const id = await this.#create({ Env: [`X=${template}`] }, 0);
      await this.#client.json('DELETE', `/services/${id}`);
      return {};
    } catch (error) {
      return { fails: reason(error) };
    }
  }

  /** What environment variables become. */
  async expand(templates: readonly string[]): Promise<Answer[]> {
    const answers = new Map<number, Answer>();
    for (;;) {
      const open = templates.map((_, at) => at).filter((at) => !answers.has(at));
      if (open.length === 0) return templates.map((_, at) => answers.get(at)!);
      const task = await this.#run({ Env: open.map((at) => `T${at}=${templates[at]}`) });
      const failed = /expanding env "T(\d+)=/.exec(task.Status.Err ?? '')?.[1];
      if (failed !== undefined) {
        answers.set(Number(failed), { fails: this.#plain(reason(task.Status.Err), task) });
      } else {
        const container = `/containers/${task.Status.ContainerStatus!.ContainerID}/json`;
        const { Config } = await this.#client.json<{ Config: { Env: string[] } }>('GET', container);
        for (const entry of Config.Env) {
          const [, at, value] = /^T(\d+)=(.*)$/s.exec(entry) ?? [];
          if (at !== undefined) answers.set(Number(at), { gives: this.#plain(value!, task) });
        }
        const lost = open.find((at) => !answers.has(at));
        if (lost !== undefined) throw new Error(`the engine did not expand ${templates[lost]}`);
      }
      await this.#client.json('DELETE', `/services/${task.ServiceID}`);
    }
  }

  /** What the content of a config becomes. */
  async payload(template: string): Promise<Answer> {
    const target = '/payload';
    const contents = [
      { Name: 'payload', target, data: template, Templating: { Name: 'golang' } },
      { Name: 'fixed', ...FIXED_CONFIG },
    ];
    const configs: Array<{ ID: string; Name: string; target: string }> = [];
    for (const { Name, target, data, Templating } of contents) {
      const body = { Name, Data: Buffer.from(data).toString('base64'), Templating };
      const { ID } = await this.#client.json<{ ID: string }>('POST', '/configs/create', { body });
      configs.push({ ID, Name, target });
    }
    const Configs = configs.map(({ ID, Name, target }) => ({
      ConfigID: ID,
      ConfigName: Name,
      File: { Name: target, UID: '0', GID: '0', Mode: 0o444 },
    }));
    const task = await this.#run({ Env: ENV, Configs, Command: ['cat', target] });
    const answer = task.Status.Err
      ? { fails: this.#plain(reason(task.Status.Err), task) }
      : { gives: this.#plain(await this.#output(task), task) };
    await this.#client.json('DELETE', `/services/${task.ServiceID}`);
    for (const { ID } of configs) await this.#client.json('DELETE', `/configs/${ID}`);
    return answer;
  }

  /** Runs a service until its task has a container that ran, or has failed. */
  async #run(container: object): Promise<Task> {
    const service = await this.#create(container, 1);
    for (;;) {
      const query = { filters: { service: [service] } };
      const tasks = await this.#client.json<Task[]>('GET', '/tasks', { query });
      const done = tasks.find(({ Status }) => /^(complete|failed|rejected)$/.test(Status.State));
      if (done) return done;
      await delay(50);
    }
  }

  async #create(container: object, replicas: number): Promise<string> {
    const body = {
      Name: SERVICE,
      Labels: LABELS,
      TaskTemplate: {
        ContainerSpec: { Image: 'busybox', Command: ['true'], ...container },
        RestartPolicy: { Condition: 'none' },
      },
      Mode: { Replicated: { Replicas: replicas } },
    };
    return (await this.#client.json<{ ID: string }>('POST', '/services/create', { body })).ID;
  }

  /** What the container printed. */
  async #output({ Status }: Task): Promise<string> {
    const query = { stdout: 1 };
    const path = `/containers/${Status.ContainerStatus!.ContainerID}/logs`;
    const stream = await this.#client.stream('GET', path, { query });
    let rest = Buffer.concat(await stream.toArray());
    const parts: Buffer[] = [];
    // Each part has a header of 8 bytes, the last four of which are its length.
    for (; rest.length > 0; rest = rest.subarray(8 + rest.readUInt32BE(4)))
      parts.push(rest.subarray(8, 8 + rest.readUInt32BE(4)));
    return Buffer.concat(parts).toString();
  }

  /** The text as it would be in the context of IDS. */
  #plain(text: string, task: Task): string {
    return text
      .replaceAll(task.ServiceID, IDS.service)
      .replaceAll(task.ID, IDS.task)
      .replaceAll(task.NodeID, IDS.node)
      .replaceAll(this.#host, IDS.host)
      .replace(/0x[0-9a-f]{10,12}\b/g, '0xc000000000');
  }
}

/** What the template's error is in a longer one. */
function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const at = text.indexOf('template: ');
  if (at < 0) throw new Error(`no error of a template: ${text}`);
  return text.slice(at);
}
