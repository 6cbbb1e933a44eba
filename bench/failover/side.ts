/** Three managers, on Essaim or on Docker's own swarm mode, with a service that is published: what is asked of them, and what has to be so before a round. */
import { type EngineClient, unixEngine } from '../../src/engine/client.ts';
import { Lab } from '../../test/support/lab.ts';

export const PORT = 8080;
const REPLICAS = 6;
const LOOK_MS = 50;
/** How long (ms) one attempt to change something may take, and everything to become right. */
export const ATTEMPT = 12_000;
const PATIENCE = 180_000;

export interface Node {
  ID: string;
  Version: { Index: number };
  Spec: object;
  Description: { Hostname: string };
  Status: { State: string };
  ManagerStatus?: { Leader?: boolean; Reachability: string };
}
export interface Task {
  NodeID: string;
  NetworksAttachments?: { Addresses: string[] }[];
  DesiredState: string;
  Status: { State: string };
}
export interface Side {
  name: string;
  lab: Lab;
  hosts: readonly string[];
  /** By host. */
  apis: ReadonlyMap<string, EngineClient>;
  daemon: 'essaim' | 'engine';
}
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await pause(LOOK_MS);
  }
}

/** A request whose answer does not count; whether it was a good one. */
export async function tell(
  api: EngineClient,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await api.request('POST', path, { body, signal });
  answer.body.resume();
  return answer.status < 300;
}

export async function found({ lab, hosts, apis }: Side): Promise<void> {
  const [first = '', ...others] = hosts;
  const ip = await lab.address(first);
  const api = apis.get(first)!;
  await api.json('POST', '/swarm/init', { body: { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: ip } });
  const { JoinTokens } = await api.json<{ JoinTokens: { Manager: string } }>('GET', '/swarm');
  for (const host of others) {
    const body = { ListenAddr: '0.0.0.0:2377', RemoteAddrs: [`${ip}:2377`], JoinToken: JoinTokens.Manager };
    if (!(await tell(apis.get(host)!, '/swarm/join', body, AbortSignal.timeout(60_000))))
      throw new Error(`${host} does not join`);
  }
  await api.json('POST', '/services/create', {
    body: {
      Name: 'web',
      TaskTemplate: { ContainerSpec: { Image: 'whoami:1', StopGracePeriod: 1e9 } },
      Mode: { Replicated: { Replicas: REPLICAS } },
      EndpointSpec: { Ports: [{ Protocol: 'tcp', TargetPort: 8080, PublishedPort: PORT }] },
    },
  });
}

export const nodes = (api: EngineClient): Promise<Node[]> =>
  api.json<Node[]>('GET', '/nodes', { signal: AbortSignal.timeout(ATTEMPT) });

export function tasksOf(api: EngineClient): Promise<Task[]> {
  const query = { filters: { service: ['web'], 'desired-state': ['running'] } };
  return api.json<Task[]>('GET', '/tasks', { query, signal: AbortSignal.timeout(ATTEMPT) });
}

export async function runElsewhere(api: EngineClient, lost: string): Promise<boolean> {
  const tasks = await tasksOf(api);
  const there = tasks.filter(({ NodeID, Status }) => NodeID !== lost && Status.State === 'running');
  return there.length >= REPLICAS;
}

/** All is as it should be again. */
export async function settle(side: Side): Promise<void> {
  for (const host of side.hosts) {
    const api = side.apis.get(host)!;
    await until(`${side.name}: ${host} sees three managers that are well`, async () => {
      const all = await nodes(api);
      const well = all.filter(
        ({ Status, ManagerStatus }) =>
          Status.State === 'ready' && ManagerStatus?.Reachability === 'reachable',
      );
      return well.length === 3 && all.some(({ ManagerStatus }) => ManagerStatus?.Leader);
    });
  }
  await until(`${side.name}: all tasks run`, () => runElsewhere(side.apis.get(side.hosts[0]!)!, ''));
}

export async function side(name: string, hosts: readonly string[], daemon: Side['daemon']): Promise<Side> {
  const lab = await Lab.with(...hosts);
  const socket = (host: string): string => (daemon === 'essaim' ? lab.socket(host) : lab.engineSocket(host));
  const apis = new Map(hosts.map((host) => [host, unixEngine(socket(host))]));
  return { name, lab, hosts, apis, daemon };
}
