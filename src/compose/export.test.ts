/** Whatever runs: deployed from the file that is made of it, none of its tasks starts anew. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalService } from '../api/swarm/services/spec/service.ts';
import type { Network, Service } from '../model/objects.ts';
import type { ContainerSpec, Mount, ServiceSpec } from '../model/spec.ts';
import { sampleConfig, sampleNetwork, sampleSecret, sampleService } from '../store/samples.ts';
import { check } from './deployment.ts';
import { exported } from './export.ts';
import { type Live, planOf } from './plan.ts';

const STACK = 'shop';
const NAMESPACE = { 'com.docker.stack.namespace': STACK };
const NETWORKS: Network[] = [
  { ...sampleNetwork('n1'), Spec: { Name: 'shop_default', Driver: 'overlay', Labels: NAMESPACE } },
  {
    ...sampleNetwork('n2'),
    Spec: {
      ...{ Name: 'shop_back', Driver: 'overlay', Labels: { ...NAMESPACE, price: '$5' }, Attachable: true },
      Options: { encrypted: '' },
      IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] },
    },
  },
  { ...sampleNetwork('n3'), Spec: { Name: 'otherwise', Driver: 'overlay', Labels: NAMESPACE } },
  { ...sampleNetwork('n4'), Spec: { Name: 'back', Driver: 'overlay' } },
];
const SECRETS = [sampleSecret('s1', 'YQ=='), sampleSecret('s2', 'YQ==')];
const CONFIGS = [sampleConfig('c1', 'YQ==')];

/** The plan of a deployment of what was made of these services. */
function planned(specs: readonly ServiceSpec[]) {
  const services = specs.map(
    (spec, index): Service => ({ ...sampleService(`id${index}`), Spec: canonicalService(spec) }),
  );
  const text = exported(STACK, services, NETWORKS);
  const { deployment, problems } = check(STACK, { 'compose.yaml': text });
  assert.ok(deployment, `${JSON.stringify(problems)}\n${text}`);
  const live: Live = {
    ...{ services, networks: NETWORKS, secrets: SECRETS, configs: CONFIGS },
    running: () => 3,
    kept: canonicalService,
    networkId: (name) => NETWORKS.find(({ Spec }) => Spec.Name === name)?.ID,
  };
  return { text, plan: planOf(deployment, live, true) };
}

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
/** What a shell, YAML and variables might read otherwise. */
const text = fc.oneof(
  fc.string({ maxLength: 12, unit: fc.constantFrom(...'aZ09 $:{}[]#\'"\\\n,&*!|>%@`-=?~é') }),
  fc.constantFrom(
    '0440',
    'yes',
    'null',
    '1e3',
    '0x10',
    '~',
    '<<',
    '$$',
    '${A}',
    ' x ',
    '- a',
    'a: b',
    '12:30',
  ),
);
const said = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(...'aZ09$:{}#\'" ') });
const some = <T>(arbitrary: fc.Arbitrary<T>, most = 3) =>
  fc.uniqueArray(arbitrary, { maxLength: most, selector: (each) => JSON.stringify(each) });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const texts = fc.dictionary(word, text, { maxKeys: 3 });
const nano = fc.oneof(
  fc.integer({ min: 0, max: 1e9 }).map((ms) => ms * 1e6),
  fc.integer({ min: 0, max: 2 ** 40 }),
);
const bytes = fc.integer({ min: 0, max: 2 ** 40 });
const flag = fc.boolean();

const mount: fc.Arbitrary<Mount> = fc.oneof(
  fc.record({
    Type: fc.constant('volume'),
    Source: maybe(fc.constantFrom('shop_data', 'data', 'elsewhere')),
    Target: word.map((name) => `/${name}`),
    ReadOnly: flag,
    VolumeOptions: maybe(fc.record({ NoCopy: flag, Subpath: maybe(word) })),
  }),
  fc.record({
    Type: fc.constant('bind'),
    Source: word.map((name) => `/srv/${name}`),
    Target: word.map((name) => `/${name}`),
    BindOptions: maybe(fc.record({ Propagation: fc.constantFrom('', 'rslave'), NonRecursive: flag })),
  }),
  fc.record({
    Type: fc.constant('tmpfs'),
    Target: word.map((name) => `/${name}`),
    TmpfsOptions: maybe(fc.record({ SizeBytes: bytes, Mode: fc.constantFrom(0, 0o1777) })),
  }),
);
const file = fc.record({
  ...{ Name: said, UID: fc.constantFrom('0', '33'), GID: fc.constantFrom('0', '5') },
  Mode: fc.constantFrom(0o444, 0o400, 0),
});
const update = fc.record({
  Parallelism: fc.nat(4),
  Delay: maybe(nano),
  Monitor: maybe(nano),
  FailureAction: fc.constantFrom('', 'pause', 'continue', 'rollback'),
  MaxFailureRatio: fc.constantFrom(0, 0.25),
  Order: fc.constantFrom('', 'stop-first', 'start-first'),
});

const container: fc.Arbitrary<ContainerSpec> = fc.record({
  Image: fc.constantFrom('nginx:1', `nginx:1@sha256:${'a'.repeat(64)}`, 'nginx:2', 'reg.example:5000/a/b'),
  Labels: texts.map((labels) => ({ ...labels, ...NAMESPACE })),
  Command: some(text),
  Args: some(text),
  Hostname: maybe(said),
  Env: fc
    .dictionary(word, text, { maxKeys: 4 })
    .map((env) => Object.entries(env).map((each) => each.join('='))),
  Dir: maybe(said),
  User: maybe(said),
  Groups: some(word),
  Init: maybe(flag),
  StopSignal: maybe(fc.constant('SIGINT')),
  ...{ TTY: flag, OpenStdin: flag, ReadOnly: flag },
  Mounts: fc.uniqueArray(mount, { maxLength: 3, selector: ({ Target }) => Target }),
  StopGracePeriod: maybe(nano),
  Healthcheck: maybe(
    fc.record({
      Test: fc.oneof(
        fc.constantFrom<string[]>([], ['NONE']),
        said.map((line) => ['CMD-SHELL', line]),
        some(said).map((words) => ['CMD', ...words]),
      ),
      Retries: fc.nat(3),
    }),
  ),
  Hosts: some(fc.tuple(fc.constantFrom('10.0.0.1', '::1'), word).map((pair) => pair.join(' '))),
  DNSConfig: maybe(
    fc.record({ Nameservers: some(fc.constant('10.0.0.2')), Search: some(word), Options: some(word) }),
  ),
  Secrets: fc.uniqueArray(
    fc.record({
      File: file,
      SecretID: fc.constant('s1'),
      SecretName: fc.constant('s1'),
    }),
    { maxLength: 2, selector: ({ File }) => File.Name },
  ),
  Configs: some(fc.record({ File: file, ConfigID: fc.constant('c1'), ConfigName: fc.constant('c1') }), 1),
  OomScoreAdj: fc.constantFrom(0, 100),
  Privileges: maybe(fc.record({ NoNewPrivileges: flag })),
  Sysctls: texts,
  CapabilityAdd: some(fc.constantFrom('CAP_NET_ADMIN', 'CAP_CHOWN')),
  CapabilityDrop: some(fc.constant('ALL')),
  Ulimits: fc.uniqueArray(fc.record({ Name: word, Soft: fc.nat(), Hard: fc.nat() }), {
    maxLength: 2,
    selector: ({ Name }) => Name,
  }),
});

const spec = (name: string): fc.Arbitrary<ServiceSpec> =>
  fc.record({
    Name: fc.constant(`${STACK}_${name}`),
    Labels: texts.map((labels) => ({ ...labels, ...NAMESPACE, 'com.docker.stack.image': 'nginx:1' })),
    TaskTemplate: fc.record({
      ContainerSpec: container,
      Resources: maybe(
        fc.record({
          Limits: maybe(fc.record({ NanoCPUs: bytes, MemoryBytes: bytes, Pids: fc.nat(9) })),
          Reservations: maybe(
            fc.record({
              MemoryBytes: bytes,
              GenericResources: some(
                fc.record({ DiscreteResourceSpec: fc.record({ Kind: said, Value: fc.nat() }) }),
              ),
            }),
          ),
          MemorySwappiness: maybe(fc.nat(100)),
        }),
      ),
      RestartPolicy: maybe(
        fc.record({
          Condition: fc.constantFrom('', 'none', 'on-failure', 'any'),
          ...{ Delay: maybe(nano), MaxAttempts: fc.nat(3), Window: maybe(nano) },
        }),
      ),
      Placement: fc.record({
        Constraints: some(said.map((value) => `node.labels.a==${value}`)),
        Preferences: some(fc.record({ Spread: fc.record({ SpreadDescriptor: said }) })),
        MaxReplicas: fc.nat(3),
        Platforms: fc.constantFrom([], [{ Architecture: 'amd64', OS: 'linux' }]),
      }),
      LogDriver: maybe(fc.record({ Name: word, Options: texts })),
      Networks: fc.uniqueArray(
        fc.record({
          Target: fc.constantFrom('n1', 'n2', 'n3', 'n4'),
          Aliases: some(word).map((aliases) => [...aliases, name]),
          DriverOpts: maybe(texts),
        }),
        { minLength: 1, maxLength: 4, selector: ({ Target }) => Target },
      ),
      ForceUpdate: fc.nat(3),
    }),
    Mode: fc.oneof(
      fc.record({ Replicated: fc.record({ Replicas: fc.nat(9) }) }),
      fc.constant({ Global: {} }),
      fc.constant({ GlobalJob: {} }),
      fc.record({ ReplicatedJob: fc.record({ MaxConcurrent: fc.nat(4), TotalCompletions: fc.nat(9) }) }),
    ),
    UpdateConfig: maybe(update),
    RollbackConfig: maybe(update),
    EndpointSpec: maybe(
      fc.record({
        Mode: fc.constantFrom('', 'vip', 'dnsrr'),
        Ports: fc.uniqueArray(
          fc.record({
            Protocol: fc.constantFrom('tcp', 'udp'),
            TargetPort: fc.integer({ min: 1, max: 65_535 }),
            PublishedPort: fc.nat(65_535),
            PublishMode: fc.constantFrom('ingress', 'host'),
          }),
          { maxLength: 3, selector: ({ TargetPort }) => TargetPort },
        ),
      }),
    ),
  });

describe('a compose file made of what runs', () => {
  test('deployed as it is it starts nothing anew, whatever the services are', () => {
    fc.assert(
      fc.property(spec('web'), spec('db'), (web, db) => {
        const { plan, text } = planned([web, db]);
        const changed = plan.filter(({ restarts, action }) => restarts > 0 || action === 'create');
        assert.deepEqual(changed, [], text);
      }),
      { numRuns: Number(process.env.RUNS ?? 80) },
    );
  });

  test('what it names is in it once: names of its own, names of others that are alike, volumes with options', () => {
    const own = { Labels: NAMESPACE, DriverConfig: { Name: 'nfs', Options: { o: 'addr=$x' } } };
    const spec: ServiceSpec = {
      Name: 'shop_web',
      Labels: { ...NAMESPACE, 'com.docker.stack.image': 'nginx:1' },
      Mode: { Replicated: { Replicas: 1 } },
      TaskTemplate: {
        ContainerSpec: {
          Image: 'nginx:1',
          Labels: NAMESPACE,
          Mounts: [
            { Type: 'volume', Source: 'shop_data', Target: '/a', VolumeOptions: own },
            { Type: 'volume', Source: 'data', Target: '/b' },
            { Type: 'volume', Source: 'named', Target: '/c', VolumeOptions: { Labels: NAMESPACE } },
          ],
        },
        Networks: ['n2', 'n4'].map((Target) => ({ Target, Aliases: ['web'] })),
      },
    };
    const { plan, text } = planned([spec, { ...spec, Name: 'elsewhere' }]);
    assert.deepEqual(
      plan.filter(({ action }) => action !== 'keep'),
      [{ kind: 'service', name: 'elsewhere', action: 'remove', changes: [], restarts: 0 }],
    );
    assert.match(text, /# elsewhere is not in it/);
    for (const part of ['back-2', 'name: back', 'data-2', 'name: named', 'driver: nfs', 'addr=$$x'])
      assert.ok(text.includes(part), `${part} in\n${text}`);
  });

  test('the tag that the docker CLI writes where there is none makes no difference', () => {
    for (const running of [
      'nginx:latest',
      `nginx:latest@sha256:${'c'.repeat(64)}`,
      'docker.io/library/nginx',
    ]) {
      const { plan, text } = planned([
        {
          Name: 'shop_web',
          Labels: { ...NAMESPACE, 'com.docker.stack.image': 'nginx' },
          TaskTemplate: {
            ContainerSpec: { Image: running, Labels: NAMESPACE },
            Networks: [{ Target: 'n1', Aliases: ['web'] }],
          },
          Mode: { Replicated: { Replicas: 1 } },
          EndpointSpec: { Mode: 'vip' },
        },
      ]);
      assert.match(text, /image: nginx\n/);
      assert.deepEqual(
        plan.filter(({ action }) => action !== 'keep'),
        [],
      );
    }
  });

  test('an image that was changed by a command is the one of the file', () => {
    const digest = `nginx:2@sha256:${'b'.repeat(64)}`;
    const { plan, text } = planned([
      {
        Name: 'shop_web',
        Labels: { ...NAMESPACE, 'com.docker.stack.image': 'nginx:1' },
        TaskTemplate: {
          ContainerSpec: { Image: digest, Labels: NAMESPACE },
          Networks: [{ Target: 'n1', Aliases: ['web'] }],
        },
      },
    ]);
    assert.match(text, /image: nginx:2\n/);
    assert.equal(plan.find(({ kind }) => kind === 'service')!.restarts, 0);
  });
});
