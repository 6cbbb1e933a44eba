import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '../../model/objects.ts';
import { taskName } from '../../model/task-context.ts';
import { makeTask, type TaskOptions } from '../testing/manager.ts';
import { containerPlan } from './container-config.ts';
import { fromSummary } from './containers.ts';
import { containerLabels, familiarImage, hasDigest } from './names.ts';
import { boundPorts, wantedAddresses } from './network-config.ts';

const host = { nodeId: 'node1', hostname: 'h1', platform: { Architecture: 'x86_64', OS: 'linux' } };

interface Body {
  [key: string]: unknown;
  HostConfig: Record<string, unknown>;
  NetworkingConfig: { EndpointsConfig: Record<string, unknown> };
}
const plan = (options: TaskOptions, change: Partial<Task> = {}, api = '1.41') => {
  const made = containerPlan({ task: { ...makeTask('t1', options), ...change } }, host, [], api);
  return { ...made, body: made.body as unknown as Body };
};

for (const [reference, expected] of [
  ['busybox', 'busybox:latest'],
  ['busybox:1', 'busybox:1'],
  ['docker.io/library/busybox', 'busybox:latest'],
  ['docker.io/me/app:v2', 'me/app:v2'],
  ['localhost:5000/app', 'localhost:5000/app:latest'],
  ['localhost:5000/library/app:v1', 'localhost:5000/library/app:v1'],
  ['app@sha256:abc123', 'app@sha256:abc123'],
  ['library/nginx:1@sha256:abc123', 'nginx:1@sha256:abc123'],
] as const)
  test(`image ${reference} is ${expected}`, () => assert.equal(familiarImage(reference), expected));

test('a digest is seen', () => {
  assert.ok(hasDigest('a/b:1@sha256:00ff'));
  assert.ok(!hasDigest('a/b:1'));
});

test('names have the slot, or the node where there is none', () => {
  assert.equal(taskName(makeTask('t1', { slot: 3 })), 'web.3.t1');
  assert.equal(taskName(makeTask('t1', { slot: 0 })), 'web.node1.t1');
});

test('nobody overrides the system’s labels', () => {
  const labels = { mine: '1', both: 'spec', 'com.docker.swarm.task.id': 'forged' };
  const task = { ...makeTask('t1', { container: { Labels: labels } }), Labels: { both: 'task' } };
  assert.deepEqual(containerLabels(task), {
    mine: '1',
    both: 'task',
    'com.docker.swarm.task': '',
    'com.docker.swarm.task.id': 't1',
    'com.docker.swarm.task.name': 'web.1.t1',
    'com.docker.swarm.node.id': 'node1',
    'com.docker.swarm.service.id': 'service1',
    'com.docker.swarm.service.name': 'web',
  });
});

test('generic resources become variables', () => {
  const { body } = plan(
    { container: { Env: ['A=1'] } },
    {
      AssignedGenericResources: [
        { NamedResourceSpec: { Kind: 'gpu', Value: 'UUID1' } },
        { DiscreteResourceSpec: { Kind: 'ssd', Value: 2 } },
        { NamedResourceSpec: { Kind: 'gpu', Value: 'UUID2' } },
      ],
    },
  );
  assert.deepEqual(body.Env, ['A=1', 'DOCKER_RESOURCE_GPU=UUID1,UUID2', 'DOCKER_RESOURCE_SSD=2']);
});

test('null in a spec is the same as nothing', () => {
  const { body } = plan({
    container: {
      Command: null,
      Args: null,
      Env: null,
      Mounts: null,
      Privileges: null,
      Init: null,
      Hosts: null,
    },
    template: { Resources: { Limits: null }, Networks: null, LogDriver: null },
  });
  assert.equal(body.Entrypoint, undefined);
  assert.equal(body.HostConfig.Init, undefined);
  assert.deepEqual(body.HostConfig.Mounts, []);
});

test('privileges become security options', () => {
  const profile = '{"defaultAction":"SCMP_ACT_ALLOW"}';
  const { body } = plan({
    container: {
      Privileges: {
        CredentialSpec: { File: 'x' },
        SELinuxContext: { User: 'u', Role: 'r', Type: 't', Level: 'l' },
        Seccomp: { Mode: 'custom', Profile: Buffer.from(profile).toString('base64') },
        AppArmor: { Mode: 'disabled' },
        NoNewPrivileges: true,
      },
    },
  });
  assert.deepEqual(body.HostConfig.SecurityOpt, [
    'credentialspec=file://x',
    'label=user:u',
    'label=role:r',
    'label=level:l',
    'label=type:t',
    `seccomp=${profile}`,
    'apparmor=unconfined',
    'no-new-privileges=true',
  ]);
});

test('the start interval of a health check goes only to engines that know it', () => {
  const options = { container: { Healthcheck: { Test: ['CMD', 'true'], StartInterval: 5e8 } } };
  assert.deepEqual(plan(options).body.Healthcheck, { Test: ['CMD', 'true'] });
  assert.deepEqual(plan(options, {}, '1.44').body.Healthcheck, { Test: ['CMD', 'true'], StartInterval: 5e8 });
});

test('engines before API 1.44 get one network at creation and the others afterwards', () => {
  const options = {
    template: { Networks: [{ Target: 'netid', Aliases: ['db'] }, { Target: 'other' }] },
  };
  const change = {
    NetworksAttachments: [
      { Network: { ID: 'netid', Spec: { Name: 'back' } }, Addresses: ['10.0.1.5/24', 'fd00::5/64'] },
    ],
  };
  const back = { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.1.5', IPv6Address: 'fd00::5' } };
  const old = plan(options, change);
  assert.equal(old.body.HostConfig.NetworkMode, 'back');
  assert.deepEqual(old.body.NetworkingConfig.EndpointsConfig, { back });
  assert.deepEqual(old.connect, [{ network: 'other', endpoint: {} }]);
  const modern = plan(options, change, '1.51');
  assert.deepEqual(modern.body.NetworkingConfig.EndpointsConfig, { back, other: {} });
  assert.deepEqual(modern.connect, []);
});

test('swap is counted together with memory, and without a limit of that not at all', () => {
  const at = (Resources: object) => {
    const { Memory, MemorySwap, MemorySwappiness } = plan({ template: { Resources } }).body.HostConfig;
    return [Memory, MemorySwap, MemorySwappiness];
  };
  const Limits = { MemoryBytes: 100 };
  assert.deepEqual(at({ Limits }), [100, undefined, undefined]);
  assert.deepEqual(at({ Limits, SwapBytes: 0, MemorySwappiness: 0 }), [100, 100, 0]);
  assert.deepEqual(at({ Limits, SwapBytes: 50 }), [100, 150, undefined]);
  assert.deepEqual(at({ Limits, SwapBytes: -1 }), [100, -1, undefined]);
  assert.deepEqual(at({ Limits: { NanoCPUs: 1 }, SwapBytes: 50 }), [undefined, undefined, undefined]);
  assert.deepEqual(at({ SwapBytes: 50, MemorySwappiness: 9 }), [undefined, undefined, undefined]);
});

test('an overlay is meant by its id, also where the engine has other networks of its name', () => {
  const task = makeTask('t1', { container: { Image: 'a' } });
  const Network = { ID: 'n1', Spec: { Name: 'app' } };
  const attached = {
    ...task,
    NetworksAttachments: [{ Network, Addresses: ['10.0.1.3/24'] }],
  } as unknown as Task;
  const joined = new Map([['n1', { name: 'e1', dns: '10.0.1.1' }]]);
  const { body } = containerPlan({ task: attached }, host, [], '1.41', joined);
  assert.deepEqual((body as unknown as Body).NetworkingConfig.EndpointsConfig, {
    e1: { NetworkID: 'e1', IPAMConfig: { IPv4Address: '10.0.1.3', IPv6Address: undefined } },
  });
});

test('where the engine knows no IPv6 the container has it on from the start, unless its service says otherwise', () => {
  const Network = { ID: 'n1', Spec: { Name: 'ingress' } };
  const Addresses = ['10.0.1.3/24', 'fd00::3/64'];
  const plan = (laysIPv6: boolean, Sysctls?: Record<string, string>): Body => {
    const task = makeTask('t1', { container: { Image: 'a', Sysctls } });
    const attached = { ...task, NetworksAttachments: [{ Network, Addresses }] } as unknown as Task;
    const joined = new Map([['n1', { name: 'e1', dns: '10.0.1.1', laysIPv6 }]]);
    return containerPlan({ task: attached }, host, [], '1.41', joined).body as unknown as Body;
  };
  const ON = 'net.ipv6.conf.all.disable_ipv6';
  assert.deepEqual(plan(true).NetworkingConfig.EndpointsConfig, {
    e1: {
      NetworkID: 'e1',
      DriverOpts: { 'essaim.ipv6': 'fd00::3' },
      IPAMConfig: { IPv4Address: '10.0.1.3', IPv6Address: undefined },
    },
  });
  assert.deepEqual(plan(false).NetworkingConfig.EndpointsConfig, {
    e1: { NetworkID: 'e1', IPAMConfig: { IPv4Address: '10.0.1.3', IPv6Address: 'fd00::3' } },
  });
  assert.deepEqual(plan(true).HostConfig.Sysctls, { [ON]: '0' });
  assert.deepEqual(plan(true, { [ON]: '1', a: 'b' }).HostConfig.Sysctls, { [ON]: '1', a: 'b' });
  assert.equal(plan(false).HostConfig.Sysctls, undefined);
  const task = (off: string): Task => makeTask('t1', { container: { Sysctls: { [ON]: off } } });
  assert.deepEqual(wantedAddresses(task('0'), Addresses), Addresses);
  assert.deepEqual(wantedAddresses(task('1'), Addresses), ['10.0.1.3/24']);
});

test('on a network that the host has for itself its engine gives addresses and answers for aliases', () => {
  const task = makeTask('t1', { container: { Image: 'a' } });
  const attachment = (ID: string, Name: string) => ({
    Network: { ID, Spec: { Name, Driver: 'bridge' } },
    Addresses: [],
  });
  const attached = {
    ...task,
    Spec: { ...task.Spec, Networks: [{ Target: 'n1', Aliases: ['db'] }, { Target: 'n2' }] },
    NetworksAttachments: [attachment('n1', 'lan'), attachment('n2', 'bridge')],
  } as unknown as Task;
  const joined = new Map([
    ['n1', { name: 'e1', dns: undefined, isNodeLocal: true as const }],
    ['n2', { name: 'bridge', dns: undefined, isNodeLocal: true as const }],
  ]);
  const { body } = containerPlan({ task: attached }, host, [], '1.44', joined);
  assert.deepEqual((body as unknown as Body).NetworkingConfig.EndpointsConfig, {
    e1: { NetworkID: 'e1', Aliases: ['db'] },
    bridge: {},
  });
  assert.equal((body as unknown as Body).HostConfig.Dns, undefined);
});

test('overlays are told whether their container publishes ports of its host', () => {
  const Network = { ID: 'n1', Spec: { Name: 'app' } };
  const joined = new Map([['n1', { name: 'e1', dns: '10.0.1.1' }]]);
  const optionsWith = (PublishMode: string) => {
    const task = {
      ...makeTask('t1', { endpoint: { Ports: [{ TargetPort: 80, PublishedPort: 80, PublishMode }] } }),
      NetworksAttachments: [{ Network, Addresses: ['10.0.1.3/24'] }],
    } as unknown as Task;
    const { body } = containerPlan({ task }, host, [], '1.41', joined);
    const { e1 } = (body as unknown as Body).NetworkingConfig.EndpointsConfig;
    return (e1 as { DriverOpts?: object }).DriverOpts;
  };
  assert.deepEqual(optionsWith('host'), { 'essaim.hostports': 'true' });
  assert.equal(optionsWith('ingress'), undefined);
});

test('only host-mode ports are the container’s', () => {
  const { body } = plan({
    endpoint: {
      Ports: [
        { TargetPort: 80, PublishedPort: 8080, PublishMode: 'host' },
        { TargetPort: 80, PublishedPort: 8081, PublishMode: 'host' },
        { TargetPort: 53, Protocol: 'udp', PublishMode: 'host' },
        { TargetPort: 81, PublishedPort: 81, PublishMode: 'ingress' },
      ],
    },
  });
  assert.deepEqual(body.ExposedPorts, { '80/tcp': {}, '53/udp': {} });
  assert.deepEqual(body.HostConfig.PortBindings, {
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '', HostPort: '8081' },
    ],
    '53/udp': [{ HostIp: '', HostPort: '' }],
  });
});

test('the log driver is the task’s, else the cluster’s, else the engine’s', () => {
  const task = (name?: string) => makeTask('t1', { template: name ? { LogDriver: { Name: name } } : {} });
  const type = (own?: string, cluster?: string) => {
    const logDriver = cluster ? { Name: cluster } : undefined;
    const { body } = containerPlan({ task: task(own), logDriver }, host, [], '1.41');
    return ((body as unknown as Body).HostConfig.LogConfig as { Type: string } | undefined)?.Type;
  };
  assert.equal(type('syslog', 'local'), 'syslog');
  assert.equal(type(undefined, 'local'), 'local');
  assert.equal(type(), undefined);
});

for (const [container, message] of [
  [
    { Env: ['X={{.Nope}}'] },
    'expanding env failed: expanding env "X={{.Nope}}": template: expansion:1:2: executing "expansion" at <.Nope>: can\'t evaluate field Nope in type *template.Context',
  ],
  [{ Hostname: '{{foo}}' }, 'expanding hostname failed: template: expansion:1: function "foo" not defined'],
  [
    { Mounts: [{ Target: '/x{{' }] },
    'expanding mounts failed: expanding mount target "/x{{": template: expansion:1: unclosed action',
  ],
  [
    { Mounts: [{ Target: '/x', VolumeOptions: { Labels: { a: '{{foo}}' } } }] },
    'expanding mounts failed: expanding volume labels: expanding map entry "a"="{{foo}}": template: expansion:1: function "foo" not defined',
  ],
] as const)
  test(`a wrong placeholder: ${message.slice(0, 40)}`, () =>
    assert.throws(() => plan({ container: structuredClone(container) as TaskOptions['container'] }), {
      message,
    }));

test('a container in a list tells state, health and exit code', () => {
  const summary = (State: string, Status: string) =>
    fromSummary({ Id: 'c', Labels: { 'com.docker.swarm.task.id': 't' }, State, Status, Ports: null });
  assert.deepEqual(summary('exited', 'Exited (137) 2 minutes ago').exitCode, 137);
  assert.deepEqual(summary('running', 'Up 3 seconds (health: starting)').health, 'starting');
  assert.deepEqual(summary('running', 'Up 3 seconds (unhealthy)').health, 'unhealthy');
  assert.deepEqual(summary('running', 'Up 3 seconds').health, undefined);
  assert.deepEqual(summary('paused', 'Up 3 seconds (Paused)').state, 'running');
  assert.deepEqual(summary('created', 'Created').state, 'created');
  assert.deepEqual(summary('dead', 'Dead').state, 'exited');
});

test('bound ports are told for each address family, as Docker does', () => {
  const binding = { HostIp: '0.0.0.0', HostPort: '32768' };
  const port = { Protocol: 'tcp', TargetPort: 81, PublishedPort: 32768, PublishMode: 'host' };
  assert.deepEqual(boundPorts({ '81/tcp': [binding, { ...binding, HostIp: '::' }], '82/tcp': null }), {
    Ports: [port, port],
  });
  assert.deepEqual(boundPorts({}), {});
});
