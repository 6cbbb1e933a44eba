/** Whether what hosts believe of a service is what the manager says: names, virtual address, published port, neighbours. */
import { isDeepStrictEqual } from 'node:util';
import { type EngineClient, unixEngine } from '../../src/engine/client.ts';
import { eventually, execute } from '../../test/support/lab.ts';
import type { Swarm } from '../../test/support/swarm.ts';
import { program } from './load.ts';
import type { Sight } from './look.ts';

interface Task {
  ID: string;
  DesiredState: string;
  Status: { State: string; ContainerStatus?: { ContainerID?: string } };
  NetworksAttachments?: Array<{ Network: { ID: string; Spec: { Name: string } }; Addresses: string[] }>;
}
interface Service {
  Endpoint: { VirtualIPs: Array<{ NetworkID: string; Addr: string }> };
}

const OVER = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'];
const hostOf = (cidr: string): string => cidr.split('/')[0]!;

export interface TruthOptions {
  /** Published at `port`, on `network`, with so many replicas. */
  service: string;
  replicas: number;
  network: string;
  port: number;
  /** A global service on the network whose containers run Node. */
  asker: string;
}

export class Truth implements Disposable {
  readonly #swarm: Swarm;
  readonly #options: TruthOptions;
  readonly #manager: EngineClient;

  constructor(swarm: Swarm, options: TruthOptions) {
    this.#swarm = swarm;
    this.#options = options;
    this.#manager = unixEngine(swarm.lab.socket(swarm.manager));
  }

  /** Waits until all is right on all hosts. Returns the milliseconds that it took. */
  async until(patience: number): Promise<number> {
    const started = performance.now();
    let wrong: string[] = [];
    await eventually(
      'names, addresses, ports and neighbours are right on every host',
      patience,
      async () => {
        wrong = await this.wrong().catch((error: Error) => [error.message]);
        return wrong.length === 0;
      },
      async () => wrong.join('\n'),
    );
    return performance.now() - started;
  }

  /** What is not right, for people. */
  async wrong(): Promise<string[]> {
    const { service, replicas, network, port } = this.#options;
    const all = await this.#manager.json<Task[]>('GET', '/tasks');
    const query = { filters: { service: [service], 'desired-state': ['running'] } };
    const own = await this.#manager.json<Task[]>('GET', '/tasks', { query });
    const running = own.filter(({ Status }) => Status.State === 'running');
    if (running.length !== replicas || own.length !== replicas) return [`${running.length} tasks run`];
    const { Endpoint } = await this.#manager.json<Service>('GET', `/services/${service}`);
    const attached = running.map(
      (task) => task.NetworksAttachments!.find(({ Network }) => Network.Spec.Name === network)!,
    );
    const networkId = attached[0]!.Network.ID;
    const vip = hostOf(Endpoint.VirtualIPs.find(({ NetworkID }) => NetworkID === networkId)!.Addr);
    const hostnames = running.map(({ Status }) => Status.ContainerStatus!.ContainerID!.slice(0, 12)).sort();
    const wanted = {
      names: {
        [service]: [vip],
        [`tasks.${service}`]: attached.flatMap(({ Addresses }) => Addresses.map(hostOf)).sort(),
      },
      vip: hostnames,
      port: hostnames,
    };
    const ended = all.filter(({ Status }) => OVER.includes(Status.State)).flatMap(addressesOf);
    const alive = new Set(all.filter(({ Status }) => !OVER.includes(Status.State)).flatMap(addressesOf));
    // Hosts have addresses of their own there, which may have been a task's.
    const taken = await Promise.all(this.#swarm.hosts.map((host) => this.#ownAddresses(host)));
    const current = new Set([...alive, ...taken.flat()]);
    const stale = new Set(ended.filter((address) => !current.has(address)));
    const found = await Promise.all(
      this.#swarm.hosts.map(async (host) => {
        const address = await this.#swarm.lab.address(host);
        const [vipUrl, portUrl] = [`http://${vip}:${port}/`, `http://${address}:${port}/`];
        const [inside, outside, neighbours] = await Promise.all([
          this.#inside(host, 3 * replicas, Object.keys(wanted.names), [vipUrl]),
          this.#outside(host, 4 * replicas, [portUrl]),
          this.#neighbours(host),
        ]);
        const is = {
          names: inside.names,
          vip: inside.answered[vipUrl],
          port: outside.answered[portUrl],
        };
        const failures = [...inside.failures, ...outside.failures];
        const old = neighbours.filter((neighbour) => stale.has(neighbour));
        return [
          ...(isDeepStrictEqual(is, wanted) ? [] : [`${host} has ${JSON.stringify(is)}`]),
          ...(failures.length > 0 ? [`${host}: ${failures.join('; ')}`] : []),
          ...(old.length > 0 ? [`${host} has stale neighbours: ${old.join(' ')}`] : []),
        ];
      }),
    );
    const wrong = found.flat();
    return wrong.length === 0 ? [] : [`wanted ${JSON.stringify(wanted)}`, ...wrong];
  }

  [Symbol.dispose](): void {
    this.#manager.close();
  }

  /** Straight from the engine, whatever becomes of the daemon. */
  async #inside(host: string, times: number, names: string[], urls: string[]): Promise<Sight> {
    const socket = `unix://${this.#swarm.lab.engineSocket(host)}`;
    const filter = `label=com.docker.swarm.service.name=${this.#options.asker}`;
    const docker = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await execute('docker', ['-H', socket, ...args], process.env);
      if (code !== 0) throw new Error(`docker ${args[0]} on ${host}: ${stderr}`);
      return stdout.trim();
    };
    const asker = (await docker('ps', '-q', '--filter', filter)).split('\n')[0];
    if (!asker) throw new Error(`no ${this.#options.asker} runs on ${host}`);
    const command = program('look', String(times), names.join(), urls.join());
    return JSON.parse(await docker('exec', '-e', 'PATH=/bin:/usr/bin', asker, ...command)) as Sight;
  }

  async #outside(host: string, times: number, urls: string[]): Promise<Sight> {
    const command = program('look', String(times), "''", urls.join()).join(' ');
    return JSON.parse(await this.#swarm.lab.ssh(host, command)) as Sight;
  }

  async #ownAddresses(host: string): Promise<string[]> {
    const each = 'for n in /run/netns/esn-*; do ip -n $(basename $n) -o address show dev br0; done';
    const text = await this.#swarm.lab.ssh(host, each);
    return [...text.matchAll(/ inet6? ([^/ ]+)\//g)].map(([, address]) => address!);
  }

  /** All that the overlays of a host hold for known. */
  async #neighbours(host: string): Promise<string[]> {
    const each = 'for n in /run/netns/esn-*; do ip -n $(basename $n) neighbour show nud permanent; done';
    const text = await this.#swarm.lab.ssh(host, each);
    return text.split('\n').map((line) => line.split(' ')[0]!);
  }
}

function addressesOf({ NetworksAttachments }: Task): string[] {
  return (NetworksAttachments ?? []).flatMap(({ Addresses }) => Addresses.map(hostOf));
}
