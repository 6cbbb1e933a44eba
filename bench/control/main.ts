/**
 * The control plane at size: 1,000 agents on one manager, 50,000 tasks from `service create` to RUNNING reported, until
 * nothing is left of them after `service rm`, and what the API answers meanwhile. All on this machine, each a process of its own: the manager, the agents, one client for
 * each list that is asked for, and this one, which creates the services.
 *
 *   node bench/control/main.ts [--agents N] [--services N] [--replicas N] [--managers N] [--profile DIR]
 *
 * With `--managers 3` all of it is done once more with the state on etcd, and two managers that follow.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Child } from './child.ts';
import type { ApiClient } from './client.ts';
import type { Members } from './members.ts';
import type {
  ListsReport,
  ListsStart,
  ManagerReport,
  PlacementReport,
  PlacementStart,
  SeenReport,
} from './messages.ts';
import { print, Rig, seconds } from './rig.ts';
import { lags } from './seen.ts';
import { serviceSpec } from './workload.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '1000' },
    services: { type: 'string', default: '50' },
    replicas: { type: 'string', default: '1000' },
    managers: { type: 'string', default: '1' },
    profile: { type: 'string' },
  },
});
const agents = Number(values.agents);
const services = Number(values.services);
const replicas = Number(values.replicas);
const managers = Number(values.managers);
const tasks = services * replicas;

type Lists = Child<ListsStart, ListsReport>;

/** What clients ask for meanwhile, and how long (ms) each waits between an answer and its next question. */
const LISTS = {
  'service ls   GET /services?status=true': ['/services?status=true', 100],
  'service ps   GET /tasks, one service': [tasksOf({ service: ['bench-1'] }), 100],
  'node ls      GET /nodes': ['/nodes', 100],
  'node ps      GET /tasks, one node': [tasksOf({ node: ['host1'] }), 100],
  'task list    GET /tasks': ['/tasks', 1000],
} as const;

const execArgv = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
const directory = mkdtempSync(join(tmpdir(), 'essaim-bench-'));
try {
  if (managers === 1) await placement();
  await cluster(1);
  if (managers > 1) {
    console.log(`\n${managers} managers on etcd`);
    await cluster(managers);
  }
} finally {
  rmSync(directory, { recursive: true });
}

/** Planners, scheduler and store, without agents. */
async function placement(): Promise<void> {
  const start = { directory, agents, services, replicas };
  const child = new Child<PlacementStart, PlacementReport>('placement.ts', start, execArgv);
  try {
    for (const what of ['placed', 'removed'] as const) {
      const { ms, cpuMs } = await child.next(
        (report): report is Extract<PlacementReport, { cpuMs: number }> => report.type === what,
      );
      print(`planners, scheduler, store: tasks ${what}`, rate(ms));
      print('  processor time', each(cpuMs, tasks, 'task'));
    }
    print('  memory', `${child.memory().most.toFixed(0)} MB`);
  } finally {
    await child.end();
  }
}

/** All of a manager, with agents and clients. */
async function cluster(count: number): Promise<void> {
  const own = mkdtempSync(join(directory, `${count}-`));
  const rig = await Rig.start({ directory: own, tasks, managers: count }, execArgv);
  const { socket } = rig;
  const lists = Object.values(LISTS).map(
    ([path, pause]) => new Child<ListsStart, ListsReport>('lists.ts', { socket, path, pause }),
  );
  try {
    await run(rig, lists);
  } finally {
    for (const list of lists) await list.end();
    await rig.end();
  }
}

async function run(rig: Rig, lists: Lists[]): Promise<void> {
  const { client, manager } = rig;
  const joining = performance.now();
  const before = manager.cpu();
  await rig.join(agents);
  const took = performance.now() - joining;
  print('hosts joined and ready', `${agents} in ${seconds(took)}: ${perSecond(agents, took)} a second`);
  print("  manager's processor time", each(manager.cpu() - before, agents, 'host'));
  print('manager memory, hosts only', `${manager.memory().now.toFixed(0)} MB`);

  for (const list of lists) await list.until((report) => report.type === 'ready');
  const cpu = manager.cpu();
  const begin = Date.now();
  const creating = createServices(client);
  for (const list of lists) list.ask();
  await creating;
  print('services created', `${services} in ${seconds(Date.now() - begin)}`);
  for (const what of ['created', 'placed', 'running'] as const) {
    const { at, commits, writes } = await manager.until(
      (report): report is Extract<ManagerReport, { type: 'reached' }> =>
        report.type === 'reached' && report.what === what,
    );
    const ms = at - begin;
    print(`tasks ${what}`, rate(ms));
    if (what === 'running') print('transactions', `${commits} with ${writes} tasks`);
  }
  print("  manager's processor time", each(manager.cpu() - cpu, tasks, 'task'));
  await printAnswers('meanwhile', lists);
  await rig.well(wait(5000));
  await printAnswers('afterwards', lists);
  await remove(rig);
  await printAnswers('while they are removed', lists);
  manager.ask();
  const delay = await manager.until(
    (report): report is Extract<ManagerReport, { type: 'delay' }> => report.type === 'delay',
  );
  const [p50, p99, max] = [delay.p50, delay.p99, delay.max].map((ms) => ms.toFixed(0));
  print("manager's event loop: a turn takes", `p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms`);
  const { now, most } = manager.memory();
  print('manager memory', `${now.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
  if (rig.members) await printFollowers(manager, rig.members);
}

async function printFollowers(manager: Rig['manager'], members: Members): Promise<void> {
  const isSeen = (report: { type: string }): report is SeenReport => report.type === 'seen';
  const led = await manager.until(isSeen);
  for (const follower of members.followers) {
    follower.ask();
    const late = lags((await follower.until(isSeen)).at, led.at);
    const [p50, p99, most] = [0.5, 0.99, 1].map((part) =>
      late[Math.min(late.length - 1, Math.floor(part * late.length))]!.toFixed(1),
    );
    print('a manager that follows is late by', `p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms`);
    print('  its memory, without API and agent', `at most ${follower.memory().most.toFixed(0)} MB`);
  }
  const memory = (await members.memory()).map((megabytes) => megabytes.toFixed(0));
  print("etcd's memory, each member", `${memory.join(', ')} MB`);
}

/** What has been answered since this was last called. */
async function printAnswers(when: string, lists: Lists[]): Promise<void> {
  console.log(`answers ${when}`);
  for (const [at, name] of Object.keys(LISTS).entries()) {
    lists[at]!.ask();
    const { count, bytes, ...ms } = await lists[at]!.next((report) => report.type === 'latencies');
    const [p50, p99, most] = [ms.p50, ms.p99, ms.most].map((value) => value.toFixed(0));
    const what = `${count} of ${(bytes / 1e6).toFixed(1)} MB`;
    print(`  ${name}`, `p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms (${what})`);
  }
}

function tasksOf(filters: Record<string, string[]>): string {
  return `/tasks?filters=${encodeURIComponent(JSON.stringify(filters))}`;
}

async function createServices(client: ApiClient): Promise<void> {
  for (let number = 1; number <= services; number++) {
    await client.post('/services/create', serviceSpec(number, replicas));
  }
}

async function remove({ client, manager }: Rig): Promise<void> {
  const begin = Date.now();
  for (let number = 1; number <= services; number++) await client.send('DELETE', `/services/bench-${number}`);
  print('services removed', `${services} in ${seconds(Date.now() - begin)}`);
  const gone = await manager.until((report) => report.type === 'gone');
  print('tasks gone', rate(gone.at - begin));
  print('  placed, started after their service was gone', `${gone.placed}, ${gone.started}`);
}

function rate(ms: number): string {
  return `${tasks} in ${seconds(ms)}: ${perSecond(tasks, ms)} a second`;
}

function perSecond(count: number, ms: number): number {
  return Math.round((count / ms) * 1000);
}

function each(ms: number, count: number, what: string): string {
  return `${seconds(ms)}: ${(ms / count).toFixed(3)} ms a ${what}`;
}
