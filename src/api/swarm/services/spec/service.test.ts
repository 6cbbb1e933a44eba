import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServiceSpec } from '../../../../model/spec.ts';
import { withDefaults } from './defaults.ts';
import { canonicalService } from './service.ts';

const texts = fc.string({ maxLength: 4 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const fields = (model: Record<string, fc.Arbitrary<unknown>>) => fc.record(model, { requiredKeys: [] });
const list = <T>(value: fc.Arbitrary<T>) => maybe(fc.array(value, { maxLength: 2 }));
const texted = list(texts);
const labels = maybe(fc.dictionary(texts, texts, { maxKeys: 3 }));
const count = maybe(fc.nat());
const flag = maybe(fc.boolean());
const one = (...values: string[]) => maybe(fc.constantFrom('', ...values));
const target = fields({ Name: texts, UID: maybe(texts), GID: maybe(texts), Mode: count });

const settings = fields({
  Name: maybe(texts),
  Labels: labels,
  Mode: maybe(
    fc.oneof(
      fields({ Replicated: fields({ Replicas: count }) }),
      fields({ Global: fc.constant({}) }),
      fields({ ReplicatedJob: fields({ MaxConcurrent: count, TotalCompletions: count }) }),
      fields({ GlobalJob: fc.constant({}) }),
    ),
  ),
  UpdateConfig: maybe(
    fields({
      Parallelism: count,
      Delay: count,
      FailureAction: one('pause', 'rollback'),
      Order: one('start-first'),
    }),
  ),
  EndpointSpec: maybe(
    fields({
      Mode: one('vip', 'dnsrr'),
      Ports: list(
        fields({ Protocol: one('TCP', 'udp', 'x'), TargetPort: count, PublishMode: one('host', 'ingress') }),
      ),
    }),
  ),
  Networks: list(fields({ Target: texts, Aliases: texted })),
});

const templates = fc.record(
  {
    ContainerSpec: fields({
      Image: texts,
      Labels: labels,
      Env: texted,
      TTY: flag,
      Init: flag,
      StopGracePeriod: count,
      DNSConfig: maybe(fields({ Nameservers: texted })),
      Privileges: maybe(fields({ NoNewPrivileges: flag, SELinuxContext: maybe(fields({ Disable: flag })) })),
      Mounts: list(
        fields({
          Type: one('bind', 'Volume', 'tmpfs'),
          ReadOnly: flag,
          BindOptions: maybe(fields({ Propagation: one('rshared'), NonRecursive: flag })),
          VolumeOptions: maybe(fields({ NoCopy: flag, Labels: labels })),
        }),
      ),
      Secrets: list(fields({ File: maybe(target), SecretID: texts })),
      Configs: list(fc.record({ File: target, ConfigID: texts })),
      Isolation: one('default', 'process'),
      Ulimits: list(fields({ Name: texts, Soft: count, Hard: count })),
    }),
    Resources: maybe(
      fields({
        Limits: maybe(fields({ NanoCPUs: count, Pids: count })),
        Reservations: maybe(
          fields({
            GenericResources: list(
              fc.record({ DiscreteResourceSpec: fields({ Kind: texts, Value: count }) }),
            ),
          }),
        ),
      }),
    ),
    RestartPolicy: maybe(fields({ Condition: one('none', 'any'), Delay: count, MaxAttempts: count })),
    Placement: maybe(
      fields({
        Constraints: texted,
        Preferences: list(fields({ Spread: maybe(fields({ SpreadDescriptor: texts })) })),
      }),
    ),
    Networks: list(fields({ Target: texts, DriverOpts: labels })),
    LogDriver: maybe(fields({ Name: texts, Options: labels })),
    ForceUpdate: count,
  },
  { requiredKeys: ['ContainerSpec'] },
);

const specs = fc
  .tuple(settings, templates)
  .map(([spec, TaskTemplate]) => ({ ...spec, TaskTemplate }) as ServiceSpec);

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('what a client reads and posts back is what was stored, to the letter', () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const stored = canonicalService(spec);
      assert.equal(JSON.stringify(canonicalService(json(stored) as ServiceSpec)), JSON.stringify(stored));
    }),
  );
});

test('defaults are filled in once', () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const full = withDefaults(canonicalService(spec));
      assert.equal(JSON.stringify(withDefaults(full)), JSON.stringify(full));
    }),
  );
});

test('a spec posted in full comes back as it is', () => {
  const spec: ServiceSpec = {
    Name: 'web',
    Labels: { a: '1', b: '' },
    TaskTemplate: {
      ContainerSpec: {
        Image: 'nginx:alpine',
        Labels: { x: 'y' },
        Command: ['nginx'],
        Args: ['-g', 'daemon off;'],
        Hostname: '{{.Node.Hostname}}',
        Env: ['A=1', 'B'],
        Dir: '/srv',
        User: 'www',
        Groups: ['adm'],
        Privileges: { CredentialSpec: null, SELinuxContext: null, NoNewPrivileges: false },
        Init: false,
        StopSignal: 'SIGQUIT',
        TTY: true,
        OpenStdin: true,
        ReadOnly: true,
        Mounts: [
          {
            Type: 'bind',
            Source: '/a',
            Target: '/b',
            ReadOnly: true,
            BindOptions: { Propagation: 'rprivate' },
          },
          {
            Type: 'volume',
            Source: 'v',
            Target: '/v',
            VolumeOptions: {
              NoCopy: true,
              Labels: { l: 'm' },
              DriverConfig: { Name: 'local', Options: { o: 'p' } },
            },
          },
          { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 100, Mode: 511 } },
        ],
        StopGracePeriod: 0,
        Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9, Timeout: 1e9, StartPeriod: 1e9, Retries: 3 },
        Hosts: ['1.2.3.4 host'],
        DNSConfig: { Nameservers: ['1.1.1.1'], Search: ['x'], Options: ['ndots:1'] },
        Secrets: [{ File: { Name: 's', UID: '0', GID: '0', Mode: 292 }, SecretID: 'id', SecretName: 's' }],
        Configs: [{ File: { Name: '/c', UID: '0', GID: '0', Mode: 292 }, ConfigID: 'id', ConfigName: 'c' }],
        Isolation: 'default',
        Sysctls: { 'net.core.somaxconn': '1024' },
        CapabilityAdd: ['CAP_NET_ADMIN'],
        CapabilityDrop: ['CAP_CHOWN'],
        Ulimits: [{ Name: 'nofile', Hard: 100, Soft: 50 }],
        OomScoreAdj: 100,
      },
      Resources: {
        Limits: { NanoCPUs: 1e9, MemoryBytes: 1e8, Pids: 10 },
        Reservations: {
          NanoCPUs: 1e8,
          MemoryBytes: 1e7,
          GenericResources: [
            { DiscreteResourceSpec: { Kind: 'gpu', Value: 1 } },
            { NamedResourceSpec: { Kind: 'ssd', Value: 'fast' } },
          ],
        },
        SwapBytes: 0,
        MemorySwappiness: 60,
      },
      RestartPolicy: { Condition: 'on-failure', Delay: 0, MaxAttempts: 2, Window: 1e9 },
      Placement: {
        Constraints: ['node.role==worker'],
        Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.rack' } }],
        MaxReplicas: 2,
        Platforms: [{ Architecture: 'amd64', OS: 'linux' }],
      },
      Networks: [{ Target: 'net', Aliases: ['web'], DriverOpts: { k: 'v' } }],
      LogDriver: { Name: 'json-file', Options: { 'max-size': '1m' } },
      ForceUpdate: 3,
      Runtime: 'container',
    },
    Mode: { Replicated: { Replicas: 0 } },
    UpdateConfig: {
      Parallelism: 0,
      Delay: 1e9,
      FailureAction: 'rollback',
      Monitor: 1e9,
      MaxFailureRatio: 0.5,
      Order: 'start-first',
    },
    RollbackConfig: { Parallelism: 1, FailureAction: 'pause', MaxFailureRatio: 0, Order: 'stop-first' },
    EndpointSpec: {
      Mode: 'vip',
      Ports: [{ Name: 'http', Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'host' }],
    },
  };
  assert.equal(JSON.stringify(canonicalService(spec)), JSON.stringify(spec));
});

test('what says nothing is left out, what is meant is spelled out', () => {
  const container = { Image: 'a', Env: [], Labels: {}, TTY: false, Init: null, DNSConfig: {} };
  assert.deepEqual(canonicalService({ TaskTemplate: { ContainerSpec: container } }), {
    Labels: {},
    TaskTemplate: {
      ContainerSpec: { Image: 'a', DNSConfig: {}, Isolation: 'default' },
      ForceUpdate: 0,
      Runtime: 'container',
    },
    Mode: { Replicated: { Replicas: 1 } },
  });
  const job = { ReplicatedJob: { MaxConcurrent: 3 } };
  assert.deepEqual(canonicalService({ TaskTemplate: { ContainerSpec: {} }, Mode: job }).Mode, {
    ReplicatedJob: { MaxConcurrent: 3, TotalCompletions: 3 },
  });
});

test('networks of the service, as old clients give them, stay where they were put', () => {
  const spec = canonicalService({ TaskTemplate: { ContainerSpec: {} }, Networks: [{ Target: 'n' }] });
  assert.deepEqual(spec.Networks, [{ Target: 'n' }]);
  assert.equal('Networks' in spec.TaskTemplate!, false);
});

test('insertDefaults fills in what Docker fills in', () => {
  const spec = canonicalService({
    Name: 'a',
    TaskTemplate: { ContainerSpec: { Image: 'bb', Command: ['x'] } },
  });
  assert.equal(
    JSON.stringify(withDefaults(spec)),
    '{"Name":"a","Labels":{},"TaskTemplate":{"ContainerSpec":{"Image":"bb","Command":["x"],"StopGracePeriod":10000000000,"DNSConfig":{},"Isolation":"default"},"Resources":{},"RestartPolicy":{"Condition":"any","Delay":5000000000,"MaxAttempts":0},"Placement":{},"ForceUpdate":0,"Runtime":"container"},"Mode":{"Replicated":{"Replicas":1}},"UpdateConfig":{"Parallelism":1,"FailureAction":"pause","Monitor":5000000000,"MaxFailureRatio":0,"Order":"stop-first"},"RollbackConfig":{"Parallelism":1,"FailureAction":"pause","Monitor":5000000000,"MaxFailureRatio":0,"Order":"stop-first"}}',
  );
});
