/**
 * The control plane at size: 1,000 agents on one manager, 50,000 tasks from `service create` to RUNNING reported, and
 * what the API answers meanwhile. Three processes on this machine: the manager, the agents, and this one as the client.
 *
 *   node bench/control.ts [--agents N] [--services N] [--replicas N] [--profile DIR]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Child } from './control/child.ts';
import { ApiClient, Latencies } from './control/client.ts';
import type { AgentsReport, AgentsStart, ManagerReport, ManagerStart } from './control/messages.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '1000' },
    services: { type: 'string', default: '50' },
    replicas: { type: 'string', default: '1000' },
    profile: { type: 'string' },
  },
});
const agents = Number(values.agents);
const services = Number(values.services);
const replicas = Number(values.replicas);
const tasks = services * replicas;

const directory = mkdtempSync(join(tmpdir(), 'essaim-bench-'));
const socket = join(directory, 'api.sock');
const client = new ApiClient(socket);
const port = await freePort();
const manager = new Child<ManagerStart, ManagerReport>(
  'manager.ts',
  { directory, port, socket, tasks },
  values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [],
);
const hosts = await startAgents();
try {
  await run();
} finally {
  client.close();
  await hosts.end();
  await manager.end();
  rmSync(directory, { recursive: true });
}

async function startAgents(): Promise<Child<AgentsStart, AgentsReport>> {
  await manager.until((report) => report.type === 'ready');
  const { JoinTokens } = await client.get<{ JoinTokens: { Worker: string } }>('/swarm');
  return new Child('agents.ts', {
    remote: `127.0.0.1:${port}`,
    joinToken: JoinTokens.Worker,
    agents,
    directory,
  });
}

async function run(): Promise<void> {
  const joining = performance.now();
  await hosts.until((report) => report.type === 'joined');
  await untilReady();
  print('hosts joined and ready', `${agents} in ${seconds(performance.now() - joining)}`);
  print('manager memory, hosts only', `${manager.memory().now.toFixed(0)} MB`);

  const stop = new AbortController();
  const calls = {
    'service ls   GET /services?status=true': ['/services?status=true', 100],
    'service ps   GET /tasks, one service': [
      `/tasks?filters=${encodeURIComponent('{"service":["bench-1"]}')}`,
      100,
    ],
    'node ls      GET /nodes': ['/nodes', 100],
    'task list    GET /tasks': ['/tasks', 1000],
  } as const;
  const cpu = manager.cpu();
  const begin = Date.now();
  const creating = createServices();
  await wait(1);
  const latencies = Object.entries(calls).map(([name, [path, pause]]) => {
    const latency = new Latencies();
    return { name, latency, done: latency.measure(client, path, pause, stop.signal) };
  });
  await creating;
  print('services created', `${services} in ${seconds(Date.now() - begin)}`);
  for (const what of ['created', 'placed', 'running'] as const) {
    const { at } = await manager.until(
      (report): report is Extract<ManagerReport, { type: 'reached' }> =>
        report.type === 'reached' && report.what === what,
    );
    const ms = at - begin;
    print(`tasks ${what}`, `${tasks} in ${seconds(ms)}: ${Math.round((tasks / ms) * 1000)} a second`);
  }
  print("manager's processor time", seconds(manager.cpu() - cpu));
  // Some more answers at full size.
  await Promise.race([wait(5000), manager.failed, hosts.failed]);
  stop.abort();
  for (const { name, latency, done } of latencies) {
    await done;
    const [p50, p99] = [latency.quantile(0.5), latency.quantile(0.99)].map((ms) => ms.toFixed(0));
    print(
      name,
      `p50 ${p50} ms, p99 ${p99} ms (${latency.count} calls, ${(latency.bytes / 1e6).toFixed(1)} MB)`,
    );
  }
  const { now, most } = manager.memory();
  print('manager memory', `${now.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
}

async function createServices(): Promise<void> {
  for (let number = 1; number <= services; number++) {
    await client.post('/services/create', {
      Name: `bench-${number}`,
      Labels: { 'com.example.team': 'web' },
      TaskTemplate: {
        ContainerSpec: {
          Image: `registry.example.com/team/service-${number}:1.27.3`,
          Args: ['serve', '--listen', ':8080'],
          Env: Array.from(
            { length: 10 },
            (_, index) => `SETTING_${index}=the value of setting number ${index}`,
          ),
        },
        Resources: { Reservations: { NanoCPUs: 100_000_000, MemoryBytes: 134_217_728 } },
      },
      Mode: { Replicated: { Replicas: replicas } },
    });
  }
}

async function untilReady(): Promise<void> {
  for (;;) {
    const nodes = await client.get<Array<{ Status: { State: string } }>>('/nodes');
    if (nodes.filter(({ Status }) => Status.State === 'ready').length >= agents) return;
    await Promise.race([wait(200), manager.failed, hosts.failed]);
  }
}

function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
  });
  return promise;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function print(what: string, value: string): void {
  console.log(`${what.padEnd(42)} ${value}`);
}
