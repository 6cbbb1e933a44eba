/** A swarm on lab hosts: the first host is its manager, the others are workers. */
import { eventually, type HostSpec, hostName, Lab, type Outcome } from './lab.ts';

/** The docker CLIs to be tried: the newest there is, and that of the Debian package. */
export const CLIS = ['docker', '/usr/bin/docker'] as const;

/**
 * Does the same with each of the CLIS, at once: most of it is to wait. `name` is for what it makes, one of its own each time.
 * The error says with which one it has failed.
 */
export async function withEach(
  work: (cli: (typeof CLIS)[number], name: string) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(CLIS.map((cli, i) => work(cli, `by-${['newest', 'own'][i]}`)));
  for (const [i, outcome] of outcomes.entries())
    if (outcome.status === 'rejected') throw new Error(`with ${CLIS[i]}`, { cause: outcome.reason });
}

/** A task in the words of `docker service ps`. */
export interface TaskRow {
  /** `SERVICE.SLOT`, or `SERVICE.NODE-ID` */
  name: string;
  /** Name of its host, empty while it has none. */
  node: string;
  /** States begin with a capital letter. */
  desired: string;
  current: string;
  error: string;
}

/** What is looked at of the API's objects. */
interface ApiTask {
  readonly NodeID?: string;
  readonly Slot?: number;
  readonly CreatedAt: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly Err?: string };
}
interface ApiNode {
  readonly ID: string;
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string };
}

const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);

export class Swarm implements AsyncDisposable {
  readonly lab: Lab;
  readonly manager: string;
  readonly hosts: readonly string[];

  private constructor(lab: Lab, hosts: readonly string[]) {
    this.lab = lab;
    this.hosts = hosts;
    this.manager = hosts[0]!;
  }

  static async on(...specs: HostSpec[]): Promise<Swarm> {
    const lab = await Lab.with(...specs);
    const hosts = specs.map(hostName);
    const swarm = new Swarm(lab, hosts);
    try {
      const ip = await lab.address(swarm.manager);
      await swarm.docker('swarm', 'init', '--advertise-addr', ip);
      const token = await swarm.docker('swarm', 'join-token', '-q', 'worker');
      const join = ['swarm', 'join', '--token', token, `${ip}:2377`];
      await Promise.all(hosts.slice(1).map((host) => lab.docker(host, ...join)));
      return swarm;
    } catch (error) {
      const state = await swarm.explain();
      await lab[Symbol.asyncDispose]();
      throw new Error(`${(error as Error).message}\n${state}`);
    }
  }

  /** The docker CLI on the manager; throws unless it succeeds. */
  docker(...args: string[]): Promise<string> {
    return this.lab.docker(this.manager, ...args);
  }

  /** The same with one of the CLIS. */
  async with(cli: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.lab.tryDocker(this.manager, args, cli);
    if (code !== 0) throw new Error(`${cli} ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
    return stdout.replace(/\n$/, '');
  }

  tryDocker(...args: string[]): Promise<Outcome> {
    return this.lab.tryDocker(this.manager, args);
  }

  /** Creates a service without waiting for it, of an image that the hosts have. Returns its id. */
  create(...args: string[]): Promise<string> {
    return this.docker('service', 'create', '--detach', '--no-resolve-image', ...args);
  }

  /** Removes services, and waits until no host has a container of theirs. */
  async remove(...services: string[]): Promise<void> {
    await this.docker('service', 'rm', ...services);
    await this.gone(...services);
  }

  /** Removes what a test that has failed left behind, or else the next ones fail with it. */
  async clear(): Promise<void> {
    const left = await this.docker('service', 'ls', '--format', '{{.Name}}');
    if (left !== '') await this.remove(...left.split('\n'));
  }

  /** Waits until no host has a container of these services. */
  async gone(...services: string[]): Promise<void> {
    for (const service of services)
      await eventually(`containers of ${service} are gone`, 30_000, async () => {
        const left = await Promise.all(this.hosts.map((host) => this.containers(host, service)));
        return left.flat().length === 0;
      });
  }

  /** The tasks of a service, given by its name: by slots, the newest of a slot first. */
  async tasks(
    service: string,
    filters: Readonly<Record<string, readonly string[]>> = {},
  ): Promise<TaskRow[]> {
    const [tasks, nodes] = await Promise.all([
      this.lab.ask<ApiTask[]>(this.manager, '/tasks', { ...filters, service: [service] }),
      this.lab.ask<ApiNode[]>(this.manager, '/nodes'),
    ]);
    const hosts = new Map(nodes.map(({ ID, Description }) => [ID, Description.Hostname]));
    return tasks
      .sort((a, b) => (a.Slot ?? 0) - (b.Slot ?? 0) || Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt))
      .map(({ Slot, NodeID = '', DesiredState, Status }) => ({
        name: `${service}.${Slot || NodeID}`,
        node: hosts.get(NodeID) ?? NodeID,
        desired: capital(DesiredState),
        current: capital(Status.State),
        error: Status.Err ?? '',
      }));
  }

  async running(service: string): Promise<TaskRow[]> {
    const rows = await this.tasks(service, { 'desired-state': ['running'] });
    return rows.filter(({ current }) => current === 'Running');
  }

  /** Waits until exactly so many tasks of the service run. */
  async converge(service: string, replicas: number, timeout = 60_000): Promise<TaskRow[]> {
    return eventually(
      `${service} runs ${replicas} tasks`,
      timeout,
      async () => {
        const rows = await this.running(service);
        return rows.length === replicas && rows;
      },
      () => this.explain(service),
    );
  }

  /** Names of the task containers of a service on one host's engine, as the engine says, running ones only. */
  async containers(host: string, service: string): Promise<string[]> {
    const label = [`com.docker.swarm.service.name=${service}`];
    const found = await this.lab.ask<Array<{ Names: string[] }>>(host, '/containers/json', { label });
    return found.map(({ Names }) => Names[0]!.slice(1));
  }

  /** The states of the nodes by their hosts' names: `Ready`, `Down`. */
  async nodes(): Promise<Record<string, string>> {
    const nodes = await this.lab.ask<ApiNode[]>(this.manager, '/nodes');
    return Object.fromEntries(
      nodes.map(({ Description, Status }) => [Description.Hostname, capital(Status.State)]),
    );
  }

  /** What a host says of the nodes, `Leader`, `Reachable`, `Unreachable` or nothing of each: `ma Leader; mb Reachable; mc`. */
  async managers(host: string): Promise<string> {
    const nodes = await this.lab.ask<ApiNode[]>(host, '/nodes');
    const rows = nodes.map(({ Description, ManagerStatus: status }) =>
      [
        Description.Hostname,
        ...(status ? [status.Leader ? 'Leader' : capital(status.Reachability)] : []),
      ].join(' '),
    );
    return rows.sort().join('; ');
  }

  async nodeBecomes(host: string, status: string, timeout: number): Promise<void> {
    await eventually(
      `${host} is ${status}`,
      timeout,
      async () => (await this.nodes())[host] === status,
      () => this.explain(),
    );
  }

  /** Everything that may explain a failure. */
  async explain(service?: string): Promise<string> {
    const parts = [
      await this.tryDocker('node', 'ls'),
      ...(service ? [await this.tryDocker('service', 'ps', '--no-trunc', service)] : []),
    ].map(({ stdout, stderr }) => stdout + stderr);
    for (const host of this.hosts)
      parts.push(`--- ${host}\n${await this.lab.log(host, 'essaim').catch(String)}`);
    return parts.join('\n');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}
