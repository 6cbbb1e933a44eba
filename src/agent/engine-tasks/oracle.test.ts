/** The same service run by Docker Swarm and by the agent on one engine: their containers must look the same. */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startEngine, type TestEngine } from '../../../test/support/engine.ts';
import { systemClock } from '../../model/clock.ts';
import type { Task } from '../../model/objects.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import { NO_NETWORKS } from '../testing/manager.ts';
import { EngineTasks } from './engine-tasks.ts';

type Json = Record<string, unknown>;
interface Inspect {
  Id: string;
  Name: string;
  Config: Json;
  HostConfig: Json & { Mounts?: Json[] };
  Mounts: Json[];
  NetworkSettings: { Networks: Record<string, Json> };
}

const NODE = 'essaimnode';
let engine: TestEngine;
let tasks: EngineTasks;
const files = `/dev/shm/essaim-oracle-${process.pid}`;

before(async () => {
  engine = await startEngine();
  await engine.client.json('POST', '/swarm/init', {
    body: { ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' },
  });
  const log = (): void => {};
  tasks = new EngineTasks({
    networks: NO_NETWORKS,
    engine: engine.client,
    clock: systemClock,
    nodeId: NODE,
    filesFolder: files,
    log,
  });
});
after(async () => {
  await engine?.remove();
  await rm(files, { recursive: true, force: true });
});

async function swarmTask(serviceId: string): Promise<Task> {
  for (;;) {
    const query = { filters: { service: [serviceId] } };
    const found = await engine.client.json<Task[]>('GET', '/tasks', { query });
    const task = found.find(({ Status }) => Status.ContainerStatus?.ContainerID);
    if (task) return task;
    await delay(50);
  }
}

/** Everything that differs from container to container made the same. */
function normal(inspect: Inspect, task: Task): Json {
  const text = JSON.stringify({
    Name: inspect.Name,
    Config: inspect.Config,
    HostConfig: inspect.HostConfig,
    Mounts: [...inspect.Mounts].sort((a, b) => (String(a.Destination) < String(b.Destination) ? -1 : 1)),
    Networks: Object.fromEntries(
      Object.entries(inspect.NetworkSettings.Networks).map(([name, { Aliases, DriverOpts, Links }]) => [
        name,
        { Aliases, DriverOpts, Links },
      ]),
    ),
  })
    .replaceAll(task.ID, 'TASK')
    .replaceAll(task.NodeID!, 'NODE')
    .replaceAll(inspect.Id, 'CONTAINER')
    .replaceAll(inspect.Id.slice(0, 12), 'CONTAINER')
    .replace(/\b[0-9a-f]{64}\b/g, 'HEX');
  // To the engine an empty list and none are the same.
  return JSON.parse(text, (_, value) => (Array.isArray(value) && value.length === 0 ? null : value)) as Json;
}

const inspectOf = (id: string): Promise<Inspect> => engine.client.json('GET', `/containers/${id}/json`);

async function compare(spec: ServiceSpec): Promise<void> {
  const { ID } = await engine.client.json<{ ID: string }>('POST', '/services/create', { body: spec });
  const theirs = await swarmTask(ID);
  const theirInspect = await inspectOf(theirs.Status.ContainerStatus!.ContainerID);
  await engine.client.json('DELETE', `/services/${ID}`);
  for (;;) {
    const query = { all: 1, filters: { label: [`com.docker.swarm.service.id=${ID}`] } };
    if ((await engine.client.json<unknown[]>('GET', '/containers/json', { query })).length === 0) break;
    await delay(50);
  }
  const internal = {
    specVersion: 1,
    service: { Name: spec.Name!, Labels: spec.Labels ?? {} },
    ...(spec.EndpointSpec ? { endpoint: spec.EndpointSpec } : {}),
  };
  // The node's own networks are no attachments of ours, and are called by their names.
  const ours: Task = {
    ...theirs,
    Spec: { ...theirs.Spec, Networks: spec.TaskTemplate?.Networks },
    ID: `${theirs.ID.slice(0, 20)}essai`,
    NodeID: NODE,
    NetworksAttachments: undefined,
    internal,
  };
  const dependencies = { secrets: new Map(), configs: new Map() };
  await tasks.prepare({ task: ours }, dependencies, new AbortController().signal);
  await tasks.start(ours.ID, new AbortController().signal);
  const container = await tasks.inspect(ours.ID);
  const ourInspect = await inspectOf(container!.containerId);
  await tasks.remove(ours.ID);
  assert.deepEqual(normal(ourInspect, ours), normal(theirInspect, theirs));
}

const STOP = { StopSignal: 'SIGKILL' };

test('the plainest service', () =>
  compare({
    Name: 'plain',
    TaskTemplate: { ContainerSpec: { Image: 'busybox', Args: ['sleep', '99'], ...STOP } },
  }));

test('every field of the container spec', async () => {
  const source = `${engine.directory}/bind`;
  await mkdir(source);
  await compare({
    Name: 'full',
    Labels: { k: 'v' },
    TaskTemplate: {
      ContainerSpec: {
        Image: 'busybox:latest',
        Labels: { c: 'd' },
        Command: ['sh', '-c'],
        Args: ['sleep 99'],
        Hostname: 'h-{{.Task.Slot}}',
        Env: ['A={{.Node.Hostname}}-{{.Service.Name}}', 'B=2', 'C'],
        Dir: '/tmp',
        User: '0:0',
        Groups: ['5', '6'],
        Privileges: { NoNewPrivileges: true, SELinuxContext: { Disable: true } },
        Init: true,
        StopSignal: 'SIGKILL',
        TTY: true,
        OpenStdin: true,
        ReadOnly: true,
        Mounts: [
          {
            Type: 'bind',
            Source: source,
            Target: '/b',
            ReadOnly: true,
            BindOptions: { Propagation: 'private' },
          },
          {
            Type: 'volume',
            Source: 'v-{{.Task.Slot}}',
            Target: '/v',
            VolumeOptions: {
              NoCopy: true,
              Labels: { a: 'b' },
              DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs' } },
            },
          },
          { Type: 'volume', Target: '/anon' },
          { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1048576, Mode: 1016 } },
        ],
        StopGracePeriod: 3e9,
        Healthcheck: {
          Test: ['CMD-SHELL', 'true'],
          Interval: 1e9,
          Timeout: 2e9,
          Retries: 2,
          StartPeriod: 1e9,
        },
        Hosts: ['1.2.3.4 a.b'],
        DNSConfig: { Nameservers: ['8.8.8.8'], Search: ['ex.com'], Options: ['ndots:1'] },
        OomScoreAdj: 10,
        Isolation: 'default',
        Sysctls: { 'net.ipv4.ip_forward': '1' },
        CapabilityAdd: ['CAP_NET_ADMIN'],
        CapabilityDrop: ['CAP_MKNOD'],
        Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
      },
      Resources: {
        Limits: { NanoCPUs: 5e8, MemoryBytes: 67108864, Pids: 50 },
        Reservations: { NanoCPUs: 1e8, MemoryBytes: 33554432 },
      },
      LogDriver: { Name: 'json-file', Options: { 'max-size': '1m' } },
    },
    EndpointSpec: {
      Ports: [
        { Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'host' },
        { Protocol: 'udp', TargetPort: 81, PublishMode: 'host' },
      ],
    },
  });
});

test('a health check switched off, and the image’s own command', () =>
  compare({
    Name: 'nohealth',
    TaskTemplate: { ContainerSpec: { Image: 'whoami:healthy', Healthcheck: { Test: ['NONE'] } } },
  }));

for (const network of ['host', 'bridge'])
  test(`the node's network ${network}`, () =>
    compare({
      Name: `net-${network}`,
      TaskTemplate: {
        ContainerSpec: { Image: 'busybox', Args: ['sleep', '99'], ...STOP },
        Networks: [{ Target: network }],
      },
    }));
