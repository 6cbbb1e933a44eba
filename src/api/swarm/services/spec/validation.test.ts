import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceSpec } from '../../../../model/spec.ts';
import { TestCluster } from '../../testing/cluster.ts';

function specOf(name: string, container: object = {}, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return { Name: name, TaskTemplate: { ContainerSpec: { Image: 'busybox', ...container } }, ...more };
}

function taskOf(task: object): Partial<ServiceSpec> {
  return { TaskTemplate: { ContainerSpec: { Image: 'busybox' }, ...task } };
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
    const cluster = await new TestCluster().found();
    const answer = await cluster.ask('POST', '/services/create', { body });
    assert.deepEqual({ status: answer.status, body: answer.body }, { status, body: { message } });
    assert.equal(cluster.store.view.count('service'), 0);
  });
}
