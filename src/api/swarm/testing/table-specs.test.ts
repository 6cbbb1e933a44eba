/** Every documented field of the swarm's specs comes back as it was sent, and writing what was read changes nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TestCluster } from './cluster.ts';

const data = Buffer.from('x').toString('base64');

describe('specs come back as they were sent', () => {
  const full = {
    Name: 'full',
    Labels: { a: '1', b: '2' },
    TaskTemplate: {
      ContainerSpec: {
        ...{ Image: 'busybox:latest', Labels: { x: 'y' }, Command: ['sh'], Args: ['-c', 'sleep 1000'] },
        ...{ Hostname: 'h-{{.Task.Slot}}', Env: ['A=1', 'B='], Dir: '/tmp', User: '1:1', Groups: ['5', '6'] },
        Privileges: {
          CredentialSpec: null,
          SELinuxContext: { Disable: true, User: 'u', Role: 'r', Type: 't', Level: 'l' },
          Seccomp: { Mode: 'unconfined' },
          AppArmor: { Mode: 'disabled' },
          NoNewPrivileges: true,
        },
        ...{ TTY: true, OpenStdin: true, ReadOnly: true },
        Mounts: [
          {
            ...{ Type: 'bind', Source: '/tmp', Target: '/a', ReadOnly: true },
            BindOptions: {
              Propagation: 'rprivate',
              NonRecursive: true,
              CreateMountpoint: true,
              ReadOnlyNonRecursive: true,
            },
          },
          {
            ...{ Type: 'volume', Source: 'v', Target: '/b' },
            VolumeOptions: {
              NoCopy: true,
              Labels: { l: '1' },
              Subpath: 's',
              DriverConfig: { Name: 'local', Options: { o: '1' } },
            },
          },
          {
            Type: 'tmpfs',
            Target: '/c',
            TmpfsOptions: { SizeBytes: 1048576, Mode: 448, Options: [['noexec']] },
          },
          { Type: 'volume', Target: '/d' },
        ],
        ...{ StopSignal: 'SIGINT', StopGracePeriod: 5e9 },
        Healthcheck: {
          ...{
            Test: ['CMD', 'true'],
            Interval: 1e9,
            Timeout: 2e9,
            StartPeriod: 4e9,
            StartInterval: 1e9,
            Retries: 3,
          },
        },
        Hosts: ['10.0.0.1 a b'],
        DNSConfig: { Nameservers: ['10.0.0.9'], Search: ['s'], Options: ['ndots:1'] },
        ...{ Isolation: 'default', OomScoreAdj: 100, Init: false, Sysctls: { 'net.core.somaxconn': '1024' } },
        ...{ CapabilityAdd: ['CAP_NET_RAW', 'CAP_SYS_ADMIN'], CapabilityDrop: ['CAP_CHOWN'] },
        Ulimits: [
          { Name: 'nofile', Hard: 200, Soft: 100 },
          { Name: 'core', Hard: -1, Soft: -1 },
        ],
      },
      Resources: {
        Limits: { NanoCPUs: 5e8, MemoryBytes: 67108864, Pids: 40 },
        Reservations: {
          ...{ NanoCPUs: 1e7, MemoryBytes: 8388608 },
          GenericResources: [
            { DiscreteResourceSpec: { Kind: 'SSD', Value: 3 } },
            { NamedResourceSpec: { Kind: 'GPU', Value: 'UUID1' } },
          ],
        },
      },
      RestartPolicy: { Condition: 'on-failure', Delay: 1e9, MaxAttempts: 3, Window: 5e9 },
      Placement: {
        Constraints: ['node.role==manager'],
        Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.dc' } }],
        MaxReplicas: 2,
        Platforms: [{ Architecture: 'amd64', OS: 'linux' }],
      },
      LogDriver: { Name: 'json-file', Options: { 'max-size': '1m' } },
      ForceUpdate: 3,
      Runtime: 'container',
    },
    Mode: { Replicated: { Replicas: 0 } },
    UpdateConfig: {
      ...{ Parallelism: 2, Delay: 1e9, FailureAction: 'rollback', Monitor: 15e9 },
      ...{ MaxFailureRatio: 0.15, Order: 'start-first' },
    },
    RollbackConfig: {
      ...{ Parallelism: 1, Delay: 1e9, FailureAction: 'continue', Monitor: 15e9 },
      ...{ MaxFailureRatio: 0.25, Order: 'stop-first' },
    },
    EndpointSpec: {
      Mode: 'vip',
      Ports: [
        { Name: 'p', Protocol: 'udp', TargetPort: 80, PublishedPort: 8181, PublishMode: 'host' },
        { Protocol: 'tcp', TargetPort: 81, PublishMode: 'host' },
      ],
    },
  };
  const modes = [
    { Replicated: { Replicas: 3 } },
    { Global: {} },
    { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 5 } },
    { GlobalJob: {} },
  ];

  for (const Mode of modes) {
    test(`a service with every field, ${Object.keys(Mode)[0]}; writing what was read changes nothing`, async () => {
      const cluster = await new TestCluster().found();
      const { UpdateConfig, RollbackConfig, ...rest } = full;
      const job = 'ReplicatedJob' in Mode || 'GlobalJob' in Mode;
      const sent = { ...rest, Mode, ...(job ? {} : { UpdateConfig, RollbackConfig }) };
      const created = await cluster.ask('POST', '/services/create', { body: sent });
      assert.equal(created.status, 201, created.text);
      const read = async () =>
        (await cluster.ask('GET', '/services/full')).body as { Spec: object; Version: { Index: number } };
      const { Spec, Version } = await read();
      assert.deepEqual(Spec, sent);
      const { ID, internal } = cluster.store.view.byName('service', 'full')[0]!;
      const updated = await cluster.ask('POST', `/services/full/update?version=${Version.Index}`, {
        body: Spec,
      });
      assert.deepEqual([updated.status, updated.body], [200, { Warnings: null }]);
      assert.deepEqual((await read()).Spec, sent);
      assert.equal(cluster.store.view.get('service', ID)!.internal.specVersion, internal.specVersion);
    });
  }

  test('fields that need other objects, or exclude others', async () => {
    const cluster = await new TestCluster().found();
    const idOf = async (kind: string): Promise<string> => {
      const { body } = await cluster.ask('POST', `/${kind}/create`, { body: { Name: 'c', Data: data } });
      return (body as { ID: string }).ID;
    };
    const [SecretID, ConfigID] = [await idOf('secrets'), await idOf('configs')];
    const File = { Name: 'f', UID: '1', GID: '2', Mode: 288 };
    const container = (more: object) => ({ ContainerSpec: { Image: 'a', ...more } });
    const specs: object[] = [
      container({
        Secrets: [{ File, SecretID, SecretName: 'c' }],
        Configs: [{ File, ConfigID, ConfigName: 'c' }],
      }),
      container({
        Privileges: {
          ...{
            CredentialSpec: { Config: ConfigID, File: '', Registry: '' },
            SELinuxContext: null,
            NoNewPrivileges: false,
          },
        },
        Configs: [{ Runtime: {}, ConfigID, ConfigName: 'c' }],
      }),
      ...[{ File: 'spec.json' }, { Registry: 'key' }].map((CredentialSpec) =>
        container({
          Privileges: {
            CredentialSpec: { Config: '', File: '', Registry: '', ...CredentialSpec },
            SELinuxContext: null,
            NoNewPrivileges: false,
          },
        }),
      ),
      container({
        Privileges: {
          ...{ CredentialSpec: null, SELinuxContext: null, NoNewPrivileges: false },
          Seccomp: { Mode: 'custom', Profile: 'e30=' },
        },
      }),
      container({
        Mounts: [
          {
            ...{ Type: 'bind', Source: '/b', Target: '/b', ReadOnly: true },
            BindOptions: { Propagation: 'rprivate', ReadOnlyForceRecursive: true },
          },
        ],
      }),
    ];
    for (const [index, TaskTemplate] of specs.entries()) {
      const answer = await cluster.ask('POST', '/services/create', {
        body: { Name: `s${index}`, TaskTemplate },
      });
      assert.equal(answer.status, 201, answer.text);
      const { Spec } = (await cluster.ask('GET', `/services/s${index}`)).body as {
        Spec: { TaskTemplate: { ContainerSpec: object } };
      };
      const sent = (TaskTemplate as { ContainerSpec: object }).ContainerSpec;
      assert.deepEqual(Spec.TaskTemplate.ContainerSpec, { ...sent, Isolation: 'default' });
    }
  });

  test('secrets, configs and nodes', async () => {
    const cluster = await new TestCluster().found();
    const content = { Name: 'a', Labels: { x: 'y' }, Templating: { Name: 'golang', Options: { o: '1' } } };
    for (const kind of ['secrets', 'configs']) {
      await cluster.ask('POST', `/${kind}/create`, { body: { ...content, Data: data } });
      const { Spec } = (await cluster.ask('GET', `/${kind}/a`)).body as { Spec: object };
      assert.deepEqual(Spec, { ...content, ...(kind === 'configs' && { Data: data }) });
    }
    const version = cluster.store.view.get('node', cluster.nodeId)!.Version.Index;
    const body = { Name: 'n', Labels: { z: '1', a: '2' }, Role: 'manager', Availability: 'pause' };
    const answer = await cluster.ask('POST', `/nodes/${cluster.nodeId}/update?version=${version}`, { body });
    assert.equal(answer.status, 200, answer.text);
    const { Spec } = (await cluster.ask('GET', `/nodes/${cluster.nodeId}`)).body as { Spec: object };
    assert.deepEqual(Spec, body);
  });
});
