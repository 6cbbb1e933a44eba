import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applied, createCommand, formOf, quoted, updateCommand } from './form.ts';
import { type Names, newSpec, type ServiceSpec } from './spec.ts';

const names: Names = {
  networks: new Map([['n1', 'front']]),
  configs: new Map([['c1', 'page']]),
  secrets: new Map([['s1', 'key']]),
};
const SPEC: ServiceSpec = {
  Name: 'web',
  Labels: { a: '1', 'com.docker.stack.namespace': 'shop' },
  Mode: { Replicated: { Replicas: 2 } },
  TaskTemplate: {
    ContainerSpec: {
      Image: 'nginx:1',
      Env: ['A=1', 'B=two words'],
      Args: ['-c', 'x'],
      Mounts: [{ Type: 'volume', Source: 'data', Target: '/data', VolumeOptions: { NoCopy: true } }],
      Configs: [
        { ConfigID: 'c1', ConfigName: 'page', File: { Name: '/page', UID: '33', GID: '0', Mode: 256 } },
      ],
      StopGracePeriod: 1_500_000_000,
    },
    Resources: { Limits: { MemoryBytes: 512 * 2 ** 20 } },
    Networks: [{ Target: 'n1', Aliases: ['web'] }],
  } as never,
  EndpointSpec: { Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress' }] },
};

test('a spec as texts', () => {
  const form = formOf(SPEC, names);
  const shown = [
    'image',
    'replicas',
    'env',
    'mounts',
    'configs',
    'limitMemory',
    'networks',
    'ports',
    'grace',
  ];
  assert.deepEqual(
    shown.map((key) => form[key]),
    [
      'nginx:1',
      '2',
      'A=1\nB=two words',
      'volume data:/data',
      'page:/page',
      '512M',
      'front',
      '8080:80',
      '1.5',
    ],
  );
});

test('a form that nothing was changed in changes nothing, whatever stands in the spec', () => {
  assert.equal(applied(SPEC, formOf(SPEC, names), names).spec, SPEC);
  fc.assert(
    fc.property(
      fc.array(fc.string()),
      fc.dictionary(fc.string(), fc.string()),
      fc.nat(),
      (Env, Labels, Delay) => {
        const spec: ServiceSpec = {
          ...{ Name: 'web', Labels, Mode: { Global: {} } },
          TaskTemplate: { ContainerSpec: { Env, Args: Env } as object, RestartPolicy: { Delay } } as never,
        };
        const form = formOf(spec, names);
        assert.equal(form.replicas, undefined);
        assert.equal(applied(spec, form, names).spec, spec);
      },
    ),
  );
});

test('what was changed is in the spec, what stands beside it stays, and the docker command says the same', () => {
  const form = {
    ...formOf(SPEC, names),
    image: 'nginx:2',
    env: 'A=2\nC=$x',
    ports: '8080:80\n53:53/udp',
    secrets: 'key:token',
    mounts: 'volume data:/data\ntmpfs /tmp',
    limitMemory: '1.5G',
    restartCondition: 'none',
    labels: 'a=1\ncom.docker.stack.namespace=shop\nb=',
  };
  const { spec, problems } = applied(SPEC, form, names);
  assert.deepEqual(problems, {});
  const container = spec.TaskTemplate.ContainerSpec as Record<string, unknown>;
  assert.deepEqual(container.Env, ['A=2', 'C=$x']);
  assert.deepEqual(
    (container.Mounts as object[])[0],
    (SPEC.TaskTemplate.ContainerSpec as never as { Mounts: object[] }).Mounts[0],
  );
  assert.deepEqual(container.Secrets, [
    { File: { Name: 'token', UID: '0', GID: '0', Mode: 0o444 }, SecretID: 's1', SecretName: 'key' },
  ]);
  assert.deepEqual(formOf(spec, names), { ...form, limitMemory: '1536M' });
  assert.equal(
    updateCommand(SPEC, spec, names),
    "docker service update --image nginx:2 --env-rm B --env-add A=2 --env-add 'C=$x' " +
      '--publish-add published=53,target=53,protocol=udp,mode=ingress --mount-add type=tmpfs,target=/tmp ' +
      '--secret-add source=key,target=token --limit-memory 1536M --restart-condition none --label-add b= web',
  );
  assert.equal(updateCommand(SPEC, SPEC, names), undefined);
});

const WRONG: Array<[key: string, value: string, why: RegExp]> = [
  ['replicas', 'many', /takes a whole number, not many/],
  ['replicas', '-1', /takes a whole number/],
  ['limitCpu', 'half', /takes a number, not half/],
  ['limitMemory', 'much', /a size like 512M/],
  ['ports', 'eighty', /8080:80/],
  ['ports', '1:99999', /8080:80/],
  ['mounts', 'data:/data', /volume data:\/data/],
  ['mounts', 'bind x', /volume data:\/data/],
  ['networks', 'back', /no network back/],
  ['configs', 'nothing', /no config nothing/],
  ['env', '=x', /NAME=value/],
];
for (const [key, value, why] of WRONG) {
  test(`${value} is no ${key}: it is said there, and changes nothing`, () => {
    const { spec, problems } = applied(SPEC, { ...formOf(SPEC, names), [key]: value }, names);
    assert.match(problems[key]!, why);
    assert.equal(spec, SPEC);
  });
}

test('a field that is emptied is left out', () => {
  const { spec } = applied(SPEC, { ...formOf(SPEC, names), env: '', limitMemory: '', ports: '' }, names);
  assert.equal('Env' in (spec.TaskTemplate.ContainerSpec as object), false);
  assert.deepEqual(spec.EndpointSpec, {});
});

test('words for a shell', () => {
  assert.deepEqual(['a/b:1', 'two words', "it's", ''].map(quoted), [
    'a/b:1',
    "'two words'",
    `'it'\\''s'`,
    "''",
  ]);
});

test('a new service: its form, the command that makes the same, and for a deployer its stack', () => {
  const first = newSpec('shop');
  assert.equal(formOf(first, names).labels, 'com.docker.stack.namespace=shop');
  const typed = {
    image: 'nginx:1',
    replicas: '3',
    env: 'A=two words',
    ports: '8080:80',
    args: '-c\nx',
    grace: '5',
  };
  const { spec, problems } = applied({ ...newSpec(undefined), Name: 'web' }, typed, names);
  assert.deepEqual(problems, {});
  assert.deepEqual(spec, {
    ...{ Name: 'web', Labels: {}, Mode: { Replicated: { Replicas: 3 } } },
    TaskTemplate: {
      ContainerSpec: {
        ...{ Image: 'nginx:1', Env: ['A=two words'], Args: ['-c', 'x'], StopGracePeriod: 5e9 },
      },
    },
    EndpointSpec: {
      Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress' }],
    },
  });
  assert.equal(
    createCommand(spec, names),
    "docker service create --name web --replicas 3 --env 'A=two words'" +
      ' --publish published=8080,target=80,protocol=tcp,mode=ingress --stop-grace-period 5s nginx:1 -c x',
  );
  const global = applied({ ...spec, Mode: { Global: {} } }, { replicas: '5' }, names).spec;
  assert.deepEqual(global.Mode, { Global: {} }, 'what it has not is not written into it');
  assert.match(createCommand(global, names), /^docker service create --name web --mode global --env /);
  assert.equal(createCommand(newSpec(undefined), names), 'docker service create --name NAME IMAGE');
});
