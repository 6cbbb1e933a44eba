import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Service } from '../../model/objects.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import { forApiVersion } from './api-version.ts';
import { canonicalService } from './service-spec.ts';
import { type Answer, meta, sampleTask, TestCluster } from './test-cluster.ts';

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
const config = (ConfigID: string, ConfigName: string, Name: string) => ({
  ConfigID,
  ConfigName,
  File: { Name },
});
const template = (text: string) => `expanding env failed: expanding env "A=${text}": template: expansion`;

const REFUSED: Array<[string, unknown, [number, string]]> = [
  ['nothing', {}, [400, 'mismatched Runtime and *Spec fields']],
  ['no container', { Name: 'a', TaskTemplate: {} }, [400, 'mismatched Runtime and *Spec fields']],
  ['no image', specOf('a', { Image: '' }), invalid('ContainerSpec: image reference must be provided')],
  ['bad image', specOf('a', { Image: 'Foo' }), invalid('ContainerSpec: "Foo" is not a valid repository/tag')],
  ['bad name', specOf('a b'), invalid('name must be valid as a DNS name component')],
  ['name with a dot', specOf('a.b'), invalid('name must be valid as a DNS name component')],
  ['long name', specOf('a'.repeat(64)), invalid('name must be 63 characters or fewer')],
  [
    'two mounts on a target',
    specOf('a', { Mounts: [{ Target: '/x' }, { Target: '/x' }] }),
    invalid('ContainerSpec: duplicate mount point: /x'),
  ],
  ['mount type', specOf('a', { Mounts: [{ Type: 'foo' }] }), [400, 'invalid MountType: "foo"']],
  [
    'propagation',
    specOf('a', { Mounts: [{ BindOptions: { Propagation: 'foo' } }] }),
    [400, 'invalid MountPropagation: "foo"'],
  ],
  [
    'little cpu',
    specOf('a', {}, taskOf({ Resources: { Limits: { NanoCPUs: 100 } } })),
    invalid('invalid cpu value 1e-07: Must be at least 0.001'),
  ],
  [
    'negative cpu',
    specOf('a', {}, taskOf({ Resources: { Limits: { NanoCPUs: -1 } } })),
    invalid('invalid cpu value -1e-09: Must be at least 0.001'),
  ],
  [
    'little memory',
    specOf('a', {}, taskOf({ Resources: { Reservations: { MemoryBytes: 100 } } })),
    invalid('invalid memory value 100: Must be at least 4MiB'),
  ],
  [
    'empty generic resource',
    specOf('a', {}, taskOf({ Resources: { Reservations: { GenericResources: [{}] } } })),
    [400, 'a generic resource needs a NamedResourceSpec or a DiscreteResourceSpec'],
  ],
  [
    'restart condition',
    specOf('a', {}, taskOf({ RestartPolicy: { Condition: 'foo' } })),
    [400, 'invalid RestartCondition: "foo"'],
  ],
  [
    'restart delay',
    specOf('a', {}, taskOf({ RestartPolicy: { Delay: -1 } })),
    invalid('TaskSpec: restart-delay cannot be negative'),
  ],
  [
    'restart window',
    specOf('a', {}, taskOf({ RestartPolicy: { Window: -1 } })),
    invalid('TaskSpec: restart-window cannot be negative'),
  ],
  [
    'constraint without operator',
    specOf('a', {}, taskOf({ Placement: { Constraints: ['node.id'] } })),
    unknown('constraint expected one operator from ==, !='),
  ],
  [
    'constraint key',
    specOf('a', {}, taskOf({ Placement: { Constraints: ['a==b'] } })),
    unknown("key 'a' is invalid"),
  ],
  [
    'constraint value',
    specOf('a', {}, taskOf({ Placement: { Constraints: ['node.id==a@b'] } })),
    unknown("value 'a@b' is invalid"),
  ],
  [
    'failure action',
    specOf('a', {}, { UpdateConfig: { FailureAction: 'x' } }),
    [400, 'unrecognized update failure action x'],
  ],
  ['update order', specOf('a', {}, { RollbackConfig: { Order: 'x' } }), [400, 'unrecognized update order x']],
  [
    'update delay',
    specOf('a', {}, { UpdateConfig: { Delay: -1 } }),
    invalid('TaskSpec: update-delay cannot be negative'),
  ],
  [
    'monitor',
    specOf('a', {}, { UpdateConfig: { Monitor: -1 } }),
    invalid('TaskSpec: update-monitor cannot be negative'),
  ],
  [
    'failure ratio',
    specOf('a', {}, { UpdateConfig: { MaxFailureRatio: 2 } }),
    invalid('TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1'),
  ],
  ['endpoint mode', specOf('a', {}, { EndpointSpec: { Mode: 'x' } }), [400, 'invalid resolution mode: "x"']],
  [
    'dnsrr and ingress',
    specOf('a', {}, { EndpointSpec: { Mode: 'dnsrr', Ports: [{ TargetPort: 80 }] } }),
    invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode"),
  ],
  [
    'a port twice',
    specOf(
      'a',
      {},
      ports(
        { TargetPort: 1, PublishedPort: 8080, PublishMode: 'host' },
        { TargetPort: 2, PublishedPort: 8080, PublishMode: 'host' },
      ),
    ),
    invalid('EndpointSpec: duplicate published ports provided'),
  ],
  [
    'unknown function',
    specOf('a', { Env: ['A={{foo}}'] }),
    invalid(`${template('{{foo}}')}:1: function "foo" not defined`),
  ],
  [
    'unknown field',
    specOf('a', { Env: ['A={{.Foo}}'] }),
    invalid(
      `${template('{{.Foo}}')}:1:2: executing "expansion" at <.Foo>: can't evaluate field Foo in type *template.Context`,
    ),
  ],
  ['open action', specOf('a', { Env: ['A={{'] }), invalid(`${template('{{')}:1: unclosed action`)],
  [
    'template in hostname',
    specOf('a', { Hostname: '{{.Foo}}' }),
    invalid(
      `expanding hostname failed: template: expansion:1:2: executing "expansion" at <.Foo>: can't evaluate field Foo in type *template.Context`,
    ),
  ],
  [
    'template in a volume label',
    specOf('a', { Mounts: [{ Source: 'x', Target: '/x', VolumeOptions: { Labels: { a: '{{.Foo}}' } } }] }),
    invalid(
      `expanding mounts failed: expanding volume labels: expanding map entry "a"="{{.Foo}}": template: expansion:1:2: executing "expansion" at <.Foo>: can't evaluate field Foo in type *template.Context`,
    ),
  ],
  [
    'two modes',
    specOf('a', {}, { Mode: { Replicated: { Replicas: 1 }, Global: {} } }),
    [400, 'must specify only one service mode'],
  ],
  [
    'job with update',
    specOf('a', {}, { Mode: { ReplicatedJob: {} }, UpdateConfig: {} }),
    invalid('Jobs may not have an update config'),
  ],
  ['secret without id', specOf('a', { Secrets: [{}] }), invalid('malformed secret reference')],
  [
    'secret without file',
    specOf('a', { Secrets: [{ SecretID: 'a', SecretName: 'b' }] }),
    invalid('malformed secret reference, no target provided'),
  ],
  [
    'secret without file name',
    specOf('a', { Secrets: [secret('a', 'b', '')] }),
    invalid('malformed file secret reference, invalid target file name provided'),
  ],
  [
    'two secrets in a file',
    specOf('a', { Secrets: [secret('a', 'b', 'x'), secret('c', 'd', 'x')] }),
    invalid("secret references 'b' and 'd' have a conflicting target: 'x'"),
  ],
  ['missing secret', specOf('a', { Secrets: [secret('a', 'b', 'x')] }), invalid('secret not found: b')],
  [
    'missing secrets',
    specOf('a', { Secrets: [secret('a', 'b', 'x'), secret('c', 'd', 'y')] }),
    invalid('secrets not found: b, d'),
  ],
  [
    'config without target',
    specOf('a', { Configs: [{ ConfigID: 'a', ConfigName: 'b' }] }),
    [400, 'invalid Config: either File or Runtime should be set'],
  ],
  [
    'config with two targets',
    specOf('a', { Configs: [{ File: {}, Runtime: {} }] }),
    [400, 'invalid Config: cannot specify both File and Runtime'],
  ],
  ['missing config', specOf('a', { Configs: [config('a', 'b', 'x')] }), invalid('config not found: b')],
  [
    'credential spec of nothing',
    specOf('a', { Privileges: { CredentialSpec: {} } }),
    [400, 'invalid CredentialSpec: must either provide "file", "registry", or "config" for credential spec'],
  ],
  [
    'credential spec of a config that is not there',
    specOf('a', { Privileges: { CredentialSpec: { Config: 'c' } } }),
    invalid(
      "CredentialSpec references config 'c', but that config isn't in config references with RuntimeTarget",
    ),
  ],
  [
    'health check too often',
    specOf('a', { Healthcheck: { Interval: 1000 } }),
    invalid('ContainerSpec: Interval in HealthConfig cannot be less than 1ms'),
  ],
  [
    'retries',
    specOf('a', { Healthcheck: { Retries: -1 } }),
    invalid('ContainerSpec: Retries in HealthConfig cannot be negative'),
  ],
  ['runtime', specOf('a', {}, taskOf({ Runtime: 'foo' })), [400, 'unsupported runtime']],
];

for (const [what, body, [status, message]] of REFUSED) {
  test(`refused: ${what}`, async () => {
    says(await cluster.ask('POST', '/services/create', { body }), status, message);
    assert.equal(cluster.store.view.count('service'), 0);
  });
}

test('jobs are not there yet', async () => {
  const body = specOf('a', {}, { Mode: { GlobalJob: {} } });
  const answer = await cluster.ask('POST', '/services/create', { body });
  assert.equal(answer.status, 501);
});

test('ports in ingress mode need a routing mesh', async () => {
  const answer = await cluster.ask('POST', '/services/create', {
    body: specOf('a', {}, ports({ TargetPort: 80, PublishedPort: 80 })),
  });
  assert.equal(answer.status, 501);
  assert.match(answer.text, /mode=host/);
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

test('networks that every engine has may be named', async () => {
  const { Spec } = await create(specOf('a', {}, taskOf({ Networks: [{ Target: 'host' }] })));
  assert.deepEqual(Spec.TaskTemplate?.Networks, [{ Target: 'host' }]);
});

test('what an API version does not have is dropped', () => {
  const spec = specOf(
    'a',
    { CapabilityAdd: ['CAP_X'], Sysctls: { a: 'b' }, Healthcheck: { Test: ['NONE'], StartInterval: 1e9 } },
    { Mode: { GlobalJob: {} } },
  );
  const at = (version: string) => {
    const { Mode, TaskTemplate } = canonicalService(forApiVersion(spec, version));
    const { CapabilityAdd, Sysctls, Healthcheck } = TaskTemplate!.ContainerSpec!;
    return [Object.keys(Mode!)[0], CapabilityAdd, Sysctls, Healthcheck?.StartInterval];
  };
  assert.deepEqual(at('1.44'), ['GlobalJob', ['CAP_X'], { a: 'b' }, 1e9]);
  assert.deepEqual(at('1.43'), ['GlobalJob', ['CAP_X'], { a: 'b' }, undefined]);
  assert.deepEqual(at('1.40'), ['Replicated', undefined, { a: 'b' }, undefined]);
  assert.deepEqual(at('1.39'), ['Replicated', undefined, undefined, undefined]);
});
