import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { EngineClient } from '../../../engine/client.ts';
import { ApiError } from '../../../model/errors.ts';
import { newId } from '../../../model/id.ts';
import { predefinedNetworks } from '../../../model/node-local.ts';
import type { Service } from '../../../model/objects.ts';
import type { ServiceSpec } from '../../../model/spec.ts';
import { type Answer, meta, sampleNode, sampleTask, TestCluster } from '../testing/cluster.ts';
import { forApiVersion } from './api-version.ts';
import { resolveNetworks } from './networks.ts';
import { canonicalService } from './spec/service.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await new TestCluster().found();
});

function specOf(name: string, container: object = {}, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return { Name: name, TaskTemplate: { ContainerSpec: { Image: 'busybox', ...container } }, ...more };
}

function taskOf(task: object): Partial<ServiceSpec> {
  return { TaskTemplate: { ContainerSpec: { Image: 'busybox' }, ...task } };
}

async function create(body: unknown, headers: Record<string, string> = {}): Promise<Service> {
  const answer = await cluster.ask('POST', '/services/create', { body, headers });
  assert.equal(answer.status, 201, answer.text);
  const { ID, ...rest } = answer.body as { ID: string };
  assert.deepEqual(rest, { Warnings: null });
  return cluster.store.view.get('service', ID)!;
}

async function update(name: string, body: unknown, query = '', headers = {}): Promise<Service> {
  const { Version, ID } = cluster.store.view.byName('service', name)[0]!;
  const url = `/services/${name}/update?version=${Version.Index}${query}`;
  const answer = await cluster.ask('POST', url, { body, headers });
  assert.equal(answer.text, '{"Warnings":null}');
  return cluster.store.view.get('service', ID)!;
}

function says(answer: Answer, status: number, message: string): void {
  assert.deepEqual({ status: answer.status, body: answer.body }, { status, body: { message } });
}

const invalid = (text: string): [number, string] => [400, `rpc error: code = InvalidArgument desc = ${text}`];
const unknown = (text: string): [number, string] => [500, `rpc error: code = Unknown desc = ${text}`];
const ports = (...Ports: object[]): Partial<ServiceSpec> => ({ EndpointSpec: { Ports } });
const secret = (SecretID: string, SecretName: string, Name: string) => ({
  SecretID,
  SecretName,
  File: { Name },
});
test('jobs have a status from the beginning, and run anew with each update', async () => {
  const { ID } = await create(specOf('a', {}, { Mode: { GlobalJob: {} } }));
  const update = async (query: string) => {
    const { Version, Spec } = cluster.store.view.get('service', ID)!;
    const { status } = await cluster.ask('POST', `/services/a/update?version=${Version.Index}${query}`, {
      body: Spec,
    });
    assert.equal(status, 200);
    return ((await cluster.ask('GET', '/services/a')).body as Service).JobStatus;
  };
  const { JobStatus } = (await cluster.ask('GET', '/services/a')).body as Service;
  assert.deepEqual(JobStatus, { JobIteration: {}, LastExecution: '2026-01-02T03:04:05.000Z' });
  cluster.now += 1000;
  const later = { LastExecution: '2026-01-02T03:04:06.000Z' };
  assert.deepEqual(await update(''), { JobIteration: { Index: 1 }, ...later });
  assert.deepEqual(await update('&rollback=previous'), { JobIteration: { Index: 2 }, ...later });
});

test('ports in ingress mode need an ingress network', async () => {
  const body = specOf('a', {}, ports({ TargetPort: 80, PublishedPort: 80 }));
  const missing =
    'rpc error: code = FailedPrecondition desc = service needs ingress network, but no ingress network is present';
  says(await cluster.ask('POST', '/services/create', { body }), 400, missing);
  const ingress = { ...meta(), Spec: { Name: 'ingress', Driver: 'overlay', Ingress: true }, internal: {} };
  await cluster.put({ op: 'put', kind: 'network', object: ingress });
  const { Endpoint } = await create(body);
  // The number itself is the allocator's to give.
  assert.deepEqual(Endpoint, {
    Spec: body.EndpointSpec && {
      Mode: 'vip',
      Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 80, PublishMode: 'ingress' }],
    },
  });
  const taken = specOf('b', {}, ports({ TargetPort: 1, PublishedPort: 80 }));
  const answer = await cluster.ask('POST', '/services/create', { body: taken });
  assert.equal(answer.status, 400);
  assert.match(answer.text, /port '80' is already in use by service 'a' \(\w+\) as an ingress port/);
});

test('networks of the cluster are named by their id, however they were asked for', async () => {
  const network = { ...meta(), Spec: { Name: 'net1', Driver: 'overlay' }, internal: {} };
  await cluster.put({ op: 'put', kind: 'network', object: network });
  for (const [i, Target] of ['net1', network.ID, network.ID.slice(0, 8)].entries()) {
    const { Spec } = await create(specOf(`s${i}`, {}, taskOf({ Networks: [{ Target, Aliases: ['x'] }] })));
    assert.deepEqual(Spec.TaskTemplate?.Networks, [{ Target: network.ID, Aliases: ['x'] }]);
  }
});

test('networks that old clients put beside the template stay there, until they are moved into it', async () => {
  const network = { ...meta(), Spec: { Name: 'net1', Driver: 'overlay' }, internal: {} };
  await cluster.put({ op: 'put', kind: 'network', object: network });
  const beside = (Networks: object[]) => specOf('web', {}, { Networks });
  const [named, found] = [[{ Target: 'net1', Aliases: ['x'] }], [{ Target: network.ID, Aliases: ['x'] }]];
  const { Spec, internal, Version } = await create(beside(named));
  assert.deepEqual([Spec.Networks, Spec.TaskTemplate?.Networks], [found, undefined]);

  for (const body of [beside([{ Target: 'net1' }]), specOf('web')]) {
    const answer = await cluster.ask('POST', `/services/web/update?version=${Version.Index}`, { body });
    const text = 'networks must be migrated to TaskSpec before being changed';
    says(answer, 501, `rpc error: code = Unimplemented desc = ${text}`);
  }
  const moved = await update('web', { Name: 'web', ...taskOf({ Networks: named }) });
  assert.deepEqual([moved.Spec.Networks, moved.Spec.TaskTemplate?.Networks], [undefined, found]);
  assert.equal(moved.internal.specVersion, internal.specVersion, 'it is the same for its tasks');

  const both = { Name: 'two', ...taskOf({ Networks: named }), Networks: [{ Target: 'unheard' }] };
  const { Spec: second } = await create(both);
  assert.deepEqual([second.Networks, second.TaskTemplate?.Networks], [[{ Target: 'unheard' }], found]);
});

test('a service is shown as it was posted, in full and without what is ours', async () => {
  const { ID, Version } = await create({ ...specOf('a', { Command: ['sleep', '1'] }), Foo: 1 });
  const { text } = await cluster.ask('GET', '/services/a');
  assert.equal(
    text,
    `{"ID":"${ID}","Version":{"Index":${Version.Index}},"CreatedAt":"2026-01-02T03:04:05.000Z","UpdatedAt":"2026-01-02T03:04:05.000Z","Spec":{"Name":"a","Labels":{},"TaskTemplate":{"ContainerSpec":{"Image":"busybox","Command":["sleep","1"],"Isolation":"default"},"ForceUpdate":0,"Runtime":"container"},"Mode":{"Replicated":{"Replicas":1}}},"Endpoint":{"Spec":{}}}`,
  );
  const bad = 'invalid value for insertDefaults: x: strconv.ParseBool: parsing "x": invalid syntax';
  says(await cluster.ask('GET', '/services/a?insertDefaults=x'), 400, bad);
});

test('a service without a name gets one', async () => {
  const { Spec } = await create(specOf(''));
  assert.match(Spec.Name!, /^[a-z]+_[a-z]+$/);
});

test('names are taken whatever their case', async () => {
  await create(specOf('web'));
  const text = (name: string) =>
    `rpc error: code = AlreadyExists desc = name conflicts with an existing object: service ${name} already exists`;
  says(await cluster.ask('POST', '/services/create', { body: specOf('web') }), 409, text('web'));
  says(await cluster.ask('POST', '/services/create', { body: specOf('WEB') }), 409, text('WEB'));
});

test('of services created at once with one name one remains', async () => {
  const bodies = Array.from({ length: 5 }, () => specOf('web'));
  const answers = await Promise.all(bodies.map((body) => cluster.ask('POST', '/services/create', { body })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409]);
});

test('lists are filtered by id, name, label and mode', async () => {
  await create(specOf('web', {}, { Labels: { tier: 'front', x: '' } }));
  await create(specOf('web-2', {}, { Labels: { tier: 'back' } }));
  const { ID } = await create(specOf('db', {}, { Mode: { Global: {} } }));
  const names = async (filters: object): Promise<string[]> => {
    const { body } = await cluster.ask('GET', `/services?filters=${JSON.stringify(filters)}`);
    return (body as Service[]).map(({ Spec }) => Spec.Name!);
  };
  assert.deepEqual(await names({}), ['web', 'web-2', 'db']);
  assert.deepEqual(await names({ name: ['web'] }), ['web', 'web-2']);
  assert.deepEqual(await names({ name: { web: true }, label: { tier: true, x: true } }), ['web']);
  assert.deepEqual(await names({ label: ['tier=back'] }), ['web-2']);
  assert.deepEqual(await names({ id: [ID.slice(0, 8)] }), ['db']);
  assert.deepEqual(await names({ mode: ['global'] }), ['db']);
  assert.deepEqual(await names({ runtime: ['plugin'] }), []);
  says(await cluster.ask('GET', '/services?filters={"foo":["x"]}'), 400, "invalid filter 'foo'");
});

test('status=true counts tasks, for clients that know of it', async () => {
  const web = await create(specOf('web', {}, { Mode: { Replicated: { Replicas: 3 } } }));
  const all = await create(specOf('all', {}, { Mode: { Global: {} } }));
  const job: Service = {
    ...meta(),
    Spec: specOf('job', {}, { Mode: { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 5 } } }),
    Endpoint: { Spec: {} },
    JobStatus: { JobIteration: { Index: 0 }, LastExecution: '' },
    internal: { specVersion: 0 },
  };
  await cluster.put({ op: 'put', kind: 'service', object: job });
  const status = (State: 'running' | 'complete' | 'failed') => ({
    Status: { ...sampleTask('').Status, State },
  });
  const iteration = (Index: number) => ({ JobIteration: { Index }, DesiredState: 'complete' as const });
  for (const object of [
    sampleTask(web.ID, status('running')),
    sampleTask(web.ID, { ...status('failed'), DesiredState: 'shutdown' }),
    sampleTask(all.ID, status('running')),
    sampleTask(all.ID),
    sampleTask(all.ID, { DesiredState: 'shutdown' }),
    sampleTask(job.ID, { ...status('complete'), ...iteration(0) }),
    sampleTask(job.ID, { ...status('running'), ...iteration(0) }),
    sampleTask(job.ID, { ...status('complete'), ...iteration(7) }),
  ]) {
    await cluster.put({ op: 'put', kind: 'task', object });
  }
  const gone = { ...sampleNode('gone'), Status: { State: 'down' as const, Addr: '' } };
  await cluster.put({ op: 'put', kind: 'node', object: gone });
  for (const id of [web.ID, job.ID]) {
    const object = sampleTask(id, { ...status('running'), NodeID: gone.ID, JobIteration: { Index: 0 } });
    await cluster.put({ op: 'put', kind: 'task', object });
  }
  const statuses = async (apiVersion: string) => {
    const { body } = await cluster.ask('GET', '/services?status=true', { apiVersion });
    return (body as Array<{ ServiceStatus?: object }>).map(({ ServiceStatus }) => ServiceStatus);
  };
  assert.deepEqual(await statuses('1.41'), [
    { RunningTasks: 1, DesiredTasks: 3, CompletedTasks: 0 },
    { RunningTasks: 1, DesiredTasks: 2, CompletedTasks: 0 },
    { RunningTasks: 1, DesiredTasks: 2, CompletedTasks: 1 },
  ]);
  assert.deepEqual(await statuses('1.40'), [undefined, undefined, undefined]);
});

test('of a global job is wanted what waits, runs, and was tried in vain', async () => {
  const { ID } = await create(specOf('job', {}, { Mode: { GlobalJob: {} } }));
  const service = cluster.store.view.get('service', ID)!;
  const JobStatus = { JobIteration: { Index: 3 }, LastExecution: '' };
  await cluster.put({ op: 'put', kind: 'service', object: { ...service, JobStatus } });
  const { internal, Status } = sampleTask(ID);
  const now = { JobIteration: { Index: 3 } };
  for (const object of [
    sampleTask(ID, { ...now, DesiredState: 'ready' }),
    sampleTask(ID, { ...now, DesiredState: 'complete', Status: { ...Status, State: 'running' } }),
    sampleTask(ID, { ...now, DesiredState: 'complete', Status: { ...Status, State: 'complete' } }),
    sampleTask(ID, { ...now, DesiredState: 'shutdown', Status: { ...Status, State: 'failed' } }),
    sampleTask(ID, {
      ...now,
      DesiredState: 'shutdown',
      Status: { ...Status, State: 'failed' },
      internal: { ...internal, finished: true },
    }),
    sampleTask(ID, { JobIteration: { Index: 2 }, DesiredState: 'remove' }),
  ]) {
    await cluster.put({ op: 'put', kind: 'task', object });
  }
  const { body } = await cluster.ask('GET', '/services?status=true');
  assert.deepEqual((body as Array<{ ServiceStatus: object }>)[0]?.ServiceStatus, {
    RunningTasks: 1,
    DesiredTasks: 3,
    CompletedTasks: 1,
  });
});

test('an update needs the version that it was made from', async () => {
  const { Version } = await create(specOf('web'));
  const post = (query: string) =>
    cluster.ask('POST', `/services/web/update${query}`, { body: specOf('web') });
  const parse = (text: string) =>
    `invalid service version '${text}': strconv.ParseUint: parsing "${text}": invalid syntax`;
  says(await post(''), 400, parse(''));
  says(await post('?version=x'), 400, parse('x'));
  const [status, message] = unknown('update out of sequence');
  says(await post('?version=1'), status, message);
  says(await post('?version=99999999999999999'), status, message);
  assert.equal((await post(`?version=${Version.Index}`)).status, 200);
  says(await post(`?version=${Version.Index}`), status, message);
});

test('what the cluster notes on a service does not make an update stale', async () => {
  const { ID, Version } = await create(specOf('web'));
  const post = (version: number, query = '') =>
    cluster.ask('POST', `/services/web/update?version=${version}${query}`, { body: specOf('web') });
  const note = async (): Promise<number> => {
    const object = cluster.store.view.get('service', ID)!;
    await cluster.put({ op: 'put', kind: 'service', object });
    return object.Version.Index;
  };
  await note();
  const stale = unknown('update out of sequence');
  says(await post(Version.Index - 1), ...stale);
  assert.equal((await post(Version.Index)).status, 200);
  const read = await note();
  await note();
  says(await post(Version.Index), ...stale);
  assert.equal((await post(read, '&rollback=previous')).status, 200);
  await note();
  says(await post(read), ...stale);
  says(await post(99999), ...stale);
});

test('an update keeps the previous spec and clears the status', async () => {
  const before = await create(specOf('web'));
  const UpdateStatus = { State: 'paused' as const, Message: 'x' };
  await cluster.put({ op: 'put', kind: 'service', object: { ...before, UpdateStatus } });
  const after = await update('web', specOf('web', { Env: ['A=1'] }));
  assert.deepEqual(after.PreviousSpec, before.Spec);
  assert.equal(after.UpdateStatus, undefined);
  assert.ok(after.internal.specVersion > before.internal.specVersion);
  assert.equal(after.internal.previousSpecVersion, before.internal.specVersion);
});

test('scaling makes no new version of the tasks', async () => {
  const before = await create(specOf('web'));
  const after = await update(
    'web',
    specOf('web', {}, { Mode: { Replicated: { Replicas: 5 } }, Labels: { a: 'b' } }),
  );
  assert.equal(after.internal.specVersion, before.internal.specVersion);
  const forced = await update('web', specOf('web', {}, taskOf({ ForceUpdate: 1 })));
  assert.notEqual(forced.internal.specVersion, before.internal.specVersion);
});

test('mounts in another order make no new version of the tasks', async () => {
  const mounts = (...targets: string[]) => ({
    Mounts: targets.map((Target) => ({ Type: 'volume', Source: 'v', Target })),
  });
  const { internal } = await create(specOf('a', mounts('/a', '/b')));
  assert.deepEqual(
    (await update('a', specOf('a', mounts('/b', '/a')))).internal.specVersion,
    internal.specVersion,
  );
  assert.notEqual(
    (await update('a', specOf('a', mounts('/b', '/c')))).internal.specVersion,
    internal.specVersion,
  );
});

test('rollback swaps the specs, and again back', async () => {
  const first = await create(specOf('web'));
  const { Version } = first;
  const none = await cluster.ask('POST', `/services/web/update?version=${Version.Index}&rollback=previous`, {
    body: specOf('web'),
  });
  const text = `rpc error: code = FailedPrecondition desc = service ${first.ID} does not have a previous spec`;
  says(none, 400, text);

  const second = await update('web', specOf('web', { Env: ['A=1'] }));
  const back = await update('web', specOf('web'), '&rollback=previous');
  assert.deepEqual([back.Spec, back.PreviousSpec], [first.Spec, second.Spec]);
  assert.equal(back.internal.specVersion, first.internal.specVersion);
  assert.deepEqual(back.UpdateStatus, {
    State: 'rollback_started',
    StartedAt: '2026-01-02T03:04:05.000Z',
    Message: 'manually requested rollback',
  });
  const again = await update('web', specOf('web'), '&rollback=previous');
  assert.deepEqual([again.Spec, again.PreviousSpec], [second.Spec, first.Spec]);
  assert.equal(again.internal.specVersion, second.internal.specVersion);
});

test('what an update may not change', async () => {
  const { Version } = await create(specOf('web'));
  const post = (body: unknown, query = '') =>
    cluster.ask('POST', `/services/web/update?version=${Version.Index}${query}`, { body });
  const unimplemented = (text: string) => `rpc error: code = Unimplemented desc = ${text}`;
  says(await post(specOf('other')), 501, unimplemented('renaming services is not supported'));
  const global = specOf('web', {}, { Mode: { Global: {} } });
  says(await post(global), 501, unimplemented('service mode change is not allowed'));
  says(await post(specOf('web'), '&rollback=foo'), 500, 'unrecognized rollback option foo');
  says(await post(specOf('web'), '&registryAuthFrom=foo'), 500, 'unsupported registryAuthFrom value');
  const previous = await post(specOf('web'), '&registryAuthFrom=previous-spec');
  says(previous, 500, 'service does not have a previous spec');
});

test('credentials stand beside the service, follow it, and are never shown', async () => {
  const { ID } = await create(specOf('web'), { 'x-registry-auth': 'one' });
  const kept = () => {
    const { auth, previousAuth } = cluster.store.view.get('credential', ID)!;
    return [auth, previousAuth];
  };
  assert.deepEqual(kept(), ['one', undefined]);
  await update('web', specOf('web', { Env: ['A=1'] }));
  assert.deepEqual(kept(), ['one', 'one']);
  await update('web', specOf('web', { Env: ['A=2'] }), '', { 'x-registry-auth': 'two' });
  assert.deepEqual(kept(), ['two', 'one']);
  await update('web', specOf('web'), '&rollback=previous&registryAuthFrom=previous-spec');
  assert.deepEqual(kept(), ['one', 'two']);
  assert.doesNotMatch((await cluster.ask('GET', '/services')).text, /one|two/);
  assert.equal((await cluster.ask('DELETE', '/services/web')).status, 200);
  assert.equal(cluster.store.view.count('credential'), 0);
});

test('a service that is removed is gone at once', async () => {
  await create(specOf('web'));
  const { status, text } = await cluster.ask('DELETE', '/services/web');
  assert.deepEqual([status, text], [200, '']);
  says(await cluster.ask('GET', '/services/web'), 404, 'service web not found');
  says(await cluster.ask('DELETE', '/services/web'), 404, 'service web not found');
});

test('ports against those of other services', async () => {
  const host = ports({ TargetPort: 80, PublishedPort: 8080, PublishMode: 'host' });
  await create(specOf('a', {}, host));
  await create(specOf('b', {}, host));
  const ingress = { TargetPort: 80, PublishedPort: 9090, PublishMode: 'ingress', Protocol: 'tcp' };
  const service = await create(specOf('c'));
  await cluster.put({
    op: 'put',
    kind: 'service',
    object: { ...service, Endpoint: { Spec: {}, Ports: [ingress] } },
  });
  const taken = { TargetPort: 1, PublishedPort: 9090, PublishMode: 'host' };
  const [status, message] = invalid(
    `port '9090' is already in use by service 'c' (${service.ID}) as an ingress port`,
  );
  says(
    await cluster.ask('POST', '/services/create', { body: specOf('d', {}, ports(taken)) }),
    status,
    message,
  );
  await create(specOf('d', {}, ports({ ...taken, Protocol: 'udp' })));
});

test('secrets and configs have to be there, by id and name', async () => {
  const object = { ...meta(), Spec: { Name: 's', Labels: {}, Data: 'YQ==' }, internal: {} };
  await cluster.put({ op: 'put', kind: 'secret', object });
  await create(specOf('a', { Secrets: [secret(object.ID, 's', 'x')] }));
  const other = specOf('b', { Secrets: [secret(object.ID, 'other', 'x')] });
  const [status, message] = invalid('secret not found: other');
  says(await cluster.ask('POST', '/services/create', { body: other }), status, message);
});

test('networks that every engine has are named by their ids in the cluster, and have no addresses', async () => {
  const [bridge, host] = predefinedNetworks(newId, '2026-01-02T03:04:05.000Z');
  for (const object of [bridge!, host!]) await cluster.put({ op: 'put', kind: 'network', object });
  for (const [i, Target] of ['host', host!.ID, 'host'].entries()) {
    const { Spec } = await create(specOf(`s${i}`, {}, taskOf({ Networks: [{ Target }] })));
    assert.deepEqual(Spec.TaskTemplate?.Networks, [{ Target: host!.ID }]);
  }
  await create(
    specOf('b', {}, { ...taskOf({ Networks: [{ Target: 'bridge' }] }), EndpointSpec: { Mode: 'dnsrr' } }),
  );
  const virtual = async (name: string) =>
    ((await cluster.ask('GET', `/services/${name}`)).body as Service).Endpoint.VirtualIPs;
  assert.deepEqual(await virtual('s0'), [{ NetworkID: host!.ID }]);
  assert.equal(await virtual('b'), undefined);
});

test('networks that only this host has, and those that nobody has', async () => {
  const here: Record<string, string> = { mine: 'mine', none: 'none', hostid: 'host' };
  const [bridge, host] = predefinedNetworks(newId, '2026-01-02T03:04:05.000Z');
  const engine = {
    json: async (_: string, path: string) => {
      const Name = here[path.replace('/networks/', '')];
      if (Name) return { Name };
      throw new ApiError(404, 'not found');
    },
  } as unknown as EngineClient;
  cluster = await new TestCluster(engine).found();
  for (const object of [bridge!, host!]) await cluster.put({ op: 'put', kind: 'network', object });
  const only =
    'Only networks scoped to the swarm can be used, such as those created with the overlay driver.';
  const refusals: Array<[target: string, status: number, message: string]> = [
    ['mine', 403, `The network mine cannot be used with services. ${only}`],
    ['none', 404, 'could not find the corresponding predefined swarm network: network none not found'],
    ['nosuch', 500, 'network nosuch not found'],
    ['', 400, 'network  is ambiguous (2 matches found)'],
  ];
  for (const [Target, status, message] of refusals) {
    const body = specOf('a', {}, taskOf({ Networks: [{ Target }] }));
    says(await cluster.ask('POST', '/services/create', { body }), status, message);
  }
  const byItsIdHere = specOf('a', {}, taskOf({ Networks: [{ Target: 'hostid' }] }));
  const { signal } = new AbortController();
  const { TaskTemplate } = await resolveNetworks(cluster.store.view, engine, byItsIdHere, signal);
  assert.deepEqual(TaskTemplate?.Networks, [{ Target: host!.ID }]);
});

const LATER: Array<[since: string, what: string, container: object]> = [
  ['1.46', 'OomScoreAdj', { OomScoreAdj: 5 }],
  [
    '1.46',
    'TmpfsOptions.Options',
    { Mounts: [{ Type: 'tmpfs', Target: '/a', TmpfsOptions: { Options: [['noexec']] } }] },
  ],
  ['1.44', 'Healthcheck.StartInterval', { Healthcheck: { StartInterval: 1e9 } }],
  ['1.44', 'Privileges.Seccomp', { Privileges: { Seccomp: { Mode: 'unconfined' } } }],
  ['1.44', 'Privileges.AppArmor', { Privileges: { AppArmor: { Mode: 'disabled' } } }],
  ['1.44', 'Privileges.NoNewPrivileges', { Privileges: { NoNewPrivileges: true } }],
  ['1.41', 'CapabilityAdd', { CapabilityAdd: ['CAP_X'] }],
  ['1.41', 'CapabilityDrop', { CapabilityDrop: ['CAP_X'] }],
  ['1.41', 'Ulimits', { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] }],
  ['1.40', 'Sysctls', { Sysctls: { a: 'b' } }],
];
for (const [since, what, container] of LATER) {
  test(`${what} is kept from API ${since} on, and dropped before`, () => {
    const canonical = (version: string) =>
      JSON.stringify(canonicalService(forApiVersion(specOf('a', container), version)));
    const said = JSON.stringify(Object.values(container)[0]).match(/(?:-?\d+|true|"[^"]*")(?=[\]},]*$)/)![0];
    const kept = (version: string) => canonical(version).includes(said);
    const [major, minor] = since.split('.').map(Number);
    assert.equal(kept(since), true);
    assert.equal(kept('1.51'), true);
    assert.equal(kept(`${major}.${minor! - 1}`), false, canonical(`${major}.${minor! - 1}`));
  });
}

test('a seccomp profile is bytes', async () => {
  const body = specOf('a', { Privileges: { Seccomp: { Mode: 'custom', Profile: 'e30=!' } } });
  const answer = await cluster.ask('POST', '/services/create', { body });
  assert.deepEqual(
    [answer.status, /illegal base64 data at input byte 3$/.test(answer.text.replace('"}', ''))],
    [400, true],
  );
});

test('what an API version does not have is dropped', () => {
  const spec = specOf(
    'a',
    { CapabilityAdd: ['CAP_X'], Sysctls: { a: 'b' }, Healthcheck: { Test: ['NONE'], StartInterval: 1e9 } },
    { Mode: { GlobalJob: {} } },
  );
  spec.TaskTemplate!.Resources = { SwapBytes: 0, MemorySwappiness: 60 };
  const at = (version: string) => {
    const { Mode, TaskTemplate } = canonicalService(forApiVersion(spec, version));
    const { CapabilityAdd, Sysctls, Healthcheck } = TaskTemplate!.ContainerSpec!;
    const { SwapBytes, MemorySwappiness } = TaskTemplate!.Resources!;
    assert.deepEqual([SwapBytes, MemorySwappiness], version === '1.52' ? [0, 60] : [undefined, undefined]);
    return [Object.keys(Mode!)[0], CapabilityAdd, Sysctls, Healthcheck?.StartInterval];
  };
  assert.deepEqual(at('1.52'), ['GlobalJob', ['CAP_X'], { a: 'b' }, 1e9]);
  assert.deepEqual(at('1.44'), ['GlobalJob', ['CAP_X'], { a: 'b' }, 1e9]);
  assert.deepEqual(at('1.43'), ['GlobalJob', ['CAP_X'], { a: 'b' }, undefined]);
  assert.deepEqual(at('1.40'), ['Replicated', undefined, { a: 'b' }, undefined]);
  assert.deepEqual(at('1.39'), ['Replicated', undefined, undefined, undefined]);
});
